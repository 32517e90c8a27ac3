"""One run over a source: what is new gets embedded, what is labelled anew gets its label."""

import os
from collections.abc import Callable, Generator, Iterator, Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from indexer.catalog.catalog_file import deriving, write_catalog
from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.changes import News, Wanted, changed, chosen, news_of
from indexer.ingest.contents import Contents
from indexer.ingest.embedding import How, Source, Work
from indexer.ingest.jobs import remove_parts
from indexer.ingest.journal import fold
from indexer.ingest.pipeline import Progress, commit_batches
from indexer.ingest.prefetch import Opened
from indexer.ingest.run_encoder import RunEncoder
from indexer.ingest.run_log import log_run, runtime_name
from indexer.inputs import status
from indexer.inputs.records import Record, is_address
from indexer.labels.label_files import Label, labelled
from indexer.labels.label_resolution import NO_TAXONOMY, resolve_labels
from indexer.readers import Reader, normal, reader_of, refuse
from indexer.store.manifest import Manifest, commit, is_there, read_manifest
from indexer.store.segment import Segment
from indexer.store.writer_lock import only_writer, with_source
from indexer.taxonomy.built_in import BUILT_IN
from indexer.taxonomy.store import open_taxonomy
from model.encoder import Encoder
from model.errors import BadInput
from model.plugins import load_plugin


class Executor(Protocol):
    """A file of `indexer/executors`."""

    def check(self, on: str) -> None:
        """Raise Error where it cannot work."""

    def batches(
        self, work: Work, records: Callable[[], Iterator[Record]]
    ) -> Generator[list[Opened]]:
        """Yield the records, embedded, in their order."""


def index_source(
    source: Path | str,
    collection: Path,
    encoder: str | Encoder | None = None,
    labels: Mapping[str, Label] | None = None,
    taxonomy: str | None = None,
    how: How | None = None,
    wanted: Wanted = changed,
    adds: bool = True,
) -> Iterator[Progress]:
    """Index a source into a collection, one yield per batch, the first before any work.

    `source` is a path or address that a file of `readers/` claims. `encoder` is a spec or a
    loaded encoder; None is the collection's own, or the default in a new one. `taxonomy` is the
    name or file of an imported one, in which labels are resolved, or NO_TAXONOMY; None is the
    collection's own. `wanted` tells which inputs that are known are read again, `adds` whether
    what is unknown is read. Everything committed stays whatever happens later; closing the
    generator, or Ctrl-C, commits what is done.

    Raises BadInput for a source that cannot be read, CollectionError for a collection in use,
    EncoderMismatch for one that was made with another encoder, UnknownName for a taxonomy that is
    not there.
    """
    source, how = normal(source), how or How()
    executor = executor_of(how.on)
    reader = reader_of(source)
    encoder_of = RunEncoder(encoder, how.runtime)
    if taxonomy not in (None, NO_TAXONOMY, BUILT_IN):
        open_taxonomy(taxonomy).close()  # what fails here leaves nothing behind
    entry = None
    if not is_there(collection):
        first = next(reader.read(source, how.fetch or refuse), None)
        if first is None:
            raise BadInput(f"{source} holds no pictures.")
        _check_fetch(source, first.url if first.is_remote else "", how)
        entry = (
            encoder_of.entry()
            if first.vector is None
            else encoder_of.entry_as_said(len(first.vector), source)
        )
    fold(collection)
    with only_writer(collection):
        if entry is None or is_there(collection):
            manifest = read_manifest(collection)
            encoder_of.expect(manifest.encoder, collection)
        else:
            manifest = commit(collection, Manifest(entry))
        run = _Run(collection, source, reader, encoder_of, how, executor)
        yield from run.over(manifest, labels or {}, wanted, adds, taxonomy)


def executor_of(on: str) -> Executor:
    """Return the executor that `on` names; raises Error where there is none, or it cannot work."""
    executor: Executor = load_plugin("indexer.executors", on.partition(":")[0], "executor")
    executor.check(on)
    return executor


def use_taxonomy(collection: Path | str, taxonomy: str) -> None:
    """Resolve a collection's labels in another taxonomy, or NO_TAXONOMY, and embed nothing.

    Raises CollectionError for a collection in use, UnknownName for a taxonomy that is not there.
    """
    collection = Path(collection)
    read_manifest(collection)
    with only_writer(collection):
        manifest = resolve_labels(collection, read_manifest(collection), taxonomy)
        write_catalog(collection, manifest)


