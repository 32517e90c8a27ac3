"""The embedded inputs of a part as a file: sealed, put in place by a rename, only data.

Files are Arrow and JSON, never pickles: whoever can write one can run no code in its reader.
"""

import json
import socket
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import numpy as np
import pyarrow as pa

from indexer.ingest.prefetch import Opened
from indexer.ingest.run_log import versions
from indexer.inputs.records import Record
from indexer.store.derived import seal, unseal
from indexer.store.durable import sync_file, sync_folder
from indexer.store.manifest import EncoderEntry
from model.errors import CollectionError, EncoderMismatch, writing
from model.vectors import Vectors

SUFFIX = ".part"
ABOUT = b"taxalens"
"""the key of our own words in a schema's metadata"""
_DECODERS = ("taxalens", "pillow", "pillow-heif", "rawpy")
"""packages whose versions decide which pixels an encoder sees"""
_OFF = 1e-2  # from length 1, of a unit vector of float16
_MAY_LACK = ("vector", "hash")
_HEX = 64  # digits of a sha256
_SCHEMA = pa.schema(
    [
        ("sha256", pa.string()),
        ("vector", pa.binary()),  # float16
        ("hash", pa.int64()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("thumbnail", pa.binary()),
        ("problem", pa.string()),
        ("note", pa.string()),
    ]
)


@dataclass(frozen=True, slots=True)
class Part:
    """The inputs of a part in the order of its records, and the machine and runtime behind them."""

    inputs: list[Opened]
    host: str
    runtime: str

    @property
    def unread(self) -> list[Opened]:
        """Inputs whose bytes a worker did not get; it may be otherwise next time."""
        return [
            each
            for each in self.inputs
            if each.problem and not each.sha256 and not each.record.problem
        ]


def write_part(path: Path, inputs: Sequence[Opened], fingerprint: str, runtime: str) -> None:
    """Write a part, complete or not at all; whoever writes it at the same time writes the same.

    `fingerprint` is that of the encoder that made its vectors, `runtime` the name of what computed
    them. Raises OSError, FileNotFoundError where its folder is gone because the run has ended.
    """
    about = {
        "part": path.name,
        "fingerprint": fingerprint,
        "runtime": runtime,
        "host": socket.gethostname(),
        "versions": versions(),
    }
    schema = _SCHEMA.with_metadata({ABOUT: json.dumps(about)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as stream:
        stream.write_table(pa.Table.from_pylist(list(map(_row, inputs)), schema))
    put(path, seal(sink.getvalue().to_pybytes()))


def put(path: Path, content: bytes) -> None:
    """Write a file under a name of its own, sync it and rename it to `path`; raises OSError."""
    temporary = path.with_name(f".{path.name}.{uuid4().hex}.tmp")
    try:
        temporary.write_bytes(content)
        put_in_place(temporary, path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def put_in_place(temporary: Path, path: Path) -> None:
    """Sync a complete file and rename it to `path`; raises OSError."""
    sync_file(temporary)
    temporary.replace(path)
    sync_folder(path.parent)


def read_part(path: Path, entry: EncoderEntry, records: Sequence[Record]) -> Part | None:
    """Read a part; None where it is not there. One that is damaged is removed, and not there.

    Raises EncoderMismatch, CollectionError for one of another encoder or other versions.
    """
    try:
        content = unseal(path.read_bytes())
    except FileNotFoundError:
        return None
    if content is not None:
        with suppress(pa.ArrowException, ValueError, KeyError, TypeError, AttributeError):
            with pa.ipc.open_stream(pa.py_buffer(content)) as stream:
                table = stream.read_all()
            table.validate(full=True)
            about = json.loads(table.schema.metadata[ABOUT])
            if table.schema.equals(_SCHEMA) and about["part"] == path.name:
                _check(about, entry)
                return _part(table, about, entry.dim, records)
    with writing(path):
        path.unlink(missing_ok=True)
    return None


def check_versions(theirs: Mapping[str, str], where: str) -> None:
    """Raise CollectionError where another machine has other versions of what decodes pictures."""
    ours = versions()
    for name in _DECODERS:
        here, there = ours.get(name, "missing"), theirs.get(name, "missing")
        if here != there:
            raise CollectionError(
                f"{where} has {name} {there}, and {socket.gethostname()} {here}: install the same "
                "version on all machines."
            )


def _check(about: Mapping[str, Any], entry: EncoderEntry) -> None:
    if entry.fingerprint and about["fingerprint"] != entry.fingerprint:
        raise EncoderMismatch(
            f"{about['host']} embeds with another version of {entry.spec} than the collection was "
            "made with; make the same weights available on all machines."
        )
    check_versions(about["versions"], str(about["host"]))


def _part(table: pa.Table, about: Mapping[str, Any], dim: int, records: Sequence[Record]) -> Part:
    rows = table.to_pylist()
    if len(rows) != len(records):
        raise ValueError(f"{len(rows)} rows of {len(records)}")
    inputs = [_opened(row, record, dim) for row, record in zip(rows, records, strict=True)]
    return Part(inputs, str(about["host"]), str(about["runtime"]))


def _row(opened: Opened) -> dict[str, Any]:
    return {
        "sha256": opened.sha256,
        "vector": None if opened.vector is None else opened.vector.tobytes(),
        "hash": opened.hash,
        "width": opened.width,
        "height": opened.height,
        "thumbnail": opened.thumbnail,
        "problem": opened.problem,
        "note": opened.note,
    }


def _opened(row: dict[str, Any], record: Record, dim: int) -> Opened:
    """Return an input as it was written; raises ValueError for one that no worker writes."""
    if lacking := [name for name in row if row[name] is None and name not in _MAY_LACK]:
        raise ValueError(f"no {lacking[0]}")
    vector: Vectors | None = None
    sha256 = str(row["sha256"])
    if sha256 and (len(sha256) != _HEX or set(sha256) - set("0123456789abcdef")):
        raise ValueError(f"{sha256!r} is not a sha256")
    if row["vector"] is not None:
        vector = np.frombuffer(row["vector"], np.float16)
        length = float(np.linalg.norm(vector.astype(np.float32)))
        if len(vector) != dim or not abs(length - 1) < _OFF or not sha256:
            raise ValueError(f"a vector of {len(vector)} numbers, {length} long")
    return Opened(**{**row, "record": record, "vector": vector})
