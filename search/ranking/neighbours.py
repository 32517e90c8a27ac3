"""Neighbours: the nearest images of every image, streamed."""

from collections.abc import Iterator

import numpy as np
import pyarrow as pa

from indexer.backends import Rows
from indexer.backends.selection import Selection
from indexer.catalog.snapshot import Snapshot
from search.counts import count
from search.ranking.adaptation import POOL, Map
from search.ranking.nearest import Nearest

SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("neighbour_id", pa.string()),
        ("place", pa.int32()),  # 1 is the nearest
        ("score", pa.float32()),  # cosine, in the mapped space of an adapted collection
    ]
)
_TOGETHER = 1024  # images asked for at once
_MAPPED_TOGETHER = 64  # the same where each has POOL candidates to be mapped


def neighbours(
    snapshot: Snapshot, nearest: Nearest, among: Selection, k: int, map: Map | None = None
) -> Iterator[pa.RecordBatch]:
    """Yield batches of SCHEMA: for each image of a selection its k nearest others in it.

    A map orders them. Memory holds one batch, whatever the number of images. Raises BadInput for a
    k below 1.
    """
    count(k, "k", "neighbours")
    together = _MAPPED_TOGETHER if map else _TOGETHER
    for start in range(0, len(among), together):
        own = among.part(start, start + together).array
        vectors = nearest.exact.gather(own)
        found, _ = nearest.search(vectors, max(k, POOL) + 1 if map else k + 1, among)
        scores, rows = map.order(nearest.exact, vectors, found) if map else found
        scores, rows = scores[:, : k + 1], rows[:, : k + 1]
        others = rows != own[:, None]
        others[others.all(axis=1), -1] = False  # itself is missing where many are the same
        places = np.tile(np.arange(1, rows.shape[1]), len(own))
        told = np.repeat(own, rows.shape[1] - 1)
        columns = (_ids(snapshot, told), _ids(snapshot, rows[others]), places, scores[others])
        yield pa.record_batch(
            [pa.array(column, field.type) for column, field in zip(columns, SCHEMA, strict=True)],
            schema=SCHEMA,
        )


def _ids(snapshot: Snapshot, rows: Rows) -> list[str]:
    found = snapshot.image_ids(np.unique(rows).tolist())
    return [found[row] for row in rows.tolist()]
