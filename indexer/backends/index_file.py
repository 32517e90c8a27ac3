"""The index of a collection as a file: measured, written whole, opened only if it is as it was."""

import logging
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

from indexer.backends import lists
from indexer.backends.exact import Exact
from indexer.backends.training import lists_for, train_by_likeness, train_by_taxa
from indexer.backends.tuning import Sample, Tuned, lists_needed, tune
from indexer.store.durable import write_durably
from indexer.store.manifest import EffortEntry, IndexEntry, Manifest
from model.kept_files import sha256_of

FROM = 50_000  # rows; fewer are compared one by one in a few milliseconds
_WORTH = 1.5  # times the lists
_FEW = 256  # lists suffice to see which division holds neighbours together
_LOG = logging.getLogger("taxalens")
Told = Callable[[str, float], None]
"""Hears a step of the work and the share of it that is done."""


def make_index(
    collection: Path, manifest: Manifest, exact: Exact, samples: Sequence[Sample], told: Told
) -> Manifest:
    """Build an index over all rows, measure it, write it; return the manifest that knows it.

    `samples` are queries to measure it with, of images and perhaps of texts. Rows are divided by
    taxa, of which a filter by clade makes use, unless that needs many more lists to meet the true
    neighbours of sampled queries than by likeness.
    """
    few = min(_FEW, lists_for(len(exact), True))
    needed = []
    for place, each in enumerate((train_by_taxa, train_by_likeness)):
        told("trial lists", place / 2)
        needed.append(lists_needed(exact, each(exact, few), samples))
    told("trial lists", 1.0)
    by_taxa = all(taxa <= _WORTH * likeness for taxa, likeness in zip(*needed, strict=True))
    train = train_by_taxa if by_taxa else train_by_likeness
    step = "lists by taxa" if by_taxa else "lists by likeness"
    chosen = train(exact, lists_for(len(exact), by_taxa), lambda share: told(step, share))
    index = lists.build(exact, chosen, lambda share: told("codes", share))
    tuned = [tune(index, each, lambda share: told("measuring recall", share)) for each in samples]
    path = f"index-{manifest.generation + 1}.faiss"
    write_durably(collection / path, lambda file: lists.write(index, file))
    entry = IndexEntry(
        path,
        (collection / path).stat().st_size,
        sha256_of(collection / path),
        len(exact),
        by_taxa,
        _entry(tuned[0]),
        _entry(tuned[1]) if len(tuned) > 1 else None,
    )
    return replace(manifest, index=entry)


def open_index(collection: Path, manifest: Manifest, exact: Exact) -> lists.ListIndex | None:
    """Open a generation's index; None where there is none, or it is not what was written."""
    entry = manifest.index
    if entry is None:
        return None
    path = collection / entry.path
    try:
        if path.stat().st_size == entry.bytes:
            return lists.read(path, exact, entry.by_taxa)
    except (OSError, RuntimeError):
        pass
    _LOG.warning("%s is missing or damaged: searching without it; run taxalens optimize.", path)
    return None


def _entry(tuned: Tuned) -> EffortEntry:
    return EffortEntry(tuned.effort.probes, tuned.effort.reranked, round(tuned.recall, 4))
