"""Suggestions: names that begin like one that is not known, or are spelt nearly so.

One edit leaves the first or the last half of a name as it was (but for the two letters in the
middle exchanged), two leave mostly its first or last third. So only names that share such a part
are compared: two ranges of sorted tables instead of a million names. Names that share a half share
a third too, among many more: a text of more words than most names is sought by thirds at once.
"""

from dataclasses import dataclass

import duckdb
from rapidfuzz.distance import OSA, JaroWinkler
from rapidfuzz.process import extract

from indexer.taxonomy.name_strings import fold
from indexer.taxonomy.resolver import COLUMNS, Clade, clade_of

MOST = 5
_AFTER = "\U0010ffff"  # sorts after every letter
_LETTERS_AN_EDIT = 5  # one edit is likely in "lyon", two in a genus, three in a binomial
_MOST_EDITS = 3
_WORDS = 3  # of the longest scientific name without marks of rank


@dataclass(frozen=True, slots=True)
class Suggestion:
    """A name that was perhaps meant."""

    name: str
    clade: Clade
    reason: str
    """"spelling" or "beginning" """
    score: float
    """1 less the edits between the two, per letter of the longer one"""


def suggest(
    connection: duckdb.DuckDBPyConnection, written: str, most: int = MOST
) -> list[Suggestion]:
    """Return the taxa whose names are nearest to what was written, nearest first.

    Spelling counts in edits (a letter more, less or other, or two exchanged) per letter; among
    equals the name that begins alike, the scientific one and the higher taxon come first. Where
    nothing is near, names that begin so.
    """
    folded = fold(written)
    near = _spelt_alike(connection, folded, most)
    begun = _beginning_alike(connection, folded, most - len(near)) if len(near) < most else []
    found = [(name, "spelling") for name in near]
    found += [(name, "beginning") for name in begun if name not in near]
    return _suggestions(connection, folded, found)[:most]


def suggest_spelling(
    connection: duckdb.DuckDBPyConnection, written: str, most: int = MOST
) -> list[Suggestion]:
    """Return the taxa among those of `suggest` whose names are spelt nearly so."""
    folded = fold(written)
    found = [(name, "spelling") for name in _spelt_alike(connection, folded, most)]
    return _suggestions(connection, folded, found)[:most]


def _suggestions(
    connection: duckdb.DuckDBPyConnection, folded: str, found: list[tuple[str, str]]
) -> list[Suggestion]:
    """Return the taxa that bear folded names, which were found for a reason each."""
    clades = _taxa_called(connection, [name for name, _ in found]) if found else {}
    return [
        Suggestion(name, clade, reason, round(OSA.normalized_similarity(folded, key), 3))
        for key, reason in found
        for name, clade in clades[key]
    ]


def _spelt_alike(connection: duckdb.DuckDBPyConnection, folded: str, most: int) -> list[str]:
    edits = min(_MOST_EDITS, 1 + (len(folded) - 1) // _LETTERS_AN_EDIT)
    middle = len(folded) // 2
    turned = folded[: middle - 1] + folded[middle - 1 : middle + 1][::-1] + folded[middle + 1 :]
    for parts in (2, 3) if len(folded.split()) <= _WORDS else (3,):
        shared = len(folded) // parts
        if not shared:
            continue
        start, end = folded[:shared], folded[::-1][:shared]
        block = connection.execute(
            _BLOCK, [start, start + _AFTER, end, end + _AFTER, turned, len(folded), edits]
        ).fetchnumpy()["folded"]
        near = extract(folded, block, scorer=OSA.distance, score_cutoff=edits, limit=most * 4)
        if near:
            near.sort(key=lambda each: _nearness(folded, each[0]), reverse=True)
            return [name for name, _, _ in near[:most]]
    return []


def _nearness(folded: str, name: str) -> tuple[float, float]:
    return OSA.normalized_similarity(folded, name), JaroWinkler.similarity(folded, name)


def _beginning_alike(connection: duckdb.DuckDBPyConnection, start: str, most: int) -> list[str]:
    if len(start) < 3:
        return []
    found = connection.execute(_BEGINNING, [start, start + _AFTER, most]).fetchall()
    return [name for (name,) in found]


def _taxa_called(
    connection: duckdb.DuckDBPyConnection, folded: list[str]
) -> dict[str, list[tuple[str, Clade]]]:
    called: dict[str, list[tuple[str, Clade]]] = {}
    for key, name, *clade in connection.execute(_CALLED, [folded]).fetchall():
        called.setdefault(key, []).append((name, clade_of(clade)))
    return called


_BLOCK = """
SELECT folded FROM (
    SELECT DISTINCT folded FROM names WHERE folded >= $1 AND folded < $2
    UNION
    SELECT reverse(reversed) FROM endings WHERE reversed >= $3 AND reversed < $4
    UNION
    SELECT folded FROM names WHERE folded = $5
) WHERE abs(length(folded) - $6) <= $7
"""
_BEGINNING = """
SELECT folded FROM names WHERE folded >= ? AND folded < ?
GROUP BY folded ORDER BY length(folded), folded LIMIT ?
"""
_CALLED = f"""
SELECT folded, names.name, {COLUMNS}
FROM names JOIN (SELECT unnest(?) AS folded) USING (folded) JOIN taxa USING (lo)
QUALIFY row_number() OVER (PARTITION BY folded, lo ORDER BY kind <> 'scientific') = 1
ORDER BY kind <> 'scientific', hi - lo DESC, lo
"""
