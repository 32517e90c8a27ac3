"""Name strings: the ways in which a written name can be read."""

import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import lru_cache
from html import unescape

from indexer.taxonomy.name_parts import FAMILY, GENUS, Parts, parts_of

_ALIKE = str.maketrans(
    {
        **{"_": " ", "×": " x ", "œ": "oe", "æ": "ae"},
        **dict.fromkeys("’‘ʼʻʹʽʾʿˈꞋꞌ‛′´`", "'"),  # apostrophes, okina and saltillo
        **dict.fromkeys("‐‑‒–—−", "-"),
    }
)
_FIRST_SIGN, _SECOND_SIGN = (re.compile(rf"^({a})(?:x )+(?=[^\W\d_])") for a in ("", r"\S+ "))
_SUBGENUS = re.compile(rf"\({GENUS.pattern}\)")
_EPITHET = re.compile(r"[a-zß-öø-ÿœſ][a-zß-öø-ÿœſ-]+")
_RANK = re.compile(r"(?:notho)?(?:ssp|subsp|(?:sub)?var|f|fo|forma|morph|cv|pv|pathovar)\.?")
_DOUBT = re.compile(
    r"(?:spp?|spec|species|group|complex|cf|aff|nr|indet|undet)(?:\.\S*|\d+)?|(?:gen|n)\.\S*|\?"
)
_NEAR = re.compile(r"(?:cf|aff|nr)\.?")
_CONTEXT = re.compile(rf"(.+) \(({GENUS.pattern})\)")
_HIGHER = re.compile(r"(?:a|ae|ales|Aves|formes|Fungi)$")  # endings of taxa, hardly of authors
_LATIN = re.compile(r"(?:a|ae|us|um|is|es|on|os|ops|as|ax|ix|ex|yx|ys|ion)$")  # of a subgenus
_PARTICLE = re.compile(r"[a-z]{2,4}|[a-z]['’][a-z]+")  # of an author, or an epithet: "Zodarion van"
_GROUP = re.compile(r"(.+ \d{4}\)?) (?:species )?(?:group|complex)")
# Strains and serovars are no taxa (ICNP 14).
_STRAIN = re.compile(
    r" (?:ATCC|BCCM|CBS|CCUG|DSM|JCM|LMG|NBRC|NCIMB|NCTC|NRRL|PCC) ?\d+$"
    r"| \(?(?:serotype|serovar|biovar|strain|str\.(?= \S*\d)) (?!\S*\.$).*$"
)
_CULTIVAR = re.compile(
    r" ['‘][A-Z]\w*'s .*['’]$|"
    r",? (?:cv\.? ?['‘\"“A-Z]|['‘\"“]\w[^'’\"”]*['’\"”](?!\w)|[A-Z][\w' -]* (?:Group|[Gg]rex|gx)$)"
    r"|(?<=[a-z])['‘“][A-Z]\w+['’”]"
)
_MARKS = re.compile(
    r"^\d{1,5}[._ ]\s?(?=[^\W\d_]{3})|<[^<>]{1,9}>|[†‡*]|\s!$|^\+\s?|^[\"']?Candidatus\s"
    r"|^[xX](?=[A-Z][a-z]{2})|\s?\([\"'“][a-z -]+[\"'”]\)|\s?\[=[^\]]*\]\.?$"
    r"| \[sic!?\]$| (?:Not (?:given|applicable)|not given)$| null(?= [a-z])"
)
_QUOTED = re.compile(r"^[\"'“‘](Candidatus [^\"'“”‘’]+)[\"'”’]|^\[([A-Z][a-z-]+)\](?= [a-z]|$)")
# Other spellings of the same: "& amp;" of a page that was escaped twice, "f. sp." of a rust.
_SPELLED = (
    (re.compile(r"& ?amp\b;?"), "&"),
    (re.compile(r"\bf\. ?sp\. (?=[a-z])"), "f. "),
    (re.compile(r" fa (?=[a-z])"), " f. "),
    (re.compile(r"\bst\.-(?=[a-z])"), "st-"),
)
_FULL_STOP = re.compile(rf"(?:{GENUS.pattern}|{_EPITHET.pattern})(?: {_EPITHET.pattern})*\.")
_SHORT = re.compile(r"\b(?:spp?|spec|cf|aff|nr|indet|undet|ssp|subsp|var|fo?|forma|agg|auctt?)\.$")
WITHOUT_MARKS = "without its marks"
WITHOUT_AUTHOR = "without its author"
WITHOUT_STRAIN = "without its strain"


