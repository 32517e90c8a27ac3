"""Whether the lineage that a row states is that of its species in a taxonomy."""

import logging
from collections.abc import Sequence

from indexer.taxonomy.resolver import Clade, Resolution
from model.taxon import RANKS, Rank, Taxon

_LOG = logging.getLogger("taxalens")
_ABOVE = RANKS[: RANKS.index(Rank.GENUS)]
_SHOWN = 10  # labels of a warning


def species_clade(said: Taxon, resolution: Resolution) -> Clade | None:
    """Return the clade that the scientific name of a species means; None for any other name."""
    if said.rank is not Rank.SPECIES or not resolution.whole:
        return None
    named = resolution.clades and not resolution.reason.startswith("common name")
    return resolution.clades[0] if named else None


def contradicted(said: Taxon, clade: Clade) -> Rank | None:
    """Return the lowest rank above the genus that both name, if they name it otherwise."""
    both = [rank for rank in _ABOVE if said.at(rank) and clade.taxon.at(rank)]
    if not both or said.at(both[-1]) == clade.taxon.at(both[-1]):
        return None
    return both[-1]


def is_namesake(said: Taxon, clade: Clade) -> bool:
    """Whether the kingdoms differ: a plant and an animal may bear one name."""
    kingdoms = {said.at(Rank.KINGDOM), clade.taxon.at(Rank.KINGDOM)} - {""}
    return len(kingdoms) > 1


def agrees(said: Taxon, clade: Clade) -> bool:
    """Whether all that a lineage names above the genus is as in the taxonomy, and some is."""
    both = [(said.at(rank), clade.taxon.at(rank)) for rank in _ABOVE if said.at(rank)]
    return bool(both) and all(own == known for own, known in both)


def warn_of_lineages(disputes: Sequence[tuple[str, Taxon, Clade, Rank]], taxonomy: str) -> None:
    """Name the labels whose columns contradict the lineage of their species, in one warning."""
    told = []
    for label, said, clade, rank in disputes[:_SHOWN]:
        counts = "stays as stated" if is_namesake(said, clade) else "the species counts"
        told.append(
            f"{label} ({rank} {said.at(rank)} in the table, {clade.taxon.at(rank)} in the "
            f"taxonomy: {counts})"
        )
    if told:
        more = f" and {len(disputes) - _SHOWN:,} more" if len(disputes) > _SHOWN else ""
        _LOG.warning(
            "Columns of the lineage contradict the taxonomy %s: %s%s.",
            *(taxonomy, "; ".join(told), more),
        )
