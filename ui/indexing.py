"""Indexing as people start it: a source in, a collection out, the cost said first."""

import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TypedDict, Unpack

from tqdm import tqdm

from indexer.ingest.changes import Wanted, changed, changed_or_removed, failed, unmatched
from indexer.ingest.pipeline import Progress
from indexer.ingest.run import How, index_source, keep_catalog
from indexer.inputs.thumbnails import BYTES as THUMBNAIL_BYTES
from indexer.labels.label_files import read_label_file
from indexer.store.manifest import read_manifest
from model.encoder import Encoder
from model.errors import BadInput, CollectionError
from model.runtimes import AUTO
from ui.costs import duration, size

_ROW_BYTES = 400  # of the tables and the catalog, beside the vector
_ROOM = 2  # how much more than that must be free


class Work(TypedDict, total=False):
    """How a run works, as keywords: `runtime`, `fetch`, `workers`, `batch_size`."""

    runtime: str
    fetch: bool
    workers: int | None
    batch_size: int | None


def index(
    source: Path | str,
    collection: Path | str = "taxalens.collection",
    *,
    encoder: str | Encoder | None = None,
    labels: Path | str | None = None,
    taxonomy: str | None = None,
    removed_too: bool = False,
    **work: Unpack[Work],
) -> Progress:
    """Index a source into a collection and return how many inputs ended how.

    `source` is a folder of pictures or anything else that a file of `indexer/readers` reads.
    `encoder` is a spec or a loaded encoder: by default the collection's own, or `bioclip` for a
    new one. `labels` is a CSV or Parquet file, see `indexer.labels.label_files`; without one, what
    the source says itself are the labels. `taxonomy` is the name or file of an imported one, in
    which labels are resolved, or "none"; by default the collection's own. `removed_too` brings back
    what was removed. `runtime` computes the vectors ("torch", "openvino"); `fetch` allows
    downloading pictures named by URL; `workers` threads read and decode, `batch_size` pictures are
    embedded at once. Progress goes to stderr. Raises Error for what cannot be done.
    """
    table = read_label_file(Path(labels)) if labels else {}
    if table and (missing := unmatched(str(source), table)):
        shown = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        sys.stderr.write(f"{len(missing)} of {len(table)} labels match nothing here: {shown}\n")
    wanted = changed_or_removed if removed_too else changed
    with _how(**work) as how:
        steps = index_source(source, Path(collection), encoder, table, taxonomy, how, wanted)
        return _shown(steps, Path(collection), how)


def update(collection: Path | str, **work: Unpack[Work]) -> Progress:
    """Index again every source of a collection: what is new, has changed, or is gone."""
    with _how(**work) as how:
        return _again(Path(collection), changed, True, how)


def retry(collection: Path | str, reason: str = "", **work: Unpack[Work]) -> Progress:
    """Read again what failed, or what failed for a reason that has these words in it."""
    with _how(**work) as how:
        return _again(Path(collection), failed(reason), False, how)


def _again(collection: Path, wanted: Wanted, adds: bool, how: How) -> Progress:
    manifest = read_manifest(collection)
    keep_catalog(collection)  # also where no source is in reach
    whole = Progress(0)
    for source in manifest.sources or manifest.roots.values():
        try:
            steps = index_source(source, collection, how=how, wanted=wanted, adds=adds)
            whole += _shown(steps, collection, how)
        except BadInput as error:  # a disk that is not mounted says nothing of the others
            sys.stderr.write(f"{error}\n")
    return whole


@contextmanager
def _how(
    runtime: str = AUTO,
    fetch: bool = False,
    workers: int | None = None,
    batch_size: int | None = None,
) -> Iterator[How]:
    if not fetch:
        yield How(runtime, None, workers, batch_size)
        return
    from indexer.inputs.fetching import Fetcher

    with Fetcher() as fetcher:
        yield How(runtime, fetcher, workers, batch_size)


def _shown(steps: Iterator[Progress], collection: Path, how: How) -> Progress:
    """Run to the end, the cost said first, then rate and time left."""
    with closing(steps):  # type: ignore[type-var]
        progress = next(steps)
        if progress.total:
            _say_cost(progress.total, collection, how)
        started = time.monotonic()
        with tqdm(total=progress.total, unit=" images", disable=not progress.total) as bar:
            for progress in steps:
                if not bar.n and progress.total > progress.done:
                    _say_time(progress, time.monotonic() - started)
                bar.update(progress.done - bar.n)
    return progress


def _say_cost(images: int, collection: Path, how: How) -> None:
    """Say how many pictures there are and what they take on disk; refuse what has no room."""
    each = _ROW_BYTES + 2 * read_manifest(collection).encoder.dim
    each += THUMBNAIL_BYTES if how.fetch else 0
    free = shutil.disk_usage(collection).free
    sys.stderr.write(f"{images:,} new or changed pictures; about {size(images * each)} on disk\n")
    if images * each * _ROOM > free:
        raise CollectionError(
            f"{collection} has {size(free)} free, which is too little; make room, or choose "
            "another disk with -c."
        )


def _say_time(progress: Progress, seconds: float) -> None:
    left = (progress.total - progress.done) * seconds / progress.done
    said = f"about {duration(left)}, by the first {progress.done} pictures"
    tqdm.write(said, file=sys.stderr)  # which does not break the bar
