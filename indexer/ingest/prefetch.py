"""Opens inputs ahead of the encoder, in order: threads read or fetch, processes decode."""

import hashlib
from collections.abc import Callable, Generator, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

import numpy as np
from PIL import Image

from indexer.inputs.decoders import DECODERS
from indexer.inputs.prepared import Prepared, Wanted, prepare
from indexer.inputs.records import Box, Record
from indexer.readers import Fetch
from model.encoder import Encoder, preprocessing_of
from model.errors import BadInput
from model.once import once
from model.preprocessing import Preprocessing
from model.vectors import Vectors

MAX_BYTES = 512 << 20  # a herbarium sheet of 100 million pixels, not compressed, has 300


@dataclass(frozen=True, slots=True)
class Opened:
    """An input whose bytes were read: its hash, its picture and size, or what is wrong with it.

    The picture, made small or as its encoder looks at it, is None where the content is already
    known, where there is a problem, or where the record brings a `vector`, here a unit one.
    """

    record: Record
    sha256: str = ""
    image: Image.Image | None = None
    vector: Vectors | None = None
    hash: int | None = None
    """perceptual, of the picture where it was decoded"""
    width: int = 0
    height: int = 0
    thumbnail: bytes = b""
    problem: str = ""
    note: str = ""


def opened_batches(
    records: Iterable[Record],
    size: int,
    is_known: Callable[[str], bool],
    fetch: Fetch,
    workers: int | None = None,
    encoder: Callable[[], Encoder] | None = None,
    apart: bool = True,
) -> Generator[list[Opened]]:
    """Yield batches of opened inputs in the order of the records, the next one under way already.

    `is_known` says of a sha256 that its content need not be decoded; `workers` is the number of
    threads. Pictures are as the `encoder` looks at them, which is called for when there is one to
    decode; without it they are made small. Decoders work `apart` in processes of their own, unless
    a crash would cost one picture alone. At most two batches of pictures are in memory.
    """
    remaining = iter(records)
    opening = _Opening(is_known, fetch, DECODERS.prepare if apart else prepare, encoder)
    with ThreadPoolExecutor(workers) as threads:

        def start() -> Iterator[Opened]:
            return threads.map(opening.open, islice(remaining, size))

        following = start()
        try:
            while batch := list(following):
                following = start()
                yield batch
        finally:
            threads.shutdown(cancel_futures=True)
            DECODERS.rest()


@dataclass(frozen=True)
class _Opening:
    is_known: Callable[[str], bool]
    fetch: Fetch
    prepare: Callable[[bytes, Box | None, str, Wanted], Prepared]
    encoder: Callable[[], Encoder] | None

    def open(self, record: Record) -> Opened:
        if record.problem:
            return Opened(record, problem=record.problem)
        if record.vector is not None:
            return _with_vector(record, record.vector)
        try:
            data = _bytes(record, self.fetch)
        except OSError as error:
            reason = error.strerror or str(error).partition("\n")[0]  # pyarrow says several lines
            return Opened(record, problem=f"cannot be read: {reason}")
        except BadInput as error:
            return Opened(record, problem=str(error))
        # The same part of the same photograph is the same content.
        part = repr(record.crop).encode() if record.crop else b""
        sha256 = hashlib.sha256(data + part).hexdigest()
        is_new = not self.is_known(sha256)
        if record.is_file and not is_new:
            return Opened(record, sha256)
        wanted = Wanted(is_new, self._preprocessing if is_new else None, not record.is_file)
        try:
            made = self.prepare(data, record.crop, record.url or str(record.path), wanted)
        except BadInput as error:
            return Opened(record, sha256, problem=str(error))
        return Opened(
            record,
            sha256,
            made.image,
            hash=made.hash,
            width=made.width,
            height=made.height,
            thumbnail=made.thumbnail,
            note=made.note,
        )

    @once
    def _preprocessing(self) -> Preprocessing | None:
        return preprocessing_of(self.encoder()) if self.encoder else None


def _bytes(record: Record, fetch: Fetch) -> bytes:
    if record.url:
        return fetch(record.url)
    if record.read:
        return record.read()
    if record.path is None:
        raise BadInput("has neither a file nor a URL")
    if record.bytes > MAX_BYTES:
        raise BadInput(f"has more than {MAX_BYTES >> 20} MB")
    if record.span is None:
        return record.path.read_bytes()
    offset, length = record.span
    with record.path.open("rb") as file:
        file.seek(offset)
        return file.read(length)


def _with_vector(record: Record, vector: Vectors) -> Opened:
    length = float(np.linalg.norm(vector := vector.astype(np.float64)))
    if not np.isfinite(length) or length < 1e-6:
        return Opened(record, problem="its vector is zero, or not of numbers")
    unit = (vector / length).astype(np.float16)
    sha256 = hashlib.sha256(unit.tobytes()).hexdigest()
    note = "" if abs(length - 1) < 1e-2 else f"vector of length {length:.4g}, normalised"
    return Opened(record, sha256, vector=unit, note=note)
