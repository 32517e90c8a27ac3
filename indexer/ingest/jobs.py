"""A job: the parts of a run that other processes embed, as a file that tells them all they need."""

import hashlib
import json
import os
import shutil
import socket
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass
from itertools import islice
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from indexer.ingest.embedding import WORKERS, Source, Work
from indexer.ingest.part_files import ABOUT, SUFFIX, put_in_place, read_part
from indexer.ingest.run_log import versions
from indexer.inputs.records import Box, Record
from indexer.store.durable import make_folder
from indexer.store.manifest import EncoderEntry
from indexer.store.part_folders import PARTS, part_folder
from model.errors import BadInput, writing

_ALIVE = "alive-"
_DIGITS = 32
_SCHEMA = pa.schema(
    [
        ("source_id", pa.string()),
        ("path", pa.binary()),
        ("span", pa.list_(pa.int64())),
        ("by_reader", pa.bool_()),  # whether only the source's reader can read it
        ("url", pa.string()),
        ("crop", pa.list_(pa.float64())),
        ("problem", pa.string()),
        ("bytes", pa.int64()),
        ("modified", pa.int64()),
    ]
)


@dataclass(frozen=True, slots=True)
class Order:
    """How the parts of a source are embedded."""

    source: Source
    entry: EncoderEntry
    collection: str
    runtime: str
    fetch: bool
    workers: int
    batch_size: int
    versions: Mapping[str, str]
    """of the packages of whoever ordered it"""


@dataclass(frozen=True, slots=True)
class Ordered:
    """A part that is to be embedded: its name and its records."""

    name: str
    records: Sequence[Record]
    by_reader: set[str]
    """the source ids of those that only the source's reader can read"""


@dataclass(frozen=True, slots=True)
class Job:
    """The file of a job, a row group a part, and the names of its parts."""

    path: Path
    order: Order
    parts: Sequence[str]

    @property
    def folder(self) -> Path:
        """The folder of its files, and of all that its workers write."""
        return self.path.parent

    def missing(self) -> list[int]:
        """Return the numbers of the parts that no worker has embedded yet."""
        with os.scandir(self.folder) as files:
            there = {file.name for file in files}
        return [number for number, name in enumerate(self.parts) if f"{name}{SUFFIX}" not in there]

    def traces(self) -> tuple[int, int]:
        """Return how many parts are there, and when a worker last did anything, in nanoseconds."""
        parts, last = 0, 0
        with os.scandir(self.folder) as files:
            for file in files:
                parts += file.name.endswith(SUFFIX)
                if file.name.startswith(_ALIVE):
                    with suppress(OSError):
                        last = max(last, file.stat().st_mtime_ns)
        return parts, last


def folder_of(work: Work) -> Path:
    """Return the folder of a run's parts; a later run over the same source finds them there."""
    words = "\0".join((work.source.name, work.source.root, work.entry.spec, str(work.how.batch)))
    return part_folder(work.collection.resolve(), work.entry.fingerprint, words)


def remove_parts(work: Work) -> None:
    """Remove the parts of a run that is done, as far as they can be removed."""
    if (folder := folder_of(work)).exists():
        shutil.rmtree(folder, ignore_errors=True)
        with suppress(OSError):  # another source has parts there
            (work.collection / PARTS).rmdir()


def cut(records: Iterable[Record], size: int) -> Iterator[list[Record]]:
    """Yield the records in parts."""
    remaining = iter(records)
    while part := list(islice(remaining, size)):
        yield part


def part_name(records: Iterable[Record]) -> str:
    """Return the name of a part: the digest of all that a worker reads of its records."""
    return _name(map(_row, records))


