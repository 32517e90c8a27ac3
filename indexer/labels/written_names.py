"""The name that several cells of a row write, joined as if one cell held it.

A genus, an epithet with its author and a qualifier of the identification mean the same in three
columns as in one: "Parus", "major" and "cf." are "Parus cf. major".
"""

import re
from functools import lru_cache

from indexer.taxonomy.built_in import is_english
from indexer.taxonomy.name_parts import GENUS
from indexer.taxonomy.no_names import NO_EPITHET, no_taxon
from indexer.taxonomy.stated_names import species_of

QUALIFIER, VERBATIM = "identificationQualifier", "verbatimIdentification"
_NEAR = re.compile(r"(?:cf|aff|nr|near|prox|confer|affinis|conferre)\.?", re.IGNORECASE)
_UNNAMED = re.compile(r"(?:spp?|spec|species|indet|undet)\.?", re.IGNORECASE)
_WIDTH = re.compile(
    r"(?:agg|s\. ?l|s\. ?str|s\. ?s|s\. ?lat|sensu (?:lato|stricto)|ss|sl)\.?", re.IGNORECASE
)
_DOUBT = re.compile(r"(?:^|\s)(?:cf|aff|nr)(?:\.|\s|$)|\?", re.IGNORECASE)
_LATIN = re.compile(r"(?:a|ae|us|um|is|i|ns|or|o|es|x)$")


def beside_genus(genus: str, species: str) -> str:
    """Return the name that a genus and the cell of its species write together.

    A cell that holds the genus itself, or another in full, stays as it is.
    """
    first, *others = species.split()
    full = bool(others) and first.casefold() == genus.casefold()
    if others and GENUS.match(first):
        full = full or others[0][0].islower() or others[0][0] in "(×"
    return species if full or not genus else f"{genus} {species}"


@lru_cache(maxsize=100_000)
def species_beside(genus: str, species: str) -> str:
    """Return the species that the cell of a species states beside its genus; "" for none.

    An author is no epithet, nor is a word such as "juvenile" or "unknown". A third word is one of
    a subspecies where a rank says so or it ends as Latin does; else the species counts.
    """
    name = beside_genus(genus, species)
    small = species.lower() if " " not in species or species.isupper() else species
    if name != species:
        name = f"{genus.capitalize()} {small}"
        if " " in small and small == small.lower() and no_taxon(small.split()[0]):
            return ""
    if no_taxon(species) or NO_EPITHET.fullmatch(small):
        return ""
    first, epithets = species_of(name, genus)
    known, _, below = epithets.removeprefix("× ").partition(" ")
    if not known or NO_EPITHET.fullmatch(known) or is_english(known):
        return ""
    marked = len(name.split()) > 3  # "leo ssp. persica"
    latin = _LATIN.search(below) and not species.isupper()
    unsure = below and below != known and not (latin or marked)
    if below and (unsure or NO_EPITHET.fullmatch(below)):
        epithets = epithets.removesuffix(f" {below}")
    return f"{first} {epithets}"


def qualified(written: str, qualifier: str) -> str:
    """Return a name with the qualifier of its identification, as one cell writes them.

    "Parus major" with "cf.", "cf. major" or "?" is "Parus cf. major" or "Parus major?".
    """
    sign, *about = qualifier.split()
    words = written.split()
    if written.casefold().endswith(qualifier.casefold()) or _DOUBT.search(written):
        return written  # it is there
    epithets = [at for at, word in enumerate(words) if at and word.islower() and word.isalpha()]
    if _NEAR.fullmatch(sign):
        if about and about[0] in words:
            place = words.index(about[0])
        elif about:
            return f"{words[0]} {qualifier}"
        else:
            place = epithets[:2][-1] if epithets else 0
        return " ".join((*words[:place], sign, *words[place:]))
    if _UNNAMED.fullmatch(sign):
        return f"{words[0]} {qualifier}"
    if _WIDTH.fullmatch(qualifier):
        return f"{written} {qualifier}"
    if set(qualifier) != {"?"}:
        return f"{written} ({qualifier})"
    # Before the author: of "1758?" the year would be unsure.
    last = max((at for at in epithets[:2]), default=0)
    return " ".join((*words[:last], f"{words[last]}?", *words[last + 1 :]))


def is_doubt(qualifier: str) -> bool:
    """Whether a qualifier leaves open which species it is: "cf.", and not "s. str."."""
    return bool(qualifier) and not _WIDTH.fullmatch(qualifier)


def has_doubt(written: str) -> bool:
    """Whether a name says itself that it is not sure: "Parus cf. major", "Parus major?"."""
    return bool(_DOUBT.search(written))