@dataclass(frozen=True, slots=True)
class Reading:
    """One way to read what somebody wrote."""

    name: str  # what to look up: cleaned, not folded
    reason: str = ""  # what was done to it, in words for people; "" as written
    context: str = ""  # a taxon that contains it or lies in it: "Plantae" of "Ficus (Plantae)"
    whole: bool = True  # False where some of it is left out: the genus of "Ursus sp."


@lru_cache(1 << 16)
def fold(name: str) -> str:
    """Return a name as it is compared: no case, no diacritics, no hybrid sign, single spaces.

    A hybrid formula keeps its sign: "Quercus robur × petraea" is no subspecies of Quercus robur.
    """
    name = name.encode(errors="replace").decode()  # of a file name that is no UTF-8
    for _ in range(2):  # "ℍ" is a capital only once it is decomposed
        name = unicodedata.normalize("NFKD", name.translate(_ALIKE).casefold())
    words = "".join(c for c in name if not unicodedata.combining(c)).split()
    return _SECOND_SIGN.sub(r"\1", _FIRST_SIGN.sub("", " ".join(words)))


def as_written(text: str) -> Reading:
    """Return the first reading of a text: all of it."""
    return Reading(" ".join(text.replace("_", " ").split()))


def readings(text: str) -> list[Reading]:
    """Return how a text can be read as a name, best first: as written, then with less and less."""
    first = as_written(text)
    found = {(first.name, ""): first}
    if len(first.name) <= 300:  # longer is no name
        for reading in _simpler(first.name):
            if reading.name:
                found.setdefault((reading.name, reading.context), reading)
    return sorted(found.values(), key=lambda reading: not reading.whole)[:8]


def _simpler(name: str) -> Iterator[Reading]:
    """Yield a name's other readings."""
    if (plain := _without_marks(name)) != name:
        yield Reading(plain, WITHOUT_MARKS)
    if (genus := _common_genus(plain)) is not None:
        yield Reading(genus, "the genus of both parents", whole=False)
    elif place := _CONTEXT.fullmatch(plain):
        yield Reading(place[1], f"in {place[2]}", place[2])
        for reading in _simpler(place[1]):
            yield replace(reading, context=place[2])
        if not _HIGHER.search(place[2]):
            yield from _of_parts(plain)
            if " " not in place[1] and not _LATIN.search(place[2]):
                yield _only(place[1])  # "Humiriastrum (Urban)" has the author in brackets
    elif strain := _STRAIN.search(plain):
        yield Reading(plain[: strain.start()], WITHOUT_STRAIN)
        for reading in _simpler(plain[: strain.start()]):
            yield reading
    elif group := _GROUP.fullmatch(plain):
        for reading in _simpler(group[1]):
            yield replace(reading, whole=False)
    elif cultivar := _CULTIVAR.search(plain):
        cut = plain[: cultivar.start()]
        yield Reading(cut, "without its cultivar", whole=False)
        for reading in _simpler(cut):
            yield replace(reading, whole=False)
    elif sure := _doubted(plain) or _before_a_rank(plain):
        yield _only(sure)
    else:
        yield from _of_parts(plain)


def _of_parts(text: str) -> Iterator[Reading]:
    """Read a name without its author, subgenus and rank marker, or as its species."""
    if " " not in text or (parts := parts_of(text)) is None:
        return
    if parts.sure:
        yield _only(parts.sure)
    elif parts.section:
        yield Reading(parts.subgenus, f"in {parts.genus}", parts.genus)
    elif parts.species:
        yield from _of_species(parts)
    elif parts.citation:
        yield from _of_genus(parts)