def keep_catalog(collection: Path) -> None:
    """Derive the catalog of a collection again, where it is missing or not whole.

    Raises CollectionError for a collection in use, NotWritten for a disk without room.
    """
    read_manifest(collection)
    with only_writer(collection):
        write_catalog(collection, read_manifest(collection))


@dataclass(frozen=True, slots=True)
class _Run:
    collection: Path
    source: str
    reader: Reader
    encoder_of: RunEncoder
    how: How
    executor: Executor
    runtimes: set[str] = field(default_factory=set)

    def over(
        self,
        manifest: Manifest,
        labels: Mapping[str, Label],
        wanted: Wanted,
        adds: bool,
        taxonomy: str | None,
    ) -> Iterator[Progress]:
        """Read the source and bring the collection up to it; the caller holds the lock."""
        started, progress = datetime.now(UTC), Progress(0)
        try:
            for progress in self._embed(manifest, labels, wanted, adds):
                yield progress
        finally:
            manifest = read_manifest(self.collection)
            with deriving("the meaning of its labels", self.collection, manifest):
                manifest = resolve_labels(self.collection, manifest, taxonomy)
            if progress.any:
                computed = {*self.runtimes, runtime_name(self.encoder_of.loaded)}
                runtime, counts = ", ".join(sorted(computed - {""})), asdict(progress)
                manifest = log_run(self.collection, manifest, self.source, started, runtime, counts)
            write_catalog(self.collection, manifest)

    def _embed(
        self, manifest: Manifest, labels: Mapping[str, Label], wanted: Wanted, adds: bool
    ) -> Iterator[Progress]:
        base = self.reader.base(self.source)
        root, manifest = with_source(manifest, self.source, base)
        with open_snapshot(self.collection) as snapshot:
            snapshot = replace(snapshot, manifest=manifest)  # which knows the root
            news = news_of(snapshot, root, self._records(root, base, labels), wanted, adds)
            _check_fetch(self.source, news.remote, self.how)
            progress = Progress(len(news.inputs), relabelled=len(news.relabelled))
            progress = replace(progress, vanished=len(news.vanished))
            yield progress
            manifest = _commit_news(self.collection, manifest, news)
            if news.inputs:
                work = Work(
                    self.collection,
                    Source(self.source, base, root),
                    manifest.encoder,
                    Contents(snapshot),
                    self.encoder_of.load,
                    self.how,
                    self.runtimes,
                )
                batches = self.executor.batches(
                    work, lambda: chosen(news, self._records(root, base, labels))
                )
                for step in commit_batches(work, manifest, batches, progress):
                    progress = step
                    yield step
                self._check_whole(base, progress)
                remove_parts(work)

    def _check_whole(self, base: str, progress: Progress) -> None:
        """Refuse to call a run a success whose source went away under it."""
        lost = progress.total - progress.done
        if lost > 0 or not (is_address(base) or os.path.lexists(base)):
            raise BadInput(
                f"{self.source} changed or vanished during the run: {lost + progress.failed:,} of "
                f"{progress.total:,} inputs were not read. What was done is kept; make sure that "
                "the source is there, and run the same command again."
            )

    def _records(self, root: str, base: str, labels: Mapping[str, Label]) -> Iterator[Record]:
        for record in self.reader.read(self.source, self.how.fetch or refuse):
            said = labelled(record, base, labels).storable()
            yield replace(said, source_id=f"{root}/{said.source_id}")


def _commit_news(collection: Path, manifest: Manifest, news: News) -> Manifest:
    """Commit what needs no embedding."""
    segment = Segment()
    for image_id, record in news.relabelled:
        segment.label(image_id, record)
    for source_id, known in news.vanished:
        segment.input(
            source_id,
            status.VANISHED,
            "no longer there",
            known.image_id,
            known.bytes,
            known.modified,
        )
    paths = segment.write(collection, manifest.next_name)
    return commit(collection, manifest, paths) if paths else manifest


def _check_fetch(source: str, url: str, how: How) -> None:
    if url and how.fetch is None:
        raise BadInput(
            f"{source} names pictures by URL, such as {url}; pass fetch=True to download them."
        )
