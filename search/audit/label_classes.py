"""Classes: what the images of a selection are labelled, as numbers, and how the labels relate."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from indexer.backends import Rows
from indexer.backends.selection import Selection
from indexer.catalog.snapshot import Snapshot
from model.taxon import RANKS
from search.label.human_labels import known_labels

Numbers = npt.NDArray[np.int64]
UNLABELLED = -1


@dataclass(frozen=True, slots=True, eq=False)
class Classes:
    """The labels of images: one class for each taxon, and for each label that is none."""

    rows: Rows
    """(n,) the images, ascending"""
    of: Numbers
    """(n,) their classes, UNLABELLED where they have no label"""
    names: tuple[str, ...]
    """(classes,) taxa first, in the pre-order of their tree: what is below a class follows it"""
    stop: Numbers
    """(classes,) one more than the last class below"""
    lineages: Numbers
    """(classes, 7) a number for each name at each rank, 0 where there is none"""

    @property
    def inner(self) -> list[int]:
        """Those classes that have others below, such as a genus beside its species."""
        return [int(each) for each in np.flatnonzero(self.stop > np.arange(len(self.stop)) + 1)]

    def divergence(self, some: Numbers, others: Numbers) -> Numbers:
        """Return the place in RANKS of the highest rank at which classes differ, pair by pair.

        Labels that are no taxa differ at the highest; a rank that either lacks is passed over.
        """
        one, two = self.lineages[some], self.lineages[others]
        differ = (one != two) & (one > 0) & (two > 0)
        known = (one > 0).any(axis=1) & (two > 0).any(axis=1)
        lowest = np.where(known, len(RANKS) - 1, 0)
        found: Numbers = np.where(differ.any(axis=1), differ.argmax(axis=1), lowest)
        return found


def classes_of(snapshot: Snapshot, among: Selection) -> Classes:
    """Return the classes of a selection; memory holds a number or two for each image.

    Where taxa are labelled, another label counts if it is known to be none, such as "blank": a
    folder called "unsorted" says nothing. Where none is, every label counts.
    """
    cursor = snapshot.cursor()
    ((taxa,),) = snapshot.query("SELECT count(taxon_key) FROM images")
    others = known_labels(snapshot) if taxa else [each for (each,) in snapshot.query(_ALL)]
    told: list[tuple[Any, ...]] = cursor.execute(f"{_CLASSES} {_TOLD}", [others]).fetchall()
    found = cursor.execute(f"{_CLASSES} {_OF}", [others]).fetchnumpy()
    of = np.full(int(found["row"].max(initial=-1)) + 1, UNLABELLED, np.int64)
    of[found["row"]] = found["number"]
    rows = among.array
    here = np.full(len(rows), UNLABELLED, np.int64)
    inside = rows < len(of)
    here[inside] = of[rows[inside]]
    los = np.array([np.iinfo(np.int64).max if lo is None else lo for _, lo, _, _ in told], np.int64)
    stop = np.arange(1, len(told) + 1, dtype=np.int64)
    for place, (_, lo, hi, _) in enumerate(told):
        if lo is not None:
            stop[place] = np.searchsorted(los, hi)
    numbers: dict[str, int] = {"": 0}
    lineages = [
        [numbers.setdefault(name or "", len(numbers)) for name in ranks] for *_, ranks in told
    ]
    shaped = np.array(lineages, np.int64).reshape(-1, len(RANKS))
    return Classes(rows, here, tuple(name for name, *_ in told), stop, shaped)


_RANKS = ", ".join(f'taxa."{rank}"' for rank in RANKS)
_ALL = "SELECT DISTINCT label FROM images WHERE label <> ''"
_CLASSES = """
WITH said AS (
    SELECT DISTINCT taxon_key, CASE WHEN taxon_key IS NULL THEN label ELSE '' END AS label
    FROM images WHERE taxon_key IS NOT NULL OR list_contains(?, label)
), classes AS (
    SELECT said.*, row_number() OVER (ORDER BY lo NULLS LAST, taxon_key, label) - 1 AS number
    FROM said LEFT JOIN taxa USING (taxon_key)
)
"""
_TOLD = f"""
SELECT coalesce(taxa.name, classes.label), lo, hi, ({_RANKS})
FROM classes LEFT JOIN taxa USING (taxon_key) ORDER BY number
"""
_OF = """
SELECT "row", number FROM images JOIN classes ON images.taxon_key IS NOT DISTINCT FROM
    classes.taxon_key AND (images.taxon_key IS NOT NULL OR images.label = classes.label)
"""
