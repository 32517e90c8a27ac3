"""Names in columns that hold scientific names, as a source states them: without their authors.

The text types of training have a cleaner of their own, `Taxon.from_ranks`, which cuts a name at the
first thing that it does not know. Here a name is read as the resolver reads it, or not at all.
"""

import re
from collections.abc import Sequence
from functools import lru_cache

from indexer.taxonomy.name_parts import GENUS, parts_of, usual_case
from indexer.taxonomy.name_strings import readings
from indexer.taxonomy.no_names import NO_EPITHET, UNKNOWN_NAME, no_taxon
from model.taxon import RANKS, Rank, Taxon

_MARKUP = re.compile(r"<[^<>]*>|[|†]")
_WORD = r"(?:\d{1,2}-)?[a-zß-öø-ÿœſ](?:[.'’-]?[a-zß-öø-ÿœſ])+"
_NAME = re.compile(rf"{GENUS.pattern}(?: {_WORD}){{1,2}}")
_EPITHET = re.compile(rf"(?:[×x] ?)?{_WORD}(?: {_WORD})?", re.I)
_SIGN = re.compile(r"^\S+ (?:×\s?|[xX] )(?=[^\W\d_])")
_KINGDOMS = {
    "Metazoa": "Animalia",
    "Archaeplastida": "Plantae",
    "Chloroplastida": "Plantae",
    "Viridiplantae": "Plantae",
}


def lineage_of(ranks: Sequence[str]) -> Taxon:
    """Return the taxon of seven names, kingdom to species, as columns hold them.

    The species may be an epithet or a full name with its author; a name that cannot be read, or is
    a word such as "unknown", is no name. A full name counts before the column of the genus.
    """
    *upper, species = ranks
    above = _upper(tuple(upper))
    if _PLAIN.fullmatch(species) and species.startswith(f"{above[-1]} "):
        return Taxon((*above, species))
    genus, epithet = species_of(species, above[-1])
    return Taxon((*above[:-1], genus, f"{genus} {epithet}" if epithet else ""))


def species_of(written: str, genus: str = "") -> tuple[str, str]:
    """Return the genus and the epithets of a species or a taxon below one.

    `genus` is what another column says. The epithets are "" where only the genus is sure, or where
    the name cannot be read.
    """
    text = " ".join(_MARKUP.sub(" ", written).split())
    words = text.split()
    if not text or UNKNOWN_NAME.search(text) or no_taxon(text):
        return genus, ""
    if len(words) == 2 and (no_taxon(words[1]) == "unknown" or NO_EPITHET.fullmatch(words[1])):
        return genus or (words[0] if GENUS.fullmatch(words[0]) else ""), ""
    if genus and _is_epithet(text, genus):
        return genus, text.lower()
    if genus and text[0].islower():
        text = f"{genus} {text}"  # an epithet with its author
    text = usual_case(text)
    if text.isupper() or text.islower():
        text = text.capitalize()
    sign = "× " if _SIGN.match(text) else ""
    found = [each for each in readings(text) if not each.context]
    whole = [_without_sign(each.name) for each in found if each.whole]
    if named := [name for name in whole if _NAME.fullmatch(name)]:
        first, _, epithets = named[-1].partition(" ")
        return first, sign + epithets
    for name in (_without_sign(each.name) for each in found if not each.whole):
        first, _, epithets = name.partition(" ")
        if GENUS.fullmatch(first) and (not epithets or _NAME.fullmatch(name)):
            return first, epithets
    return genus, ""


def name_above_species(written: str) -> str:
    """Return the name of a taxon above species without its author; "" for a word like unknown."""
    name = " ".join(_MARKUP.sub(" ", written).split())
    if not name or UNKNOWN_NAME.search(name):
        return ""
    if " " in name and (parts := parts_of(name, certain=True)) and not parts.species:
        name = parts.subgenus if parts.section else parts.genus
    return name.capitalize()


def stated_name(rank: str, written: str) -> str:
    """Return a name of a rank without its author; as it is written where it cannot be read."""
    if rank in RANKS[:-1]:
        name = name_above_species(written)
        return _KINGDOMS.get(name, name) if rank == Rank.KINGDOM else name
    written = " ".join(written.split())
    if rank == Rank.SPECIES:
        genus, epithet = species_of(written)
        return f"{genus} {epithet}" if epithet else "" if UNKNOWN_NAME.search(written) else written
    if not _BARE.fullmatch(written) and (parts := parts_of(written, certain=True)):
        name = parts.subgenus if parts.section else parts.name(subgenus=not parts.species)
        return name.replace(" ", " × ", 1) if _SIGN.match(written) else name
    return written


@lru_cache(maxsize=100_000)
def _upper(ranks: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(stated_name(rank, name) for rank, name in zip(RANKS, ranks, strict=False))


def _is_epithet(text: str, genus: str) -> bool:
    """Whether a text is what follows the genus: "hudsonia", "× rosacea", "leo persica"."""
    if text.casefold() == genus.casefold():
        return True  # "Pica", "pica"
    first = text.split()[0]
    one = " " not in text or first == "×"
    plain = one or text == text.lower()  # "major Linnaeus" has an author
    return bool(plain and _EPITHET.fullmatch(text)) and first.casefold() != genus.casefold()


def _without_sign(name: str) -> str:
    """Leave out the sign of a hybrid's name, not that between the parents in a formula."""
    genus = name.split()[0]
    return _SIGN.sub(f"{genus} ", name.removeprefix("×").strip())


_BARE = re.compile(r"[A-Z][a-z-]+( [a-z-]+){0,2}")
_PLAIN = re.compile(r"[A-Z][a-z-]+ (?!unknown|pleasehelp)[a-z-]+")
