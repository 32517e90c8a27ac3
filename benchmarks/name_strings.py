"""Name strings of two public parsers' test suites: how many are understood, by kind.

`python -m benchmarks.name_strings FOLDER` reads what lies in FOLDER: `test_data.md` and
`test_data_cultivars.md` of gnames/gnparser, `expected-parse.jsonl` (testdata/golden) and
`*.rs` (crates/nameparser/tests) of gbif/name-parser-rust. Every name that they expect, with its
species and genus, makes a taxonomy; each string is resolved in it. A string is
    right    whole and the expected taxon; or, of "sp.", "cf." or a cultivar, as much as is sure
    partly   only a part of it is understood, and the answer says so
    unknown
    wrong    whole, and another taxon than the expected one: a silent error
"""

import json
import re
import sys
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa

from indexer.taxonomy.draft import TAXA, Draft
from indexer.taxonomy.name_strings import fold
from indexer.taxonomy.resolver import Resolution, resolve_all
from indexer.taxonomy.tables import write_tables

KINDS = {
    "hybrid": r"×| [xX] |^[xX] |notho",
    "cultivar": r"'[A-Z]|\"[A-Z]|‘|“|\bcv\b|\bgrex\b|\bGroup\b",
    "sp., cf., aff.": r"\b(?:spp?|spec|cf|aff|nr|indet|n)\b\.?|\bspecies\b|\?|\b(?:var|ssp)\.?$",
    "nomenclatural note": r"\b(?:nom|comb|ined|illeg|nud|inval|cons|orth|stat)\b\.?|\bms\b",
    "sensu, emend.": r"\b(?:sensu|auct|emend|sec|fide|non|nec|s\.)\b|\bs\.? ?(?:l|str|s|lat)\.",
    "ex, in": r"\b(?:ex|in|apud)\b",
    "ligature": r"[œæŒÆſ]",
    "odd year": r"\[\d|\d{4}[\"”'?]|\d{4}[-–/]\d|\d{4}, ?\d{4}|\(\d{4}\)|\d{4}[a-z]\b",
    "subgenus": r"^\S+ \([A-Z][a-z-]+\.?\) ?[a-z]|\b(?:subgen|sect|ser)\b",
}


def main() -> None:
    names = dict(_expected(Path(sys.argv[1])))
    show = sys.argv[2] if len(sys.argv) > 2 else ""
    connection = duckdb.connect()
    write_tables(connection, Draft(_taxa(names.values())))
    counts: dict[str, Counter[str]] = {}
    for found in resolve_all(connection, list(names)):
        expected = names[found.written]
        judged, kind = _judge(found, expected), _kind(found.written, expected)
        counts.setdefault(kind, Counter())[judged] += 1
        if judged == show:
            print(kind, found.written, expected, *map(str, found.clades), found.reason, sep=" | ")
    counts = dict(sorted(counts.items())) | {"all": sum(counts.values(), Counter())}
    for kind, each in counts.items():
        shares = " ".join(f"{each[word]:6}" for word in ("right", "partly", "unknown", "wrong"))
        print(
            f"{kind:20} {sum(each.values()):6} {shares}   {each['right'] / sum(each.values()):.3f}"
        )


def _judge(found: Resolution, expected: str) -> str:
    if " × " in expected:  # a formula names no taxon of its own
        return "wrong" if found.clades and found.whole else "right"
    if not found.clades:
        return "unknown"
    (clade, *_), name = found.clades, fold(expected.rpartition(" > ")[2])
    if found.whole:
        return "right" if fold(clade.name) == name else "wrong"
    unsure = any(re.search(KINDS[kind], found.written) for kind in _UNSURE)
    if unsure and fold(clade.name) == fold(expected.partition(" > ")[0]):
        return "right"  # of "Genus (Subgenus) sp." the genus
    if not f"{name} ".startswith(f"{fold(clade.name)} "):
        return "wrong"
    return "right" if unsure or fold(clade.name) == name else "partly"


def _kind(name: str, expected: str) -> str:
    for kind, pattern in KINDS.items():
        if re.search(pattern, name):
            return kind
    words = len(expected.split())
    author = "with author" if len(name.split()) > words else "alone"
    return f"{('', 'genus', 'species', 'infraspecific')[min(words, 3)]} {author}"


def _taxa(expected: Iterable[str]) -> pa.Table:
    lines = {"x": (0, "x", "", "kingdom", "Xxxxx")}
    for name in sorted(name for name in expected if " × " not in name):  # a formula is no taxon
        above, (upper, _, section) = "x", name.partition(" > ")
        words = upper.split()
        for depth in range(1, len(words) + 1):
            part = " ".join(words[:depth])
            rank = ("genus", "species", "subspecies", "form")[min(depth, 4) - 1]
            lines.setdefault(fold(part), (len(lines), fold(part), above, rank, part))
            above = fold(part)
        if section:
            lines.setdefault(fold(name), (len(lines), fold(name), above, "section", section))
    return pa.table(list(map(list, zip(*lines.values(), strict=True))), schema=TAXA)


def _expected(folder: Path) -> Iterator[tuple[str, str]]:
    """Yield each string and its name: genus, species and infraspecific epithets."""
    for path in sorted(folder.rglob("*")):
        if path.suffix == ".md":
            found = re.findall(r"^Name: (.+)\n\nCanonical: (.+)$", path.read_text(), re.M)
            yield from ((name, _bare(canonical)) for name, canonical in found if _bare(canonical))
        elif path.suffix == ".jsonl":
            for line in path.read_text().splitlines():
                each = json.loads(line)
                if name := _of_parts(each.get("parsed") or {}):
                    yield each["input"], name
        elif path.suffix == ".rs":
            for name, method, arguments in re.findall(_ASSERTED, path.read_text()):
                words = re.findall(r'"((?:[^"\\]|\\.)*)"', arguments)
                words = [words[0], words[-1]] if method == "species_ig" else words
                if all(words) and "\\" not in name:
                    yield name, " ".join(words)


def _bare(canonical: str) -> str:
    if re.search(r"[\w.] × ?[A-Z?]", canonical):
        return canonical
    if section := re.fullmatch(rf"(\S+) (?:{_SECTION})\.? (\S+)", canonical):
        return f"{section[1]} > {section[2]}"
    plain = re.sub(r"[‘'\"“].*| Group$| gx$|×|\b(?:[a-z]+\.|cv) ", "", canonical).strip()
    return " ".join(plain.split()) if re.fullmatch(r"[\w. '-]+", plain) else ""


def _of_parts(parts: dict[str, object]) -> str:
    if parts.get("uninomial"):
        return str(parts["uninomial"])
    if parts.get("infragenericEpithet") and parts.get("genus") and not parts.get("specificEpithet"):
        return f"{parts['genus']} > {parts['infragenericEpithet']}"
    words = [parts.get(word) for word in ("genus", "specificEpithet", "infraspecificEpithet")]
    return " ".join(str(word) for word in words if word) if words[0] else ""


_ASSERTED = (
    r'assert_name\w*\(\s*"([^"]+)"[^;]*?\)\s*'
    r"\.(monomial|species|species_ig|infra_species)\(([^)]*)\)"
)
_SECTION = "(?:notho|sub|super|supra)?(?:sect|ser|subg|subgen|gen|tr|trib|fam|div)|unr"
_UNSURE = ("hybrid", "cultivar", "sp., cf., aff.")

if __name__ == "__main__":
    main()
