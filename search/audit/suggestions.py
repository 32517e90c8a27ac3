"""Suggests which images to label next: what stands for many of which little is known."""

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from indexer.backends import Rows
from indexer.backends.exact import Exact
from indexer.backends.selection import Selection
from indexer.catalog.snapshot import Snapshot
from model.vectors import Vectors
from search.answers import Answers
from search.audit.label_classes import UNLABELLED, Classes, classes_of
from search.audit.label_errors import Floats, discriminant_of
from search.counts import count
from search.hits import SIMILAR, Hit, hits_of
from search.ranking.diversify import SAME

COLUMNS = ("file_name", "label", "looks_like", "reason", "uncertainty")
_KINDS = {"uncertainty": pa.float64()}
SCHEMA = pa.schema([(name, _KINDS.get(name, pa.string())) for name in COLUMNS])
POOL = 4096  # images that are clustered
_BLOCK = 1024  # images scored at once


@dataclass(frozen=True, slots=True)
class Suggestion:
    """One image that is worth a label."""

    hit: Hit
    looks_like: str
    """the label that it looks like most; "" where nothing is labelled"""
    reason: str
    uncertainty: float
    """0 to 1: the share of unlabelled images of which more is known"""

    def row(self) -> dict[str, object]:
        """Return it under COLUMNS, as a label file with its label left open.

        The file name is the path below what was indexed, as `--labels` knows it.
        """
        below = self.hit.source_id.partition("/")[2]
        values = (below, "", self.looks_like, self.reason, round(self.uncertainty, 4))
        return dict(zip(COLUMNS, values, strict=True))


@dataclass(frozen=True, slots=True, repr=False)
class Suggestions(Answers[Suggestion]):
    """Suggestions, the most telling first."""

    SCHEMA = SCHEMA
    SHOWN: ClassVar = ("uncertainty", "looks_like", "reason", "file_name")
    HEADINGS: ClassVar = ("", "looks like", "reason", "uncertainty", "file name")

    unlabelled: int
    """how many images have no label"""

    @property
    def meaning(self) -> str:
        """One line: how many of how many."""
        return f"{len(self)} of {self.unlabelled:,} unlabelled images"

    def caption(self) -> str:
        """Return how many of how many."""
        return self.meaning

    def cells(self, item: Suggestion) -> tuple[object, ...]:
        """Return the cells of a suggestion under HEADINGS."""
        of = item.hit
        return (of.picture, item.looks_like, item.reason, item.uncertainty, of.file_name)


def suggest(snapshot: Snapshot, exact: Exact, among: Selection, k: int) -> Suggestions:
    """Return at most k unlabelled images of a selection, none that is the SAME as another.

    They are the middles of k clusters of all, weighted by uncertainty (after Zhdanov 2019, "Diverse
    mini-batch active learning", arXiv:1901.05954, who clusters the most uncertain alone: outliers
    and blurred pictures are among these, and teach less than pictures at random where the encoder
    knows little). Of many images, POOL or 10 k that their ids draw are clustered. Where fewer than
    two labels are known all are as uncertain. Raises BadInput for a k below 1.
    """
    count(k, "k", "suggestions")
    classes = classes_of(snapshot, among)
    # An order of its own, which does not depend on that of the rows.
    order = _order(snapshot, classes.rows)
    open_ = order[classes.of[order] == UNLABELLED]
    known, chosen = chosen_of(exact, classes, open_, k)
    rows = classes.rows[open_[chosen]]
    hits = hits_of(snapshot, (np.zeros(len(rows), np.float32), rows), SIMILAR)
    told = [
        Suggestion(hit, *known.guess(int(place)), float(known.uncertainty[place]))
        for hit, place in zip(hits, chosen, strict=True)
    ]
    return Suggestions(tuple(told), len(open_))


def chosen_of(exact: Exact, classes: Classes, open_: Rows, k: int) -> tuple["Known", Rows]:
    """Return what is known of the images at some places, and which k of these to label next.

    `open_` (n,) are places of unlabelled images, in an order that does not depend on their look;
    the second are places in it, the most telling first.
    """
    known = Known.of(exact, classes, open_)
    pool = np.arange(min(len(open_), max(POOL, 10 * k)))
    pool = pool[_distinct(exact.gather(classes.rows[open_[pool]]))]
    vectors = exact.gather(classes.rows[open_[pool]])
    return known, pool[_spread(vectors, known.uncertainty[pool], k)]


