"""Vectors of texts by the hundred thousand: encoded once an encoder, kept, resumed where killed.

Texts whose vectors a taxonomy brings (`published_vectors`) are not encoded.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import compress
from pathlib import Path

import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_path

from indexer.store.derived import seal, unseal
from indexer.store.durable import sync_folder, write_durably
from indexer.taxonomy.published_vectors import PublishedVectors
from model.encoder import Encoder
from model.vectors import Vectors

CHUNK = 8192  # texts; what a kill can cost


@dataclass(frozen=True, slots=True)
class TextMatrix:
    """The unit vectors of texts by an encoder, one row each, in the order of the texts.

    `folder` is where they are kept, one file a chunk behind its sha256; one that is damaged is
    encoded again. By default it is a folder of the user's cache that is named after the encoder's
    fingerprint and the texts. An encoder that torch computes is the quickest: lineages share their
    beginnings there. Texts that `published` has a vector of are neither encoded nor kept.
    """

    encoder: Encoder
    texts: Sequence[str]
    folder: Path = field(default=Path())
    published: PublishedVectors | None = None
    own: Sequence[str] = field(init=False, repr=False)
    """the texts that are to be encoded"""
    _places: npt.NDArray[np.intp] = field(init=False, repr=False)

    def __post_init__(self) -> None:
        own, places = self.texts, np.arange(len(self.texts))
        if self.published:
            lacking = ~self.published.known(self.texts)
            own, places = list(compress(self.texts, lacking)), np.flatnonzero(lacking)
        object.__setattr__(self, "own", own)
        object.__setattr__(self, "_places", places)
        if self.folder == Path():
            digest = hashlib.sha256("\0".join(own).encode()).hexdigest()
            name = f"{self.encoder.identity.fingerprint[:32]}-{digest[:32]}"
            object.__setattr__(self, "folder", user_cache_path("taxalens") / "texts" / name)

    @property
    def missing(self) -> int:
        """How many texts are not encoded yet."""
        starts = range(0, len(self.own), CHUNK)
        gone = [start for start in starts if not self._path(start).exists()]
        return sum(min(CHUNK, len(self.own) - start) for start in gone)

    def encode(self) -> Iterator[int]:
        """Encode what is missing, one yield per chunk with the number of texts that are done."""
        for start in range(0, len(self.own), CHUNK):
            if not self._path(start).exists():
                self._encode(start)
            yield len(self.texts) - len(self.own) + min(start + CHUNK, len(self.own))

    def vectors(self) -> Vectors:
        """Return all of them, (texts, dim) float16; encodes what is missing."""
        for _ in self.encode():
            pass
        rows = np.empty((len(self.texts), self.encoder.dim), np.float16)
        if self.published:
            self.published.fill(rows, self.texts)
        for start in range(0, len(self.own), CHUNK):
            rows[self._places[start : start + CHUNK]] = self._chunk(start)
        return rows

    def _encode(self, start: int) -> Vectors:
        made = self.encoder.encode_texts(self.own[start : start + CHUNK])
        content = seal(np.ascontiguousarray(made, np.float16).tobytes())
        write_durably(self._path(start), lambda path: path.write_bytes(content))
        sync_folder(self.folder)
        return made

    def _chunk(self, start: int) -> Vectors:
        content = unseal(self._path(start).read_bytes())
        if content is None:
            return self._encode(start)
        return np.frombuffer(content, np.float16).reshape(-1, self.encoder.dim)

    def _path(self, start: int) -> Path:
        return self.folder / f"{start:09}.kept"
