"""The taxa below a taxon, each with the number of its images and one of them."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from indexer.catalog.snapshot import Snapshot
from model.errors import UnknownName
from search.browse.order import CladeOrder


@dataclass(frozen=True, slots=True)
class Child:
    """A taxon that images of the collection are labelled with, or that stands above one."""

    key: str
    rank: str
    name: str
    common_name: str
    images: int
    """labelled with it or a taxon below it"""
    species: int
    """below it, itself included"""
    sample: str
    """the id of one of its images; "" where it has none"""


def children(snapshot: Snapshot, clades: CladeOrder, key: str = "") -> tuple[Child, ...]:
    """Return the taxa right below the one of a key, those with most images first; "" is the top.

    Raises UnknownName for a key that no taxon of the collection has.
    """
    parent = -1
    if key:
        found = snapshot.query("SELECT lo FROM taxa WHERE taxon_key = ?", key)
        if not found:
            raise UnknownName(f"{snapshot.folder} has no taxon with the key {key!r}.")
        parent = found[0][0]
    below = _counted(snapshot, clades, snapshot.query(_TAXA.format("parent = ?"), parent))
    return tuple(sorted(below, key=lambda each: (-each.images, each.name)))


def species_with_few(snapshot: Snapshot, clades: CladeOrder, fewer_than: int) -> tuple[Child, ...]:
    """Return the species that fewer images than this are labelled with, the rarest first."""
    species = snapshot.query(_TAXA.format("rank = 'species'"))
    few = [each for each in species if clades.images(*each[-2:]) < fewer_than]
    found = _counted(snapshot, clades, few)
    return tuple(sorted(found, key=lambda each: (each.images, each.name)))


def _counted(
    snapshot: Snapshot, clades: CladeOrder, taxa: Sequence[tuple[Any, ...]]
) -> list[Child]:
    """Count the images and species of taxa (key, rank, name, common name, lo, hi)."""
    spans = [(lo, hi) for *_, lo, hi in taxa]
    rows = clades.samples(spans)
    ids = snapshot.image_ids([row for row in rows if row >= 0])
    return [
        Child(
            *(key, rank, name, common_name),
            images=clades.images(lo, hi),
            species=clades.species_in(lo, hi),
            sample=ids.get(row, ""),
        )
        for (key, rank, name, common_name, lo, hi), row in zip(taxa, rows, strict=True)
    ]


_TAXA = "SELECT taxon_key, rank, name, common_name, lo, hi FROM taxa WHERE {}"
