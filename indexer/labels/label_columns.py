"""The taxon that the columns of a table state: ranks, a scientific name, or its parts."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from indexer.labels.written_names import (
    QUALIFIER,
    VERBATIM,
    beside_genus,
    has_doubt,
    is_doubt,
    qualified,
    species_beside,
)
from indexer.taxonomy.built_in import has_english, is_english, is_english_name
from indexer.taxonomy.name_parts import GENUS
from indexer.taxonomy.no_names import NO_EPITHET, no_taxon
from indexer.taxonomy.stated_names import lineage_of, name_above_species, species_of, stated_name
from model.taxon import RANKS, Rank, Taxon

# Our own columns are used up; terms of Darwin Core stay metadata, as they were written.
_TAXON, _DARWIN_CORE = ("taxon", "rank", "common_name"), ("scientificName", "taxonRank")
_VERNACULAR = "vernacularName"
_SPELLED = {
    **{"regnum": "kingdom", "division": "phylum", "divisio": "phylum", "classis": "class"},
    **{"ordo": "order", "familia": "family", "sp": "species", "gen": "genus", "fam": "family"},
    **dict.fromkeys(("ssp", "subsp", "infraspecies", "race"), "subspecies"),
    **dict.fromkeys(("var", "varietas"), "variety"),
    **dict.fromkeys(("f", "fo", "forma"), "form"),
}
_BELOW_SPECIES = ("subspecies", "variety", "subvariety", "form", "subform")
_BETWEEN = re.compile(
    r"(?:sub|super|infra|parv|epi)(?:kingdom|phylum|class|order|family|tribe|genus)|tribe|cohort"
    r"|(?:sub|super)?(?:section|series)"
)
_BELOW_GENUS = re.compile(r"(?:sub|infra)genus|(?:sub|super)?(?:section|series)")
_LATIN = re.compile(r"(?:a|ae|us|um|is|i|ns|or|o|es|x| (\S+) \1)$")  # ends of a trinomial


@dataclass(frozen=True, slots=True)
class Stated:
    """A taxon, and the words that state it."""

    taxon: Taxon
    written: str
    """the scientific name as it is written, "" where only ranks are"""
    word: str = ""
    """of a rank column, where that is not such a name: "cats" for a family"""


def stated_in(said: dict[str, str]) -> Stated:
    """Return the taxon that the columns of a row state; those that are our own are taken out.

    kingdom … species, `taxon` or scientificName with `rank` or taxonRank, genus with
    specificEpithet and infraspecificEpithet, and `common_name` or vernacularName are understood.
    """
    ranks = [said.pop(rank, "") for rank in RANKS]
    name, rank, common = (said.pop(column, "") for column in _TAXON)
    name, rank = (
        own or said.get(term, "") for own, term in zip((name, rank), _DARWIN_CORE, strict=True)
    )
    common = common or said.get(_VERNACULAR, "")
    rank = rank.strip(" .").lower()
    rank = _SPELLED.get(rank, rank)
    words = [
        written
        for place, written in enumerate(ranks[:-1])
        if written and not _is_name(RANKS[place], written)
    ]
    given = ["" if each in words else each for each in ranks[:-1]]
    # A single word beside a genus is the epithet; alone it is a label: "lion".
    species = ranks[-1]
    if species and given[-1]:
        ranks[-1] = species_beside(given[-1], species)
        species = beside_genus(given[-1], species)
    elif species and not name:
        name, ranks[-1] = species, ""
    given.append(ranks[-1])
    ranked = "subspecies" if said.get("subspecies") else ""
    written = _with_parts(given, said, name)
    if written and not species and not name:
        species = written
    if len(written.split()) > len(name.split()):
        name = written
        rank = rank if rank in _BELOW_SPECIES else ranked
    if doubted := _doubted(given, said, name or species):
        name, rank = doubted, ""
    if rank in RANKS[:-1] and name and not _is_name(rank, name):
        rank, words = "", [*words, name]
    taxon = _taxon(given, name, rank)
    return Stated(replace(taxon, common_name=common), name or species, words[-1] if words else "")


def taxon_of_label(text: str) -> Taxon | None:
    """Return the taxon whose scientific name a label is, as the column `taxon` states it.

    The genus has to have a capital: "night shot" is a label.
    """
    genus, epithets = _species(text.replace("_", " "), "") if GENUS.match(text) else ("", "")
    return Taxon(("",) * 5 + (genus, f"{genus} {epithets}" if epithets else "")) if genus else None


@lru_cache(maxsize=100_000)
def _species(text: str, genus: str) -> tuple[str, str]:
    """Return the genus and the epithets of a scientific name; `genus` where it is English.

    Two words are English if both are, as "White flower", more if one is and nothing else says
    that they are a name: "Red fox den", "Barn owl (Scotland)".
    """
    if " " not in text and not genus:
        return "", ""
    first, epithets = species_of(text, genus)
    known, _, below = epithets.partition(" ")
    if text.isupper() and below != known:
        epithets = known  # in capitals the last word may be an author: "PARUS MAJOR LINNAEUS"
    words = f"{first} {epithets}".strip()
    if first == genus:
        return first, epithets
    if _TRINOMIAL.fullmatch(text) and not _LATIN.search(text):
        return genus, ""
    english = is_english if text == words and " " not in epithets else has_english
    return (genus, "") if english(words) else (first, epithets)


def _with_parts(ranks: list[str], said: dict[str, str], name: str) -> str:
    """Fill in the species of a row that states it in parts; return the name, or the parts."""
    own, below = said.pop("subspecies", ""), said.get("infraspecificEpithet", "")
    genus = ranks[-2] or said.get("genericName", "")
    epithet, below = said.get("specificEpithet", ""), own or below
    below = "" if NO_EPITHET.fullmatch(below) or no_taxon(below) else below
    species = ranks[-1] or (" ".join(_species(name, genus)) if below and name else "")
    if genus and epithet and (not species or below):
        species = f"{genus} {epithet}"
    if " " not in species.strip():
        return name
    whole = f"{species} {below}".strip()
    if below.startswith(species.split()[0]):
        whole = below
    elif below.split()[:1] == species.split()[1:]:
        whole = f"{species.split()[0]} {below}" if " " in below else whole
    if below or not ranks[-1]:
        ranks[-2:] = [species.split()[0], whole]
        return whole if len(whole.split()) > len(name.split()) else name
    return name


def _doubted(ranks: list[str], said: dict[str, str], written: str) -> str:
    """Return the name with the doubt that a row states beside it, and take the species out."""
    qualifier, verbatim = said.get(QUALIFIER, ""), said.get(VERBATIM, "")
    if qualifier and (written or ranks[-2]):
        name = qualified(written or ranks[-2], qualifier)
    elif has_doubt(verbatim):
        name = qualifier = verbatim
    else:
        return ""
    if is_doubt(qualifier):
        ranks[-1] = ""
    return name


def _taxon(ranks: Sequence[str], name: str, rank: str) -> Taxon:
    """Return the taxon of rank columns and of a name with its rank, whichever says more."""
    stated, name = lineage_of(ranks), name.replace("_", " ")
    if not name:
        return stated
    if rank in RANKS[:-1]:
        place = RANKS.index(Rank(rank))
        given = [*stated.lineage]
        given[place] = given[place] or stated_name(rank, name)
        return Taxon(tuple(given))
    if _BETWEEN.fullmatch(rank):
        return _between(stated, name, rank)
    if rank not in (Rank.SPECIES, *_BELOW_SPECIES) and " " not in name:
        return stated
    genus, epithets = _species(name, stated.at(Rank.GENUS))
    if not epithets and genus and not stated.at(Rank.SPECIES):
        return Taxon((*stated.lineage[:-2], genus, ""))
    if not epithets:
        return stated
    species, below = f"{genus} {epithets}", ("", "")
    if rank in _BELOW_SPECIES and _TRINOMIAL.fullmatch(species):
        below, species = (rank, species), species.rpartition(" ")[0]
    return Taxon((*stated.lineage[:-2], genus, species), below=below)


def _between(stated: Taxon, name: str, rank: str) -> Taxon:
    """Return a taxon of a rank between the seven, where no column states a lower one."""
    own = stated_name(rank, name)
    lowest = Rank.SPECIES if _BELOW_GENUS.fullmatch(rank) else Rank.GENUS
    if not GENUS.fullmatch(own) or any(stated.lineage[RANKS.index(lowest) :]):
        return stated
    return Taxon(stated.lineage, below=(rank, own))


@lru_cache(maxsize=100_000)
def _is_name(rank: str, written: str) -> bool:
    """Whether a text can be the name of a taxon of a rank above the species, or says unknown."""
    name = name_above_species(written).removeprefix("× ").removeprefix("×")
    if not name:
        return True
    if rank == Rank.FAMILY:
        return bool(GENUS.fullmatch(name)) and name.endswith("ae")
    one_word = bool(_ONE_WORD.fullmatch(name)) or name.startswith("Candidatus ")
    return one_word and not is_english_name(name)


_TRINOMIAL = re.compile(rf"{GENUS.pattern} [a-zß-öø-ÿœ-]+ [a-zß-öø-ÿœ-]+")
_ONE_WORD = re.compile(r"[^\W\d_][\w-]*")
