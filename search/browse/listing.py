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


def sql_of(order: str) -> str:
    """Return an order as SQL (`order.rows_by`); raises UnknownName for one that is not known.

    NEWEST is the file that changed last, BY_TAXON the pre-order of the tree, labels without a
    taxon last, AT_RANDOM the same each time, LEAST_SURE by the confidence of a machine's label.
    """
    if order not in _ORDERS:
        raise UnknownName(f"Unknown order {order!r}; choose one of {', '.join(ORDERS)}.")
    return _ORDERS[order]


def list_images(snapshot: Snapshot, among: Selection, ordered: Rows, k: int, skip: int) -> Hits:
    """Return k images of a selection after the first `skip`, as hits of score 1.

    `ordered` are all rows, in the order of the list.
    """
    if len(among) < len(ordered):
        is_chosen = np.zeros(len(ordered), np.bool_)
        is_chosen[among.array] = True
        ordered = ordered[is_chosen[ordered]]
    hits = hits_of_rows(snapshot, ordered[skip : skip + k])
    return replace(hits, meaning=f"{len(among):,} images")


def hits_of_rows(snapshot: Snapshot, rows: Rows) -> Hits:
    """Return images by their rows, in that order, as hits of score 1."""
    found = (np.ones(len(rows), np.float32), rows)
    return Hits(tuple(hits_of(snapshot, found, SIMILAR)), f"{len(rows):,} images")
