"""The taxa below a taxon, each with the number of its images and one of them."""

from dataclasses import dataclass

from indexer.catalog.snapshot import Snapshot
from model.errors import UnknownName


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


def children(snapshot: Snapshot, key: str = "") -> tuple[Child, ...]:
    """Return the taxa right below the one of a key, those with most images first; "" is the top.

    Raises UnknownName for a key that no taxon of the collection has.
    """
    parent = -1
    if key:
        found = snapshot.query("SELECT lo FROM taxa WHERE taxon_key = ?", key)
        if not found:
            raise UnknownName(f"{snapshot.folder} has no taxon with the key {key!r}.")
        parent = found[0][0]
    return tuple(Child(*line) for line in snapshot.query(_CHILDREN, parent))


def species_with_few(snapshot: Snapshot, fewer_than: int) -> tuple[Child, ...]:
    """Return the species that fewer images than this are labelled with, the rarest first."""
    return tuple(Child(*line) for line in snapshot.query(_FEW, fewer_than))


_COUNTS = """
SELECT taxon_key, rank, name, common_name, count(images."row") AS images,
    (SELECT count(*) FROM taxa AS below
        WHERE below.rank = 'species' AND below.lo >= above.lo AND below.lo < above.hi) AS species,
    coalesce(min(images.image_id), '') AS sample
FROM (SELECT * FROM taxa WHERE {which}) AS above
LEFT JOIN (SELECT "row", image_id, lo AS place FROM images) AS images
    ON place >= above.lo AND place < above.hi
GROUP BY above.lo, above.hi, taxon_key, rank, name, common_name
"""
_CHILDREN = _COUNTS.format(which="parent = ?") + "ORDER BY images DESC, name"
_FEW = _COUNTS.format(which="rank = 'species'") + "HAVING images < ? ORDER BY images, name"
