"""The taxon: seven Linnaean ranks and a common name, cleaned as the BioCLIP recipe cleans them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from model.errors import Error


class Rank(StrEnum):
    """The seven Linnaean ranks, highest first."""

    KINGDOM = "kingdom"
    PHYLUM = "phylum"
    CLASS = "class"
    ORDER = "order"
    FAMILY = "family"
    GENUS = "genus"
    SPECIES = "species"


RANKS = tuple(Rank)
_PLACES = {rank: place for place, rank in enumerate(RANKS)}


@dataclass(frozen=True, slots=True)
class Taxon:
    """A taxon by its lineage.

    `lineage` holds seven names, kingdom to species, "" where a rank is missing; the species is
    the full scientific name ("Pica hudsonia"). `below` is the rank and name of a taxon that has
    none of the seven ranks, ("subspecies", "Pica pica bottanensis"), directly below the last of
    them. Build one with `from_ranks`, which cleans.
    """

    lineage: tuple[str, ...]
    common_name: str = ""
    below: tuple[str, str] = ("", "")

    def __post_init__(self) -> None:
        if len(self.lineage) != len(RANKS):
            raise Error(
                f"A lineage has {len(RANKS)} ranks, kingdom to species, not {self.lineage}."
            )

    @classmethod
    def from_ranks(cls, ranks: Sequence[str | None], common_name: str | None = "") -> "Taxon":
        """Clean seven raw names; the species may be an epithet or a full name with its author.

        Source: `naming.Taxon` of the BioCLIP reference code, except that the species here is the
        full name. Raises Error unless there are seven ranks.
        """
        if len(ranks) != len(RANKS):
            raise Error(f"A lineage has {len(RANKS)} ranks, kingdom to species, not {list(ranks)}.")
        *upper, genus, species = [_clean_rank(rank or "") for rank in ranks]
        upper[0] = _KINGDOM_SYNONYMS.get(upper[0], upper[0])
        split = _split_species(genus, _clean_species(species))
        genus, epithet = [_clean_rank(name) for name in split]  # "Pica unknown" is a genus
        lineage = [name.capitalize() for name in (*upper, genus)]
        return cls(
            (*lineage, f"{lineage[-1]} {epithet}".strip() if epithet else ""),
            (common_name or "").strip(),
        )

    @classmethod
    def from_key(cls, key: str, common_name: str = "") -> "Taxon":
        """Return the taxon of a `key`."""
        above, below = key, ("", "")
        if found := _BELOW.fullmatch(key):
            above, below = found[1], (found[2], found[3])
        names = above.split("|")
        return cls((*names, *[""] * (len(RANKS) - len(names))), common_name, below)

    def at(self, rank: Rank) -> str:
        """Return the name at a rank, "" where it is missing."""
        return self.lineage[_PLACES[rank]]

    @property
    def rank(self) -> Rank | None:
        """The deepest rank that has a name; None for a taxon without names."""
        return next((rank for rank in reversed(RANKS) if self.at(rank)), None)

    @property
    def name(self) -> str:
        """The scientific name at the deepest rank, or of what is below it."""
        return self.below[1] or (self.at(self.rank) if self.rank else "")

    @property
    def epithet(self) -> str:
        """The species name without its genus: "hudsonia"."""
        return self.at(Rank.SPECIES).removeprefix(self.at(Rank.GENUS)).strip()

    @property
    def key(self) -> str:
        """A stable key, the names down to its rank: "Animalia|Chordata|Aves".

        One without a Linnaean rank follows: "…|Squamata+suborder Serpentes".
        """
        above = "|".join(self.lineage).rstrip("|")
        return f"{above}+{' '.join(self.below)}" if self.below[1] else above

    def ancestors(self) -> list["Taxon"]:
        """Return the taxa that contain it, highest first; they have no common names."""
        depths = [depth for depth, name in enumerate(self.lineage) if name][:-1]
        blank = ("",) * len(RANKS)
        return [Taxon(self.lineage[: depth + 1] + blank[depth + 1 :]) for depth in depths]


_BELOW = re.compile(r"([^+]*)\+([a-z-]+(?: [a-z-]+)*) (\S.*)")
_NOT_A_NAME = {"(unidentified)", "unknown", "pleasehelp"}
_KINGDOM_SYNONYMS = {
    "metazoa": "animalia",
    "archaeplastida": "plantae",
    "chloroplastida": "plantae",
}
# The reference cuts a species name at each of these in turn; `[A-z]` and the single-word authors
# are its own and decide which strings its weights were trained on.
_SPECIES_ENDS = [
    re.compile(pattern)
    for pattern in (
        r"\(",
        r"ssp\.",
        r"subsp\.",
        r"var\.",
        r"\w+, \w+ & \w+",
        r"\w+ & \w+",
        r"\w+ \d\d\d\d",
        r"\w+, \d\d\d\d",
        r"\d\d\d\d",
        r" [A-z]\.",
        r"<br ?>",
    )
]


def _clean_rank(name: str) -> str:
    name = re.sub(r"<[^>]*>", "", name).replace("|", " ").strip().lower()
    return "" if name in _NOT_A_NAME else name


def _clean_species(name: str) -> str:
    for end in _SPECIES_ENDS:
        if found := end.search(name):
            name = name[: found.start()].strip()
    return name


def _split_species(genus: str, species: str) -> tuple[str, str]:
    words = species.split()
    if len(words) > 1 and words[0] == genus:
        return genus, " ".join(words[1:])
    if len(words) > 1 and not genus:
        return words[0], " ".join(words[1:])
    if len(words) == 2 and words[0] == words[1]:
        return genus, words[0]
    return genus, species