def _of_genus(parts: Parts) -> Iterator[Reading]:
    """Read a genus or another taxon of one word without its author."""
    first = parts.citation.split()[0]
    if parts.subgenus:  # "Humiriastrum (Urban) Cuatrecasas": a subgenus, or the first author
        yield Reading(parts.name(), WITHOUT_AUTHOR)
        yield Reading(parts.genus, f"in {parts.subgenus}", parts.subgenus)
        unsure = bool(_LATIN.search(parts.subgenus))
    else:
        unsure = bool(_PARTICLE.fullmatch(first)) and not FAMILY.search(parts.genus)
        if unsure:  # "Zodarion van Bosmans": an epithet, or of the author
            yield Reading(f"{parts.genus} {first}", WITHOUT_AUTHOR)
    yield _only(parts.genus) if unsure else Reading(parts.genus, WITHOUT_AUTHOR)


def _of_species(parts: Parts) -> Iterator[Reading]:
    """Read a species or a taxon below one with less and less."""
    if parts.citation:
        yield Reading(parts.name(), WITHOUT_AUTHOR)
    if parts.subgenus:
        yield Reading(parts.name(subgenus=False), "without its subgenus")
    if parts.marker:
        yield Reading(parts.name(subgenus=False, marker=False), "without its rank marker")
    if parts.infraspecific:
        yield Reading(f"{parts.genus} {parts.species}", "its species", whole=False)


def _before_a_rank(name: str) -> str:
    """Return the species before a rank's marker that nothing follows: "Abies alba Mill. var."."""
    before, _, last = name.rpartition(" ")
    if not before or not _RANK.fullmatch(last) or last == "f.":
        return ""
    parts = parts_of(before)
    return parts.name(subgenus=False) if parts else ""


def _only(name: str) -> Reading:
    return Reading(name, f'only "{name}" is sure', whole=False)


def _doubted(name: str) -> str:
    """Return the part of a name before a word of doubt: "Ursus" of "Ursus sp."; "" without one."""
    first, *words = [w for w in name.replace("×", " ").split() if w not in ("x", "X")] or [""]
    sure = [first]
    if not (GENUS.fullmatch(first) or name.islower()):
        return ""
    for place, word in enumerate(words):
        last = place == len(words) - 1
        if _DOUBT.fullmatch(word) or (last and _RANK.fullmatch(word)):
            if last and len(sure) > 1 and _NEAR.fullmatch(word):
                sure.pop()  # "Panthera leo cf." doubts what it follows
            return "" if name.endswith(("?", "?)")) else " ".join(sure)
        if _EPITHET.fullmatch(word) and len(sure) < 3:
            sure.append(word)
        elif not (place == 0 and _SUBGENUS.fullmatch(word)):
            return ""
    return ""


def _without_marks(name: str) -> str:
    plain = _QUOTED.sub(lambda found: found[1] or found[2], unescape(name))
    for spelling, usual in _SPELLED:
        plain = spelling.sub(usual, plain)
    plain = " ".join(_MARKS.sub("", plain).split()).strip(" ,;:")
    if len(plain) > 2 and plain[0] in "\"'“‘„«" and plain[-1] in "\"'”’“»":
        plain = plain[1:-1].strip(" ,;")
    return plain[:-1] if _FULL_STOP.fullmatch(plain) and not _SHORT.search(plain) else plain


def _common_genus(name: str) -> str | None:
    """Return the genus of a hybrid's parents, "" where they differ; None for any other name."""
    first, *others = [part.split() for part in re.split(r"×| [xX] ", name) if part.strip()] or [[]]
    if not others or (len(first) == len(others) == 1 and others[0][0].islower()):
        return None  # "Quercus × rosacea" is a name
    genus = first[0] if GENUS.fullmatch(first[0]) else ""
    for word, *more in others:
        epithet = _EPITHET.fullmatch(word) and not any(map(_EPITHET.fullmatch, more[:1]))
        genus = genus if epithet or word in (genus, f"{genus[:1]}.") else ""
    return genus
