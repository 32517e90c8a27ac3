"""Listings: the images of a collection page by page, in an order that needs no query."""

from dataclasses import replace

import numpy as np

from indexer.backends import Rows
from indexer.backends.selection import Selection
from indexer.catalog.snapshot import Snapshot
from model.errors import UnknownName
from search.hits import SIMILAR, Hits, hits_of

NEWEST, BY_TAXON, AT_RANDOM, LEAST_SURE = "newest", "taxon", "random", "least sure"
_ORDERS = {
    NEWEST: 'modified DESC NULLS LAST, "row" DESC',
    BY_TAXON: "lo NULLS LAST, images.label = '', images.label, \"row\"",
    AT_RANDOM: "md5(images.image_id)",
    LEAST_SURE: 'confidence NULLS LAST, "row"',
}
ORDERS = tuple(_ORDERS)


def list_images(snapshot: Snapshot, among: Selection, order: str, k: int, skip: int) -> Hits:
    """Return k images of a selection after the first `skip`, as hits of score 1.

    `order` is NEWEST (the file that changed last), BY_TAXON (pre-order of the tree, labels
    without a taxon last), AT_RANDOM, the same one each time, or LEAST_SURE (by the confidence of
    a machine's label). Raises UnknownName for another.
    """
    if order not in _ORDERS:
        raise UnknownName(f"Unknown order {order!r}; choose one of {', '.join(ORDERS)}.")
    condition, values = chosen_rows(snapshot, among)
    sql = _LISTED.format(condition=condition, order=_ORDERS[order])
    rows = [row for (row,) in snapshot.query(sql, *values, k, skip)]
    return replace(
        hits_of_rows(snapshot, np.array(rows, np.int64)), meaning=f"{len(among):,} images"
    )


def hits_of_rows(snapshot: Snapshot, rows: Rows) -> Hits:
    """Return images by their rows, in that order, as hits of score 1."""
    found = (np.ones(len(rows), np.float32), rows)
    return Hits(tuple(hits_of(snapshot, found, SIMILAR)), f"{len(rows):,} images")


def chosen_rows(snapshot: Snapshot, among: Selection) -> tuple[str, list[object]]:
    """Return a selection as SQL over "row", "true" where it is every image, with its values."""
    ((images,),) = snapshot.query("SELECT count(*) FROM images")
    if len(among) == images:
        return "true", []
    return '"row" IN (SELECT unnest(?))', [among.array.tolist()]


_LISTED = """
SELECT "row" FROM images LEFT JOIN (SELECT source_id, modified FROM inputs) USING (source_id)
LEFT JOIN (SELECT image_id, confidence FROM identifications) USING (image_id)
WHERE {condition} ORDER BY {order} LIMIT ? OFFSET ?
"""
