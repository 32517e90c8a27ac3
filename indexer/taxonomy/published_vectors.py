"""The vectors that are published with BioCLIP: read beside their label file, kept in a taxonomy.

A release has `txt_emb_species.npy`, (dim, taxa) float32, and `txt_emb_species.json`, its labels in
the same order. The vectors are means of 80 prompts a taxon. Neither file names the encoder: those
of TreeOfLife-10M are BioCLIP's, those of TreeOfLife-200M BioCLIP 2's, which their width tells.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa

from indexer.taxonomy.sources.tree_of_life import read_taxa
from model.encoder import Encoder
from model.errors import BadInput
from model.text_types import TextType, render
from model.vectors import Vectors

PUBLISHED = {512: "bioclip", 768: "bioclip-2"}
"""encoders whose vectors are published, by their width"""
_BLOCK = 65536  # columns of a matrix that are turned at once
_SAMPLE = 64  # taxa whose vectors are compared with the encoder's own
_EQUAL = 1e-3  # a cosine less counts as the same
_SCHEMA = pa.schema([("text", pa.string()), ("vector", pa.binary())])


@dataclass(frozen=True, slots=True, eq=False)
class PublishedVectors:
    """The vectors that a taxonomy brings of texts by one encoder."""

    connection: duckdb.DuckDBPyConnection
    dim: int

    def known(self, texts: Sequence[str]) -> npt.NDArray[np.bool_]:
        """Tell of which texts there is a vector, (texts,)."""
        mask = np.zeros(len(texts), np.bool_)
        for places, _ in self._look_up(texts, "''::BLOB"):
            mask[places] = True
        return mask

    def fill(self, rows: Vectors, texts: Sequence[str]) -> None:
        """Write the vectors of those texts that have one into their rows, (texts, dim)."""
        for places, vectors in self._look_up(texts, "vector"):
            rows[places] = np.frombuffer(b"".join(vectors), np.float16).reshape(-1, self.dim)

    def sample(self) -> tuple[list[str], Vectors]:
        """Return some texts, spread over all, and their vectors, (texts, dim)."""
        sql = """SELECT text, vector FROM published_vectors
                 WHERE rowid % (SELECT greatest(1, count(*) // ?) FROM published_vectors) = 0
                 ORDER BY rowid LIMIT ?"""
        found = self.connection.execute(sql, [_SAMPLE, _SAMPLE]).fetchall()
        blobs = b"".join(vector for _, vector in found)
        return [text for text, _ in found], np.frombuffer(blobs, np.float16).reshape(-1, self.dim)

    def _look_up(
        self, texts: Sequence[str], column: str
    ) -> Iterator[tuple[npt.NDArray[np.int64], list[bytes]]]:
        asked = pa.table({"place": np.arange(len(texts)), "text": pa.array(texts, pa.string())})
        self.connection.register("asked", asked)
        sql = f"SELECT place, {column} AS vector FROM asked JOIN published_vectors USING (text)"
        for batch in self.connection.sql(sql).to_arrow_reader(_BLOCK):
            yield np.asarray(batch.column(0), np.int64), batch.column(1).to_pylist()
        self.connection.unregister("asked")


def matrix_beside(source: str) -> Path | None:
    """Return the matrix that lies beside a label file; None where there is none."""
    path = Path(source)
    if path.suffix.lower() != ".json":
        return None
    matrix = path.with_suffix(".npy")
    return matrix if matrix.is_file() else None


def write_published(
    connection: duckdb.DuckDBPyConnection, matrix: Path, encoder: str | None = None
) -> int:
    """Write the unit vectors of a matrix into a taxonomy's database; return how many.

    `encoder` is the spec of the encoder that made them, by default the one whose published vectors
    are as wide. The script that made the matrix of TreeOfLife-200M left its last batch out, up to
    203 columns of zeros, which would win against every negative cosine: they are no vectors, and
    these texts are encoded like any other. Raises BadInput for a pair of files that do not belong
    together, or an unknown encoder.
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
    dim = columns.shape[0]
    spec = encoder or PUBLISHED.get(dim)
    if not spec:
        raise BadInput(
            f"{matrix} has vectors of {dim} numbers, which no encoder with published vectors has; "
            "name theirs with --encoder, or move the file away to import the names alone."
        )
    if dim != (known := {name: width for width, name in PUBLISHED.items()}).get(spec, dim):
        raise BadInput(
            f"{matrix} has vectors of {dim} numbers, {spec} of {known[spec]}; "
            "choose the matrix that was made with this encoder."
        )
    first: dict[str, int] = {}  # a text that is there twice has the first of its vectors
    for place, taxon in enumerate(taxa):
        first.setdefault(render(taxon, TextType.TAXON_COM), place)
    reader = pa.RecordBatchReader.from_batches(_SCHEMA, _unit_rows(columns, first))
    connection.register("vectors_in", reader)
    connection.execute("CREATE TABLE published_vectors AS FROM vectors_in")
    connection.unregister("vectors_in")
    connection.execute("CREATE TABLE published_by AS SELECT ? AS encoder, ? AS dim", [spec, dim])
    (count,) = connection.sql("SELECT count(*) FROM published_vectors").fetchall()[0]
    return int(count)


def _unit_rows(
    columns: npt.NDArray[np.floating[Any]], places: Mapping[str, int]
) -> Iterator[pa.RecordBatch]:
    texts, columns_of = list(places), np.fromiter(places.values(), np.int64)
    for start in range(0, len(texts), _BLOCK):
        few = slice(start, start + _BLOCK)
        block = np.array(columns[:, columns_of[few]], np.float32).T
        norms = np.linalg.norm(block, axis=1)
        kept = np.flatnonzero((norms > 0) & np.isfinite(norms))
        rows = (block[kept] / norms[kept, None]).astype(np.float16)
        values = [pa.array(texts[few]).take(kept), [row.tobytes() for row in rows]]
        yield pa.record_batch(values, schema=_SCHEMA)


def published_by(connection: duckdb.DuckDBPyConnection) -> tuple[str, int] | None:
    """Return the spec of the encoder whose vectors a taxonomy brings, and their width, if any."""
    try:
        found: list[tuple[str, int]] = connection.sql("FROM published_by").fetchall()
    except duckdb.CatalogException:
        return None
    return found[0] if found else None


def published_vectors(
    connection: duckdb.DuckDBPyConnection, encoder: Encoder
) -> PublishedVectors | None:
    """Return what vectors a taxonomy brings of this encoder; None where it brings none of its.

    Raises BadInput where they bear its name, but are not its own: their width differs, or a sample
    of texts, encoded anew, is not nearest to its own vectors more often than not.
    """
    spec, dim = published_by(connection) or ("", 0)
    if spec != encoder.spec:
        return None
    wrong = f"The vectors that this taxonomy brings are not of {encoder.spec}"
    cure = "import it again, beside the matrix that was made with this encoder, or beside none."
    if dim != encoder.dim:
        raise BadInput(f"{wrong}, but have {dim} numbers instead of {encoder.dim}; {cure}")
    published = PublishedVectors(connection, dim)
    texts, theirs = published.sample()
    own = encoder.encode_texts(texts)
    scores = own.astype(np.float32) @ theirs.astype(np.float32).T
    right = np.mean(scores.diagonal() >= scores.max(1) - _EQUAL) if texts else 1.0
    if right < 0.5:
        raise BadInput(
            f"{wrong}: of {len(texts)} taxa, {right:.0%} lie nearest to their own; {cure}"
        )
    return published