def write_job(work: Work, records: Iterable[Record]) -> Job:
    """Write the job of a run without the parts that an earlier one left.

    A part with an input that could not be read is embedded again. Raises BadInput for records that
    bring vectors, NotWritten for a full disk.
    """
    folder, order, missing = folder_of(work), _order(work), list[str]()
    temporary = folder / f".{uuid4().hex}.tmp"
    schema = _SCHEMA.with_metadata({ABOUT: json.dumps(asdict(order))})
    with writing(folder):
        make_folder(folder)
        try:
            with pq.ParquetWriter(temporary, schema, write_page_checksum=True) as writer:
                for part in cut(records, work.how.part):
                    _check(part, work.source.name)
                    name = part_name(part)
                    if not _is_left(folder / f"{name}{SUFFIX}", work.entry, part):
                        missing.append(name)
                        writer.write_table(pa.Table.from_pylist([*map(_row, part)], schema))
            digest = hashlib.sha256("".join(missing).encode()).hexdigest()[:_DIGITS]
            put_in_place(temporary, path := folder / f"job-{digest}.parquet")
        finally:
            temporary.unlink(missing_ok=True)
    return Job(path, order, missing)


def read_job(path: Path) -> Order:
    """Read how a job's parts are embedded; raises BadInput for a file that is not to be seen."""
    try:
        about = json.loads(pq.read_schema(path).metadata[ABOUT])
        source, entry = Source(**about.pop("source")), EncoderEntry(**about.pop("entry"))
        return Order(source=source, entry=entry, **about)
    except FileNotFoundError as error:
        raise BadInput(
            f"{path} is not to be seen on {socket.gethostname()}: the collection must lie on a "
            "file system that all machines share, unless the run has ended."
        ) from error
    except (KeyError, ValueError, TypeError, pa.ArrowException) as error:
        raise BadInput(f"{path} is not a job of this taxalens: {error}.") from error


def number_of_parts(path: Path) -> int:
    """Return the number of parts of a job; raises OSError."""
    return int(pq.read_metadata(path).num_row_groups)


def read_ordered(path: Path, number: int) -> Ordered:
    """Read a part of a job; raises OSError."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        rows = file.read_row_group(number).to_pylist()
    by_reader = {row["source_id"] for row in rows if row["by_reader"]}
    return Ordered(_name(rows), [*map(_record, rows)], by_reader)


def note_alive(folder: Path) -> None:
    """Tell whoever waits that this worker works; raises OSError where the run has ended."""
    (folder / f"{_ALIVE}{socket.gethostname()}-{os.getpid()}").touch()


def _order(work: Work) -> Order:
    spec, how = work.entry.spec, work.how
    scheme, _, place = spec.partition(":")
    if scheme == "local-dir":  # a worker may run in another folder
        spec = f"{scheme}:{Path(place).resolve()}"
    return Order(
        work.source,
        EncoderEntry(spec, work.entry.fingerprint, work.entry.dim),
        str(work.collection.resolve()),
        how.runtime,
        how.fetch is not None,
        how.workers or WORKERS,
        how.batch,
        versions(),
    )


def _check(records: Sequence[Record], source: str) -> None:
    if any(record.vector is not None for record in records):
        raise BadInput(f"{source} holds vectors, which nobody needs to embed: index it on here.")


def _is_left(path: Path, entry: EncoderEntry, records: Sequence[Record]) -> bool:
    part = read_part(path, entry, records)
    if part and part.unread:
        path.unlink(missing_ok=True)
    return part is not None and not part.unread


def _name(rows: Iterable[Mapping[str, Any]]) -> str:
    digest = hashlib.sha256()
    for row in rows:
        digest.update(repr([row[name] for name in _SCHEMA.names]).encode())
    return digest.hexdigest()[:_DIGITS]


def _row(record: Record) -> dict[str, Any]:
    return {
        "source_id": record.source_id,
        "path": os.fsencode(record.path) if record.path else None,
        "span": [*map(int, record.span)] if record.span else None,
        "by_reader": record.read is not None,
        "url": record.url,
        "crop": [*map(float, record.crop)] if record.crop else None,
        "problem": record.problem,
        "bytes": int(record.bytes),
        "modified": int(record.modified),
    }


def _record(row: Mapping[str, Any]) -> Record:
    span, crop = row["span"], row["crop"]
    return Record(
        row["source_id"],
        path=Path(os.fsdecode(row["path"])) if row["path"] else None,
        span=(span[0], span[1]) if span else None,
        url=row["url"],
        crop=Box(*crop) if crop else None,
        problem=row["problem"],
        bytes=row["bytes"],
        modified=row["modified"],
    )
