"""Indexing as a caller starts it: a source in, the counts of a run out, its cost reported first."""

import logging
import shutil
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from indexer.ingest.changes import Wanted, changed, changed_or_removed, failed, unmatched
from indexer.ingest.embedding import HERE, How
from indexer.ingest.label_report import contradictions, label_report
from indexer.ingest.missing_hashes import add_missing_hashes
from indexer.ingest.pipeline import Progress
from indexer.ingest.run import index_source, keep_catalog
from indexer.inputs.records import is_address
from indexer.inputs.thumbnails import BYTES as THUMBNAIL_BYTES
from indexer.labels.label_files import Label, read_label_file
from indexer.readers import refuse
from indexer.readers.darwin_core import labels_of
from indexer.store.manifest import is_there, read_manifest
from indexer.taxonomy.built_in import BUILT_IN
from model.encoder import Encoder
from model.errors import BadInput, CollectionError
from model.progress import OnStep, Step, ignore
from model.runtimes import AUTO
from model.sizes import size

_LOG = logging.getLogger("taxalens")
_ROW_BYTES = 400  # of the tables and the catalog, beside the vector
_ROOM = 2  # how much more than that must be free


def index(
    source: Path | str,
    collection: Path | str = "taxalens.collection",
    *,
    encoder: str | Encoder | None = None,
    labels: Path | str | None = None,
    taxonomy: str | None = None,
    runtime: str = AUTO,
    fetch: bool = False,
    workers: int | None = None,
    batch_size: int | None = None,
    on: str = HERE,
    progress: OnStep | None = None,
) -> Progress:
    """Index a source into a collection and return how many inputs ended how.

    `source` is a folder of pictures or anything else that a file of `indexer/readers` reads.
    `encoder` is a spec or a loaded encoder: by default the collection's own, or `bioclip` for a
    new one. `labels` is a CSV or Parquet file (`indexer.labels.label_files`); by default the
    source's own labels count. `taxonomy` is the name or file of an imported one that resolves
    labels, or "none"; by default the collection's own, and in a new collection the English names
    that come with taxalens. `runtime` computes the vectors ("torch", "openvino"); `fetch` allows
    downloads of pictures named by URL; `workers` threads read and decode, `batch_size` pictures are
    embedded at once. `on` is where that happens: "here", in a job array of Slurm ("slurm",
    "slurm:16") or on a Ray cluster ("ray", "ray://host:10001"), see docs/clusters.md. Raises Error
    for anything impossible.
    """
    with _how(runtime, fetch, workers, batch_size, on) as how:
        return _index(source, Path(collection), encoder, labels, taxonomy, how, changed, progress)


def add(
    source: Path | str,
    collection: Path | str = "taxalens.collection",
    *,
    labels: Path | str | None = None,
    runtime: str = AUTO,
    fetch: bool = False,
    workers: int | None = None,
    batch_size: int | None = None,
    on: str = HERE,
    progress: OnStep | None = None,
) -> Progress:
    """Index a source into a collection that exists, removed inputs included; see `index`."""
    read_manifest(Path(collection))
    with _how(runtime, fetch, workers, batch_size, on) as how:
        return _index(
            source, Path(collection), None, labels, None, how, changed_or_removed, progress
        )


def update(
    collection: Path | str = "taxalens.collection",
    *,
    runtime: str = AUTO,
    fetch: bool = False,
    workers: int | None = None,
    batch_size: int | None = None,
    on: str = HERE,
    progress: OnStep | None = None,
) -> Progress:
    """Index every source of a collection again: inputs that are new, changed or gone.

    Pictures that were indexed before there were perceptual hashes get theirs. A source that cannot
    be read is warned of, and the others are still updated. Raises BadInput where none can be read.
    """
    with _how(runtime, fetch, workers, batch_size, on) as how:
        counts = _again(Path(collection), changed, True, how, progress)
    add_missing_hashes(Path(collection), progress)
    return counts


