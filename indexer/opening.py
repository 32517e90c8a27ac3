"""Opens inputs ahead of the encoder: reads, hashes and decodes in threads, in order."""

import hashlib
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import islice

from PIL import Image

from indexer.decoding import decode
from indexer.records import Record
from model.errors import BadInput


@dataclass(frozen=True, slots=True)
class Opened:
    """An input whose bytes were read: its hash, its picture and size, or what is wrong with it.

    The picture, shrunk, is None where the content is already known, or where there is a problem.
    """

    record: Record
    sha256: str = ""
    image: Image.Image | None = None
    width: int = 0
    height: int = 0
    problem: str = ""


def opened_batches(
    records: Iterable[Record], size: int, is_known: Callable[[str], bool]
) -> Iterator[list[Opened]]:
    """Yield batches of opened inputs in the order of the records, the next one under way already.

    `is_known` says of a sha256 that its content need not be decoded. At most two batches of
    pictures are in memory.
    """
    remaining = iter(records)
    with ThreadPoolExecutor() as threads:

        def start() -> Iterator[Opened]:
            return threads.map(lambda record: _open(record, is_known), islice(remaining, size))

        following = start()
        while batch := list(following):
            following = start()
            yield batch


def _open(record: Record, is_known: Callable[[str], bool]) -> Opened:
    if record.problem:
        return Opened(record, problem=record.problem)
    try:
        data = record.path.read_bytes()
    except OSError as error:
        return Opened(record, problem=f"cannot be read: {error.strerror}")
    sha256 = hashlib.sha256(data).hexdigest()
    if is_known(sha256):
        return Opened(record, sha256)
    try:
        decoded = decode(data)
        return Opened(record, sha256, decoded.image, decoded.width, decoded.height)
    except BadInput as error:
        return Opened(record, sha256, problem=str(error))
