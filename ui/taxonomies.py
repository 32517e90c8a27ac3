"""Which taxonomy is meant where none is named."""

from pathlib import Path

import duckdb

from indexer.catalog.snapshot import Snapshot, open_snapshot
from indexer.labels.label_resolution import taxonomy_of
from indexer.store.manifest import MANIFEST
from indexer.taxonomy.store import list_taxonomies, open_taxonomy
from model.errors import UnknownName


def choose(taxonomy: str | None, collection: Path) -> duckdb.DuckDBPyConnection:
    """Open the one that is named, else the collection's, else the only one, else its own taxa.

    Raises UnknownName where there is none, or several and none is named.
    """
    if taxonomy:
        return open_taxonomy(taxonomy).connection
    snapshot = snapshot_at(collection)
    own = taxonomy_of(snapshot.manifest) if snapshot else None
    if own:
        return own.connection
    known = list(list_taxonomies())
    if len(known) == 1:
        return known[0].connection
    if known:
        names = ", ".join(each.about.name for each in known)
        raise UnknownName(f"There are the taxonomies {names}; choose one with --taxonomy.")
    if snapshot:
        return snapshot.cursor()
    raise UnknownName("There is no taxonomy yet; make one with: taxalens taxonomy import inat")


def snapshot_at(collection: Path) -> Snapshot | None:
    """Open a collection; None where there is none."""
    return open_snapshot(collection) if (collection / MANIFEST).exists() else None
