"""One run over a folder: what is new gets embedded, what is labelled anew gets its label."""

import os
import socket
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

import filelock

from indexer.catalog import write_catalog
from indexer.contents import contents_of
from indexer.identity import check_encoder, check_spec
from indexer.labels import Label
from indexer.manifest import MANIFEST, EncoderEntry, Manifest, commit, read_manifest
from indexer.meanings import derive, is_current, taxonomy_of
from indexer.pipeline import Progress, embed_records
from indexer.readers import folder as folder_reader
from indexer.records import Record
from indexer.run_log import log_run
from indexer.segment import Segment
from indexer.snapshot import Snapshot, open_snapshot
from indexer.taxonomy.store import open_taxonomy
from model.encoder import Encoder
from model.encoder import load as load_encoder
from model.errors import BadInput, CollectionError
from model.runtimes import AUTO
from model.taxon import Taxon

DEFAULT_ENCODER = "bioclip"
NO_TAXONOMY = "none"


@dataclass(frozen=True, slots=True)
class _News:
    """How a folder differs from a collection: inputs to embed, and images with another label."""

    inputs: list[Record]
    relabelled: list[tuple[str, Record]]


def index_folder(
    folder: Path,
    collection: Path,
    encoder: str | Encoder | None = None,
    labels: Mapping[str, Label] | None = None,
    taxonomy: str | None = None,
    runtime: str = AUTO,
) -> Iterator[Progress]:
    """Index a folder of pictures into a collection, one yield per batch, the first before any work.

    `encoder` is a spec or a loaded encoder; None is the collection's own, or DEFAULT_ENCODER in a
    new one, computed by `runtime` ("torch", "openvino" or AUTO). `taxonomy` is the name or file of
    an imported one, in which labels are resolved, or NO_TAXONOMY; None is the collection's own.
    Everything committed stays whatever happens later. Raises BadInput for a folder without
    pictures, CollectionError for a collection in use, EncoderMismatch for one that was made with
    another encoder, UnknownName for a taxonomy that is not there.
    """
    if not folder.is_dir():
        raise BadInput(f"There is no folder {folder}.")
    started, progress = datetime.now(UTC), Progress(0)
    encoder_of = _Encoders(encoder, runtime)
    if taxonomy not in (None, NO_TAXONOMY):
        open_taxonomy(taxonomy).close()  # what fails here leaves nothing behind
    if not (collection / MANIFEST).exists():
        if next(folder_reader.read(folder, "", {}), None) is None:
            raise BadInput(f"{folder} holds no pictures: no file in it ends in .jpg, .png or so.")
        encoder_of.load()  # what fails here leaves nothing behind
    with _only_writer(collection):
        if (collection / MANIFEST).exists():
            manifest = read_manifest(collection)
            encoder_of.expect(manifest.encoder, collection)
        else:
            manifest = commit(collection, Manifest(encoder_of.entry()))
        root, manifest = _with_root(manifest, folder)
        for progress in _run(collection, manifest, folder, root, encoder_of, labels or {}):
            yield progress
        manifest = _resolve_labels(collection, read_manifest(collection), taxonomy)
        if progress.total or progress.relabelled:
            counts = asdict(progress)
            manifest = log_run(collection, manifest, folder, started, encoder_of.loaded, counts)
        write_catalog(collection, manifest)


def use_taxonomy(collection: Path, taxonomy: str) -> None:
    """Resolve a collection's labels in another taxonomy, or NO_TAXONOMY, and embed nothing.

    Raises CollectionError for a collection in use, UnknownName for a taxonomy that is not there.
    """
    read_manifest(collection)
    with _only_writer(collection):
        manifest = _resolve_labels(collection, read_manifest(collection), taxonomy)
        write_catalog(collection, manifest)


def _resolve_labels(collection: Path, manifest: Manifest, asked: str | None) -> Manifest:
    """Derive what the labels mean, where they or the taxonomy are new."""
    own = manifest.taxonomy
    if asked == NO_TAXONOMY:
        return derive(collection, manifest, None) if own else manifest
    current = is_current(collection, manifest)
    if asked is None and current:
        return manifest
    taxonomy = open_taxonomy(asked) if asked else taxonomy_of(manifest)
    if taxonomy is None:
        raise CollectionError(
            f"{collection} uses the taxonomy {own.name if own else ''}, which is not here: import "
            f"it again, or choose with --taxonomy another one or {NO_TAXONOMY}."
        )
    try:
        if own and own.id == taxonomy.about.id and current:
            return manifest
        return derive(collection, manifest, taxonomy)
    finally:
        taxonomy.close()


