"""Name strings: the ways in which a written name can be read."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace

_ALIKE = str.maketrans(
    {"_": " ", "×": " x ", **dict.fromkeys("’‘ʼ´`", "'"), **dict.fromkeys("‐‑‒–—−", "-")}
)
_FIRST_SIGN, _SECOND_SIGN = (re.compile(rf"^({a})(?:x )+(?=[^\W\d_])") for a in ("", r"\S+ "))
_GENUS = re.compile(r"[A-ZÀ-ÖØ-Þ][a-zß-öø-ÿœ-]+")
_SUBGENUS = re.compile(rf"\({_GENUS.pattern}\)")
_EPITHET = re.compile(r"[a-zß-öø-ÿœ][a-zß-öø-ÿœ-]+")
_RANK = re.compile(r"(?:notho)?(?:ssp|subsp|(?:sub)?var|f|fo|forma|morph|cv)\.?")
_DOUBT = re.compile(r"(?:spp?|cf|aff|nr|indet|undet)(?:\.\S*|\d+)?|(?:gen|n)\.\S*|\?")
_CONTEXT = re.compile(rf"(.+) \(({_GENUS.pattern})\)")
_HIGHER = re.compile(r"(?:a|ae|ales|Aves|formes|Fungi)$")  # endings of taxa, hardly of authors
_CULTIVAR = re.compile(r" (?:cv\.? [A-Z]|['‘\"“])")
_MARKS = re.compile(r"<[^<>]{1,9}>|[†‡*]")
_AUTHOR = re.compile(
    r"[^\W\d_a-zß-öø-ÿœ].*|[a-z]{0,4}['’]\w.*|auctt?\.?|sensu|s\.l\.|s\.str\.|agg\.?|hort\.?"
    r"|af|da|dal|de|del|della|den|der|des|di|do|dos|du|la|le|los|ten|van|von|zu"
)
_BESIDE = re.compile(r"&|and|et|ex|in|non|nec|e|y|f\.|fil\.|al\.|(?:1[789]|20)\d\d[a-z]?\)?\.?")
# "Iris Blue", "Bison Yellowstone 2019" and "Victoria St. Petersburg" cite no author of a genus.
_CITED = re.compile(r", ?(?:1[789]|20)\d\d|\b1[78]\d\d|\.(?! [A-Z])")
_NO_TAXON = {
    "blank": r"blanks?|empty|nothing|none|ghosts?|misfires?|no (?:animals?|wildlife|cv result)"
    r"|false (?:positive|trigger|detection)s?",
    "vehicle": r"(?:motor ?)?(?:vehicle|car|truck|lorry|lorrie|bus|van|tractor|bike|cycle|bicycle"
    r"|boat|train|airplane|atv|quad|snowmobile)(?:e?s)?",
    "human": r"(?:human|person|hiker|cyclist|researcher|ranger|hunter|pedestrian)s?|people|m[ae]n"
    r"|wom[ae]n|child(?:ren)?|staff|crew|(?:set ?up|setup.pick ?up|pick ?up|maintenance)(?: crew)?",
    "unknown": r"(?:un(?:known|identified|identifiable|determined|sorted|classified)|others?|indet"
    r"|misc|miscellaneous)(?: (?:species|spp?|taxon|organism))?|n/?a|null|nan|spp?|\?*",
    "morphospecies": r"morphospecies|(?:morpho ?(?:species|spp?)?|msp|otu|spp?|species)"
    r"(?:[. ]*\d+\w?|[. ]+\w)",
    "BIN": r"bold: ?[a-z]{3}\d{4,}",
}


WITHOUT_MARKS = "without its marks"


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read what somebody wrote."""

    name: str  # what to look up: cleaned, not folded
    reason: str = ""  # what was done to it, in words for people; "" as written
    context: str = ""  # a taxon that contains it or lies in it: "Plantae" of "Ficus (Plantae)"
    whole: bool = True  # False where some of it is left out: the genus of "Ursus sp."


def fold(name: str) -> str:
    """Return a name as it is compared: no case, no diacritics, no hybrid sign, single spaces.

    A hybrid formula keeps its sign: "Quercus robur × petraea" is no subspecies of Quercus robur.
    """
    name = name.encode(errors="replace").decode()  # of a file name that is no UTF-8
    for _ in range(2):  # "ℍ" is a capital only once it is decomposed
        name = unicodedata.normalize("NFKD", name.translate(_ALIKE).casefold())
    words = "".join(c for c in name if not unicodedata.combining(c)).split()
    return _SECOND_SIGN.sub(r"\1", _FIRST_SIGN.sub("", " ".join(words)))


def no_taxon(text: str) -> str:
    """Return what a label is that names no taxon: "blank", "vehicle", …; "" for any other text."""
    said = " ".join(fold(text).replace("-", " ").split()).strip(" .,!()[]")
    if not text.strip() or re.match(r"\s*Morpho[\s_]", text):  # a genus
        return ""
    return next((kind for kind, words in _NO_TAXON.items() if re.fullmatch(words, said)), "")


