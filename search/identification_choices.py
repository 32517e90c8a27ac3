"""What `identify` chooses from: a collection, a taxonomy, or labels of one's own."""

import logging
from collections.abc import Sequence
from pathlib import Path

from indexer.ingest.run_encoder import DEFAULT_ENCODER
from indexer.store.manifest import MANIFEST
from indexer.taxonomy.resolver import resolve_all
from indexer.taxonomy.store import open_taxonomy
from model.encoder import load
from model.errors import Error
from model.taxon import Rank
from search.collection import Collection, open_collection
from search.identify.preparation import Preparation, prepare

_LOG = logging.getLogger("taxalens")


def ready_for(
    collection: Path,
    taxonomy: str | None,
    encoder: str | None,
    *,
    within: Sequence[str] = (),
    exclude: Sequence[str] = (),
    checklist: Sequence[str] | None = None,
    checklist_weight: float = 0.0,
) -> Preparation:
    """Prepare from a collection, or where there is none from a taxonomy and an encoder.

    A taxonomy that is named offers all its taxa, not those alone that images are labelled with.
    """
    opened = _opened(collection, taxonomy, encoder)
    if opened:
        whole = taxonomy is not None
        return opened.prepare(within, exclude, checklist, checklist_weight, whole)
    if not taxonomy:
        raise Error(
            f"There is no collection {collection}; pass collection=DIR, or identify without one "
            "by taxonomy=NAME or labels=FILE."
        )
    known = open_taxonomy(taxonomy)
    return prepare(
        lambda: load(encoder or DEFAULT_ENCODER),
        taxonomy=known,
        within=within,
        exclude=exclude,
        checklist=checklist,
        checklist_weight=checklist_weight,
    )


def bins_of(
    labels: dict[str, str],
    rank: str,
    within: Sequence[str],
    exclude: Sequence[str],
    collection: Path,
    taxonomy: str | None,
    encoder: str | None,
) -> tuple[str, dict[str, str]]:
    """Return the encoder, and labels with their bins: with a rank, the taxon that each is of.

    Labels outside `within`, or in `exclude`, are left out; those that are no taxon are warned of
    and stay themselves where only a rank is asked for.
    """
    opened = _opened(collection, taxonomy, encoder)
    spec = encoder or (opened.snapshot.manifest.encoder.spec if opened else DEFAULT_ENCODER)
    if not (rank or within or exclude):
        return spec, labels
    known = open_taxonomy(taxonomy) if taxonomy else opened.names.taxonomy if opened else None
    if known is None and opened is None:
        raise Error("Pass taxonomy=NAME: only with one are labels taxa of a rank or clade.")
    connection = known.cursor() if known else opened.snapshot.cursor() if opened else None
    assert connection is not None
    inside, outside = (
        [clade.interval for each in resolve_all(connection, names) for clade in each.clades]
        for names in (list(within), list(exclude))
    )
    kept, lost = {}, []
    for label, found in zip(labels, resolve_all(connection, list(labels)), strict=True):
        clade = found.clades[0] if found.clades and found.whole else None
        if clade is None:
            lost.append(label)
        lo = clade.lo if clade else -1
        if within and not any(low <= lo < high for low, high in inside):
            continue
        if any(low <= lo < high for low, high in outside):
            continue
        name = clade.taxon.at(Rank(rank)) if clade and rank else ""
        kept[label] = name or labels[label]
    if lost:
        _LOG.warning("%d labels are no taxon here: %s", len(lost), ", ".join(lost[:10]))
    return spec, kept


def _opened(collection: Path, taxonomy: str | None, encoder: str | None) -> Collection | None:
    """Open a collection, if it is there and an encoder of another name was not asked for."""
    if not (collection / MANIFEST).is_file():
        return None
    loaded = load(encoder) if encoder else None
    return open_collection(collection, loaded, taxonomy)
