"""Optimizing a collection: its rows and index rewritten, and a classifier fitted to its labels."""

import logging
from pathlib import Path

from indexer.backends.index_file import FROM
from indexer.ingest import optimize as rewriting
from indexer.store.manifest import Manifest
from model.encoder import Encoder
from model.errors import Error
from model.progress import OnStep, share_reporter
from search.collection import open_collection

_LOG = logging.getLogger(__name__)


def optimize(
    collection: Path | str = "taxalens.collection",
    encoder: Encoder | None = None,
    progress: OnStep | None = None,
    index_from: int = FROM,
) -> Manifest:
    """Do what `indexer.ingest.optimize` does, then fit what `identify` takes, so that it is kept.

    Where the collection's encoder cannot be loaded, a warning says so and nothing is fitted.
    """
    manifest = rewriting.optimize(collection, encoder, progress, index_from)
    opened = open_collection(collection, encoder)
    with opened.snapshot:
        told = share_reporter(progress)
        told("classifier of identify", 0.0)
        try:
            opened.fit(progress)
            told("classifier of identify", 1.0)
        except Error as error:
            _LOG.warning("Nothing is fitted to the labels: %s", error)
    return manifest