def retry(
    collection: Path | str = "taxalens.collection",
    reason: str | None = None,
    *,
    runtime: str = AUTO,
    fetch: bool = False,
    workers: int | None = None,
    batch_size: int | None = None,
    on: str = HERE,
    progress: OnStep | None = None,
) -> Progress:
    """Read failed inputs again: all of them, or those whose reason contains some words."""
    with _how(runtime, fetch, workers, batch_size, on) as how:
        return _again(Path(collection), failed(reason or ""), False, how, progress)


def _index(
    source: Path | str,
    collection: Path,
    encoder: str | Encoder | None,
    labels: Path | str | None,
    taxonomy: str | None,
    how: How,
    wanted: Wanted,
    progress: OnStep | None,
) -> Progress:
    table: dict[str, Label] = {}
    if labels:
        table = labels_of(Path(labels)) or read_label_file(Path(labels))
    if table and (missing := unmatched(str(source), table, how.fetch or refuse)):
        shown = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        _LOG.warning("%d of %d labels match nothing here: %s", len(missing), len(table), shown)
    is_new = taxonomy is None and not is_there(collection)
    known_names = BUILT_IN if is_new else taxonomy
    steps = index_source(source, collection, encoder, table, known_names, how, wanted)
    counts = _reported(steps, collection, how, progress)
    if counts.any or taxonomy:
        for line in label_report(collection, with_taxa=is_new or bool(taxonomy)):
            _LOG.info("%s", line)
        if line := contradictions(collection):
            _LOG.warning("%s", line)
    return counts


def _again(
    collection: Path, wanted: Wanted, adds: bool, how: How, progress: OnStep | None
) -> Progress:
    manifest = read_manifest(collection)
    keep_catalog(collection)  # also where no source is in reach
    whole, problems = Progress(0), list[str]()
    sources = manifest.sources or [*manifest.roots.values()]
    for source in sources:
        try:
            steps = index_source(source, collection, how=how, wanted=wanted, adds=adds)
            whole += _reported(steps, collection, how, progress)
        except BadInput as error:  # a disk that is not mounted says nothing of the others
            is_moved = not (is_address(source) or Path(source).exists())
            moved = f" If it was moved: taxalens relocate {source} NEW" if is_moved else ""
            problems.append(f"{error}{moved}")
    if problems and len(problems) == len(sources):
        raise BadInput(" ".join(problems))
    for problem in problems:
        _LOG.warning("%s", problem)
    return whole


@contextmanager
def _how(
    runtime: str, fetch: bool, workers: int | None, batch_size: int | None, on: str
) -> Iterator[How]:
    if not fetch:
        yield How(runtime, None, workers, batch_size, on)
        return
    from indexer.inputs.fetching import Fetcher

    with Fetcher() as fetcher:
        yield How(runtime, fetcher, workers, batch_size, on)


def _reported(
    steps: Iterator[Progress], collection: Path, how: How, progress: OnStep | None
) -> Progress:
    """Run to the end and report each batch; the first report has the cost."""
    report = progress or ignore
    with closing(steps):  # type: ignore[type-var]
        state = next(steps)
        needed = _checked_bytes(state.total, collection, how) if state.total else 0
        if state.total:
            report(_step(state, needed))
        for state in steps:
            report(_step(state, needed))
    return state


def _step(state: Progress, needed: int) -> Step:
    return Step("new or changed pictures", "images", state.done, state.total, needed)


def _checked_bytes(images: int, collection: Path, how: How) -> int:
    """Return the bytes that so many pictures need; raises CollectionError without room for them."""
    each = _ROW_BYTES + 2 * read_manifest(collection).encoder.dim
    each += THUMBNAIL_BYTES if how.fetch else 0
    free = shutil.disk_usage(collection).free
    if images * each * _ROOM > free:
        raise CollectionError(
            f"{collection} has {size(free)} free, which is too little for {images:,} pictures; "
            "make room, or choose another disk for the collection."
        )
    return images * each