@dataclass(frozen=True, slots=True, eq=False)
class Known:
    """What is known of unlabelled images: the two likeliest classes of each, and how surely."""

    names: tuple[str, ...]
    best: Rows
    """(n, 2) classes, none where fewer than two are labelled"""
    between: Floats
    """(n,) 0 to 1: the share of the others that are easier to tell from the second class"""
    unlike: Floats
    """(n,) 0 to 1: the share of the others that are nearer to a class"""

    @classmethod
    def of(cls, exact: Exact, classes: Classes, places: Rows) -> "Known":
        """Return what is known of the images at some places."""
        counts = np.bincount(classes.of[classes.of != UNLABELLED], minlength=len(classes.names))
        if np.count_nonzero(counts) < 2:
            same = np.ones(len(places))
            names = tuple(classes.names[each] for each in np.flatnonzero(counts))
            return cls(names, np.empty((len(places), 0), np.int64), same, same)
        discriminant = discriminant_of(exact, classes)
        best = np.empty((len(places), 2), np.int64)
        margin, nearest = np.empty(len(places)), np.empty(len(places))
        for start in range(0, len(places), _BLOCK):
            part = slice(start, start + _BLOCK)
            near = discriminant.likelihoods(exact.gather(classes.rows[places[part]]))
            two = np.argsort(-near, axis=1, kind="stable")[:, :2]
            values = np.take_along_axis(near, two, axis=1)
            best[part], margin[part] = two, values[:, 0] - values[:, 1]
            nearest[part] = values[:, 0]
        return cls(classes.names, best, _share(-margin), _share(-nearest))

    @property
    def sure(self) -> bool:
        """Whether there are labels between which to be uncertain."""
        return bool(self.best.shape[1] == 2)

    @property
    def uncertainty(self) -> Floats:
        """(n,) 0 to 1."""
        more: Floats = np.maximum(self.between, self.unlike)
        return more

    def guess(self, place: int) -> tuple[str, str]:
        """Return what an image looks like, and why it is asked for."""
        if not self.sure:
            return (self.names[0] if self.names else ""), "stands for many that look so"
        one, two = (self.names[each] for each in self.best[place])
        if self.unlike[place] > self.between[place]:
            return one, "unlike all that is labelled"
        return one, f"between {one} and {two}"


def _share(values: Floats) -> Floats:
    """Return which share of the values is at most each of them: the largest has 1."""
    from scipy.stats import rankdata  # a second

    share: Floats = rankdata(values, method="max") / max(len(values), 1)
    return share


def _order(snapshot: Snapshot, rows: Rows) -> Rows:
    """Return the places of rows in an order that their ids decide alone, and no likeness."""
    found = snapshot.cursor().execute(_IDS).fetchnumpy()["row"]
    place = np.searchsorted(rows, found)
    inside = (place < len(rows)) & (rows[np.minimum(place, len(rows) - 1)] == found)
    order: Rows = place[inside]
    return order


def _distinct(vectors: Vectors) -> Rows:
    """Return the places of vectors, none the SAME as one before."""
    made = vectors.astype(np.float32)
    kept: list[int] = []
    taken = np.zeros(len(made), np.bool_)
    for place in range(len(made)):
        if not taken[place]:
            kept.append(place)
            taken |= made @ made[place] >= SAME
    return np.array(kept, np.int64)


def _spread(vectors: Vectors, weights: Floats, k: int) -> Rows:
    """Return the places of at most k vectors, each in the middle of a cluster, heaviest first."""
    if len(vectors) <= k:
        return np.argsort(-weights, kind="stable")
    from sklearn.cluster import KMeans  # seconds

    made = vectors.astype(np.float32)
    clusters = KMeans(k, n_init=1, random_state=0).fit(made, sample_weight=weights)
    middle = made @ clusters.cluster_centers_.T
    chosen = []
    for each in range(k):
        members = np.flatnonzero(clusters.labels_ == each)
        if len(members):
            best = members[np.argmax(middle[members, each])]
            chosen.append((-float(weights[members].sum()), int(best)))
    return np.array([place for _, place in sorted(chosen)], np.int64)


_IDS = 'SELECT "row" FROM images ORDER BY md5(image_id)'
