"""Space: images as points of a plane, alike ones near each other, by PCA or by UMAP."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.metadata import version
from importlib.util import find_spec

import numpy as np
import numpy.typing as npt

from indexer.backends import Rows
from indexer.backends.exact import Exact
from indexer.backends.selection import Selection, selection_of
from indexer.catalog.snapshot import Snapshot
from indexer.store.derived import keep, kept
from model.errors import Error, UnknownName
from model.vectors import Vectors

Positions = npt.NDArray[np.float32]
PCA, UMAP = "pca", "umap"
LAYOUTS = (PCA, UMAP)
MOST = 20_000  # points: what a browser still draws while one circles some of them
_KIND = "umap"
_SEED = 0
_NEIGHBOURS, _DISTANCE = 15, 0.1  # of UMAP
_REDUCED = 50  # dimensions that UMAP gets: neighbours stay, and it takes a third of the time


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Images on a plane."""

    rows: Rows
    """(n,) int64, ascending"""
    positions: Positions
    """(n, 2) float32 from -1 to 1"""
    image_ids: tuple[str, ...]
    names: tuple[str, ...]
    """the label of each, or what a machine says that it is"""
    images: int
    """that pass the filters; more than n where the points are a random sample of them"""

    def inside(self, lasso: Sequence[tuple[float, float]]) -> Rows:
        """Return the rows of the points inside a closed line, (x, y) each, even-odd; ascending."""
        return self.rows[_inside(self.positions, lasso)]


def points(snapshot: Snapshot, exact: Exact, among: Selection, layout: str = PCA) -> Points:
    """Return the images of a selection as points; of more than MOST a random sample, ever the same.

    PCA spreads the points that are shown as far as a plane can. UMAP was fitted to a sample of the
    whole collection by `lay_out`, and shows the images of that. Raises UnknownName for another
    layout, Error where UMAP has not been laid out.
    """
    if layout not in LAYOUTS:
        raise UnknownName(f"Unknown layout {layout!r}; choose one of {', '.join(LAYOUTS)}.")
    if layout == PCA:
        rows = _sample(among)
        return _named(snapshot, rows, _scaled(_principal(exact.gather(rows), 2)), len(among))
    every, positions = _laid_out(snapshot, exact)
    if positions is None:
        raise Error("The images are not laid out by UMAP yet; run `taxalens layout`.")
    passes = np.isin(every, among.array, assume_unique=True)
    return _named(snapshot, every[passes], positions[passes], len(among))


def is_laid_out(snapshot: Snapshot, exact: Exact) -> bool:
    """Return whether UMAP has laid out what the collection holds now."""
    return _laid_out(snapshot, exact)[1] is not None


def can_lay_out() -> bool:
    """Return whether UMAP is installed."""
    return find_spec("umap") is not None


def lay_out(snapshot: Snapshot, exact: Exact) -> int:
    """Lay out a sample of the collection by UMAP and keep it; return the number of points.

    It takes minutes. Raises Error where umap-learn is not installed, NotWritten where the
    collection cannot be written to.
    """
    if not can_lay_out():
        raise Error('UMAP is not installed; run: pip install "taxalens[umap]".')
    rows = _everything(snapshot)
    vectors = exact.gather(rows)
    keep(snapshot.folder, _KIND, _digest(vectors), {"positions": _umap(vectors)})
    return len(rows)


def _laid_out(snapshot: Snapshot, exact: Exact) -> tuple[Rows, Positions | None]:
    rows = _everything(snapshot)
    found = kept(snapshot.folder, _KIND, _digest(exact.gather(rows)))
    return rows, None if found is None else found["positions"]


def _everything(snapshot: Snapshot) -> Rows:
    rows = snapshot.query('SELECT "row" FROM images ORDER BY "row"')
    return _sample(selection_of(np.array([row for (row,) in rows], np.int64)))


def _named(snapshot: Snapshot, rows: Rows, positions: Positions, images: int) -> Points:
    known = {row: said for row, *said in snapshot.query(_NAMED, rows.tolist())}
    said = [known[row] for row in rows.tolist()]
    ids, names = (tuple(each[place] for each in said) for place in (0, 1))
    return Points(rows, positions, ids, names, images)


def _sample(among: Selection) -> Rows:
    rows = among.array
    if len(rows) <= MOST:
        return rows
    chosen = np.random.default_rng(_SEED).choice(len(rows), MOST, replace=False, shuffle=False)
    return rows[np.sort(chosen)]


def _digest(vectors: Vectors) -> str:
    """Return the digest of all that a layout by UMAP derives from."""
    asked = (version("umap-learn") if can_lay_out() else "", _SEED, _NEIGHBOURS, _DISTANCE)
    shape = (*vectors.shape, vectors.dtype.str, _REDUCED, *asked)
    return hashlib.sha256(repr(shape).encode() + np.ascontiguousarray(vectors).data).hexdigest()


def _principal(vectors: Vectors, dimensions: int) -> Positions:
    """Return rows along their first principal components, (n, dimensions)."""
    centred = vectors.astype(np.float32)
    centred -= centred.mean(axis=0) if len(centred) else 0
    _, axes = np.linalg.eigh(centred.T @ centred)  # ascending
    axes = axes[:, ::-1][:, :dimensions]
    axes *= np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])  # else by chance
    found: Positions = centred @ axes
    return np.pad(found, ((0, 0), (0, max(0, dimensions - found.shape[1]))))


def _umap(vectors: Vectors) -> Positions:
    import umap

    reduced = _principal(vectors, min(_REDUCED, vectors.shape[1]))
    if len(reduced) <= _NEIGHBOURS:
        return _scaled(reduced[:, :2])
    layout = umap.UMAP(
        n_neighbors=_NEIGHBOURS, min_dist=_DISTANCE, random_state=_SEED, n_jobs=1, init="pca"
    )
    return _scaled(layout.fit_transform(reduced))


def _scaled(positions: Positions) -> Positions:
    if not len(positions):
        return positions.astype(np.float32)
    low, high = positions.min(axis=0), positions.max(axis=0)
    reach = float((high - low).max()) / 2 or 1.0
    scaled: Positions = ((positions - (low + high) / 2) / reach).astype(np.float32)
    return scaled


def _inside(positions: Positions, lasso: Sequence[tuple[float, float]]) -> npt.NDArray[np.bool_]:
    """Return which points a ray from crosses the line an odd number of times."""
    x, y = positions[:, 0].astype(np.float64), positions[:, 1].astype(np.float64)
    inside = np.zeros(len(positions), bool)
    for (x1, y1), (x2, y2) in zip(lasso, [*lasso[1:], *lasso[:1]], strict=True):
        if y1 != y2:
            crosses = (y1 > y) != (y2 > y)
            inside ^= crosses & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
    return inside


_NAMED = """
SELECT "row", image_id, CASE WHEN label <> '' THEN label
    WHEN machine_label <> '' THEN machine_label || ' (machine)' ELSE 'unlabelled' END
FROM searchable JOIN (SELECT unnest(?) AS "row") USING ("row")
"""
