"""Vectors of texts by the hundred thousand: encoded once an encoder, kept, resumed where killed.

The matrices that are published with BioCLIP can be read instead.
"""

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np
from platformdirs import user_cache_path

from indexer.store.durable import sync_folder, write_durably
from indexer.taxonomy.sources.tree_of_life import read_taxa
from model.encoder import Encoder
from model.errors import BadInput
from model.taxon import Taxon
from model.text_types import TextType, render
from model.vectors import Vectors

CHUNK = 8192  # texts; what a kill can cost
_BLOCK = 65536  # columns of a published matrix that are turned at once


@dataclass(frozen=True, slots=True)
class TextMatrix:
    """The unit vectors of texts by an encoder, one row each, in the order of the texts.

    `folder` is where they are kept, one file a chunk, each complete or absent: by default a
    folder of the user's cache that is named after the encoder's fingerprint and the texts. An
    encoder that torch computes is the quickest: lineages share their beginnings there.
    """

    encoder: Encoder
    texts: Sequence[str]
    folder: Path = field(default=Path())

    def __post_init__(self) -> None:
        if self.folder == Path():
            digest = hashlib.sha256("\0".join(self.texts).encode()).hexdigest()
            name = f"{self.encoder.identity.fingerprint[:32]}-{digest[:32]}"
            object.__setattr__(self, "folder", user_cache_path("taxalens") / "texts" / name)

    @property
    def missing(self) -> int:
        """How many texts are not encoded yet."""
        starts = range(0, len(self.texts), CHUNK)
        gone = [start for start in starts if not self._path(start).exists()]
        return sum(min(CHUNK, len(self.texts) - start) for start in gone)

    def encode(self) -> Iterator[int]:
        """Encode what is missing, one yield per chunk with the number of texts that are done."""
        for start in range(0, len(self.texts), CHUNK):
            chunk = self.texts[start : start + CHUNK]
            if not self._path(start).exists():
                save = partial(_save, self.encoder.encode_texts(chunk))
                write_durably(self._path(start), save)
                sync_folder(self.folder)
            yield start + len(chunk)

    def vectors(self) -> Vectors:
        """Return all of them, (texts, dim) float16; encodes what is missing."""
        for _ in self.encode():
            pass
        rows = np.empty((len(self.texts), self.encoder.dim), np.float16)
        for start in range(0, len(self.texts), CHUNK):
            rows[start : start + CHUNK] = np.load(self._path(start))
        return rows

    def _path(self, start: int) -> Path:
        return self.folder / f"{start:09}.npy"


def read_published(matrix: Path, encoder: Encoder | None = None) -> tuple[list[Taxon], Vectors]:
    """Read a published `txt_emb_species.npy`, (dim, taxa) float32, and the `.json` beside it.

    Returns the taxa and their unit vectors, (taxa, dim) float16. The script that made the matrix
    of TreeOfLife-200M left its last batch out, up to 203 columns of zeros, which would win against
    every negative cosine: these taxa are encoded by `encoder`, or left out where there is none.
    Raises BadInput for a pair of files that do not belong together.
    """
    names = matrix.with_suffix(".json")
    taxa = read_taxa(names)
    try:
        columns = np.load(matrix, mmap_mode="r", allow_pickle=False)
    except (OSError, ValueError, EOFError) as error:
        raise BadInput(f"{matrix} cannot be read as a matrix ({error}); get it anew.") from error
    if columns.ndim != 2 or columns.shape[1] != len(taxa) or columns.dtype.kind != "f":
        raise BadInput(
            f"{matrix} holds {columns.dtype} of shape {columns.shape}, but {names} has "
            f"{len(taxa)} taxa; get both anew, from the same release."
        )
    if encoder and encoder.dim != columns.shape[0]:
        raise BadInput(
            f"{matrix} has vectors of {columns.shape[0]} numbers, {encoder.spec} of {encoder.dim}; "
            "choose the matrix that was made with this encoder."
        )
    rows = np.empty(columns.shape[::-1], np.float16)
    empty = np.zeros(len(taxa), bool)
    for start in range(0, len(taxa), _BLOCK):
        block = np.array(columns[:, start : start + _BLOCK], np.float32).T
        norms = np.linalg.norm(block, axis=1, keepdims=True)
        empty[start : start + _BLOCK] = ~(norms[:, 0] > 0)
        rows[start : start + _BLOCK] = block / np.where(norms > 0, norms, 1)
    if not empty.any():
        return taxa, rows
    if encoder is None:
        kept = [taxon for taxon, is_empty in zip(taxa, empty, strict=True) if not is_empty]
        return kept, rows[~empty]
    missing = [taxa[place] for place in np.flatnonzero(empty)]
    rows[empty] = encoder.encode_texts([render(taxon, TextType.TAXON_COM) for taxon in missing])
    return taxa, rows


def _save(rows: Vectors, path: Path) -> None:
    with path.open("wb") as file:
        np.save(file, rows)