def readings(text: str) -> list[Reading]:
    """Return how a text can be read as a name, best first: as written, then with less and less."""
    written = " ".join(text.replace("_", " ").split())
    found = {(written, ""): Reading(written)}
    queue = list(found.values()) if len(written) <= 300 else []  # longer is no name
    for reading in queue:  # grows: what was simplified once is simplified again
        for new in _simpler(reading.name):
            context = new.context or reading.context
            new = replace(new, context=context, whole=new.whole and reading.whole)
            if new.name and found.setdefault((new.name, context), new) is new:
                queue.append(new)
    return sorted(found.values(), key=lambda reading: not reading.whole)[:8]


def _simpler(name: str) -> Iterator[Reading]:
    """Yield a name's next readings, each without one more thing."""
    own, rest = _split(name)
    if (plain := _without_marks(name)) != name:
        yield Reading(plain, WITHOUT_MARKS)
    elif (genus := _common_genus(name)) is not None:
        yield Reading(genus, "the genus of both parents", whole=False)
    elif place := _CONTEXT.fullmatch(name):
        yield Reading(place[1], f"in {place[2]}", place[2])
        if not _HIGHER.search(place[2]) and _is_citation(own, rest):
            yield Reading(" ".join(own), "without its author")
    elif not own or name.endswith(("?", "?)")):
        return
    elif cultivar := _CULTIVAR.search(name):
        yield Reading(name[: cultivar.start()], "without its cultivar", whole=False)
    elif rest and (_DOUBT.fullmatch(rest[0]) or _RANK.fullmatch(rest[0])):
        sure = " ".join(word for word in own if not word.startswith("("))
        yield Reading(sure, f'only "{sure}" is sure', whole=False)
    elif _is_citation(own, rest):
        yield Reading(" ".join(own), "without its author")
    elif not rest:
        yield from _shorter(*own)


def _shorter(genus: str, *others: str) -> Iterator[Reading]:
    """Read a name without its subgenus, without its rank marker, or as its species."""
    epithets = [word for word in others if _is_epithet(word)]
    if epithets and others[0].startswith("("):
        yield Reading(" ".join([genus, *others[1:]]), "without its subgenus")
    elif len(others) > len(epithets) > 1:
        yield Reading(" ".join([genus, epithets[0], epithets[-1]]), "without its rank marker")
    elif len(epithets) == 2:
        yield Reading(f"{genus} {epithets[0]}", "its species", whole=False)


def _split(name: str) -> tuple[list[str], list[str]]:
    """Split into the name's own words (genus, subgenus, epithets, rank markers) and the others."""
    first, *words = [w for w in name.replace("×", " ").split() if w not in ("x", "X")] or [""]
    if not (_GENUS.fullmatch(first) or (name.islower() and _is_epithet(first))):
        return [], [first, *words]
    own, rest = [first], list[str]()
    for before, word, after in zip([first, *words], words, [*words[1:], ""], strict=False):
        marker = before if _is_epithet(word) else word if _is_epithet(after) else ""
        is_ranked = _RANK.fullmatch(marker) and all(map(_is_author, rest))
        is_next = _is_epithet(word) or (len(own) == 1 and _SUBGENUS.fullmatch(word))
        (own if is_ranked or (is_next and not rest) else rest).append(word)
    return own, rest


def _without_marks(name: str) -> str:
    plain = " ".join(_MARKS.sub("", name).split()).strip(" ,;")
    if len(plain) > 2 and plain[0] in "\"'“‘„«" and plain[-1] in "\"'”’“»":
        plain = plain[1:-1].strip(" ,;")
    own, rest = _split(plain.removesuffix("."))
    return plain.removesuffix(".") if own and not rest else plain  # "sp." and "L." keep theirs


def _common_genus(name: str) -> str | None:
    """Return the genus of a hybrid's parents, "" where they differ; None for any other name."""
    first, *others = [part.split() for part in re.split(r"×| [xX] ", name) if part.strip()] or [[]]
    if not others or (len(first) == len(others) == 1 and others[0][0].islower()):
        return None  # "Quercus × rosacea" is a name
    genus = first[0] if _GENUS.fullmatch(first[0]) else ""
    for word, *more in others:
        epithet = _is_epithet(word) and not any(map(_is_epithet, more[:1]))
        genus = genus if epithet or word in (genus, f"{genus[:1]}.") else ""
    return genus


def _is_epithet(word: str) -> bool:
    reserved = (_DOUBT, _RANK, _AUTHOR, _BESIDE)
    return bool(_EPITHET.fullmatch(word)) and not any(no.fullmatch(word) for no in reserved)


def _is_author(word: str) -> bool:
    bare = word.strip("()[],;:")
    return bool(_AUTHOR.fullmatch(bare) or _BESIDE.fullmatch(bare))


def _is_citation(own: list[str], rest: list[str]) -> bool:
    """Whether an author follows a name and nothing else does; after a genus, beyond doubt."""
    if not rest or not _AUTHOR.fullmatch(rest[0].strip("()[],;:")):
        return False
    certain = any(map(_is_epithet, own[1:])) or _CITED.search(" ".join(rest))
    return bool(certain) and all(map(_is_author, rest))