def _run(
    collection: Path,
    manifest: Manifest,
    folder: Path,
    root: str,
    encoder_of: "_Encoders",
    labels: Mapping[str, Label],
) -> Iterator[Progress]:
    snapshot = open_snapshot(collection)
    try:
        news = _news(snapshot, folder_reader.read(folder, root, labels))
        contents = contents_of(snapshot) if news.inputs else {}
    finally:
        snapshot.close()
    start = Progress(total=len(news.inputs), relabelled=len(news.relabelled))
    yield start
    manifest = _commit_labels(collection, manifest, news.relabelled)
    yield from embed_records(collection, manifest, news.inputs, contents, encoder_of.load, start)


def _news(snapshot: Snapshot, records: Iterator[Record]) -> _News:
    known = {
        source_id: rest
        for source_id, *rest in snapshot.query(
            "SELECT inputs.source_id, bytes, modified, image_id, label, said_key, common_name, "
            "metadata FROM inputs LEFT JOIN images USING (image_id)"
        )
    }
    news = _News([], [])
    for record in records:
        if record.source_id not in known:
            news.inputs.append(record)
            continue
        size, modified, image_id, *said = known[record.source_id]
        if (size, modified) != (record.bytes, record.modified):
            news.inputs.append(
                record if record.from_table or not image_id else _keep(record, *said)
            )
        elif image_id and record.from_table and said != list(record.said.values()):
            news.relabelled.append((image_id, record))
    return news


def _keep(
    record: Record, label: str, key: str | None, common: str, said: Mapping[str, str]
) -> Record:
    """Return a record with what was said of it before: a folder's name does not overrule that."""
    taxon = Taxon.from_key(key, common) if key else None
    return replace(record, label=label, taxon=taxon, metadata=said)


def _commit_labels(
    collection: Path, manifest: Manifest, relabelled: Sequence[tuple[str, Record]]
) -> Manifest:
    segment = Segment()
    for image_id, record in relabelled:
        segment.label(image_id, record)
    paths = segment.write(collection, manifest.next_name)
    return commit(collection, manifest, paths) if paths else manifest


class _Encoders:
    """The run's encoder, loaded when it is first needed, and checked against the collection's."""

    def __init__(self, asked: str | Encoder | None, runtime: str) -> None:
        self._asked = asked
        self._runtime = runtime
        self.loaded = None if isinstance(asked, str) or asked is None else asked
        self._expected: tuple[EncoderEntry, Path] | None = None

    def expect(self, entry: EncoderEntry, collection: Path) -> None:
        """Refuse every encoder but the collection's; the same spec need not be loaded to know."""
        self._expected = (entry, collection)
        self._asked = self._asked or entry.spec
        if isinstance(self._asked, str) and ":" not in self._asked + entry.spec:
            check_spec(entry, collection, self._asked)
        elif self._asked != entry.spec:
            self.load()

    def load(self) -> Encoder:
        """Return the encoder; raises EncoderMismatch where it is not the collection's."""
        if self.loaded is None:
            asked = self._asked or DEFAULT_ENCODER
            known = self._expected[0].fingerprint if self._expected else ""
            self.loaded = (
                load_encoder(asked, self._runtime, known) if isinstance(asked, str) else asked
            )
        if self._expected:
            check_encoder(*self._expected, self.loaded)
        return self.loaded

    def entry(self) -> EncoderEntry:
        """Describe it for a manifest."""
        encoder = self.load()
        return EncoderEntry(encoder.spec, encoder.identity.fingerprint, encoder.dim)


def _with_root(manifest: Manifest, folder: Path) -> tuple[str, Manifest]:
    """Return the name of a folder in source ids, a new one if it has none yet."""
    path = str(folder.resolve())
    for name, known in manifest.roots.items():
        if known == path:
            return name, manifest
    base = folder.resolve().name or "root"
    names = [base, *(f"{base}-{number}" for number in range(2, len(manifest.roots) + 2))]
    name = next(name for name in names if name not in manifest.roots)
    return name, replace(manifest, roots={**manifest.roots, name: path})


@contextmanager
def _only_writer(collection: Path) -> Iterator[None]:
    """Hold the collection's lock; raises CollectionError, naming the holder, where it is held."""
    try:
        collection.mkdir(parents=True, exist_ok=True)
        holder = collection / "writer.txt"
        with filelock.FileLock(collection / "writer.lock", timeout=0):
            holder.write_text(f"process {os.getpid()} on {socket.gethostname()}")
            yield
    except filelock.Timeout:
        raise CollectionError(
            f"{collection} is being written by {holder.read_text()}; wait until that has ended."
        ) from None
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise CollectionError(f"{collection} cannot be written: {error.strerror}.") from error
