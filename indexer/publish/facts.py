"""Facts: what a search needs beside the images, as one file in a collection of Milvus.

The file is a ZIP of `facts.json` and Arrow tables, base64 in parts of a text field: Milvus has no
field for bytes. Its sha256 goes with each part, so that parts of two files never make one.
"""

import base64
import hashlib
import io
import json
import zipfile
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa

from indexer.publish.address import Address
from indexer.publish.milvus_server import FACTS, STRONG
from indexer.store.manifest import EncoderEntry, FloorEntry, Manifest, TaxonomyEntry
from model.errors import CollectionError
from model.vectors import Vectors

if TYPE_CHECKING:
    from pymilvus import MilvusClient

VERSION = 1
EVERY_LIST = 65_536
"""as many lists as Milvus may be asked to look at; Milvus Lite makes as many as it likes"""
_PART = 60_000  # letters; a field of text holds 65,535
_TOGETHER = 64  # parts of one answer: 4 MB


@dataclass(frozen=True, slots=True)
class Effort:
    """How many lists a search in Milvus looks at."""

    lists: int
    """of a segment; 0 where each image is compared"""
    probes: int
    """without a filter"""
    filtered_probes: int

    @staticmethod
    def parameters(probes: int) -> dict[str, int]:
        """Return the parameters of a search in Milvus."""
        return {"nprobe": probes} if probes else {}


@dataclass(frozen=True, slots=True)
class PublishedFacts:
    """A published collection without its images."""

    encoder: EncoderEntry
    images: int
    generation: int
    floor: FloorEntry
    taxonomy: TaxonomyEntry | None
    effort: Effort
    """that reaches the recall"""
    recall: float
    """recall@10 of samples against the exact answer, the lowest of all filters"""
    made_by: str
    """the version of taxalens"""
    tables: Mapping[str, pa.Table] = field(repr=False)
    """the small catalog of `namings`"""
    sample: Vectors = field(repr=False)
    """(n, dim) float16: images drawn evenly, by which mixed queries are weighed"""

    @property
    def manifest(self) -> Manifest:
        """The manifest of a collection without files."""
        return Manifest(
            self.encoder, self.generation, taxonomy=self.taxonomy, floor=self.floor, files={}
        )

    def to_bytes(self) -> bytes:
        """Return it as a file."""
        kept = {name: getattr(self, name) for name in _STORED}
        stored = {
            name: asdict(each) if name in _ENTRIES and each else each for name, each in kept.items()
        }
        file = io.BytesIO()
        with zipfile.ZipFile(file, "w") as packed:
            packed.writestr("facts.json", json.dumps({"version": VERSION, **stored}))
            for name, table in self.tables.items():
                packed.writestr(f"{name}.arrow", _written(table))
            sample = io.BytesIO()
            np.save(sample, self.sample, allow_pickle=False)
            packed.writestr("sample.npy", sample.getvalue())
        return file.getvalue()


def facts_of(data: bytes) -> PublishedFacts:
    """Read a file that `to_bytes` made; raises ValueError for any other."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as packed:
            stored = json.loads(packed.read("facts.json"))
            if stored.pop("version") != VERSION:
                raise ValueError("it is of another version of taxalens")
            for name, entry in _ENTRIES.items():
                stored[name] = entry(**stored[name]) if stored[name] else None
            names = [name for name in packed.namelist() if name.endswith(".arrow")]
            tables = {name.removesuffix(".arrow"): _read(packed.read(name)) for name in names}
            sample = np.load(io.BytesIO(packed.read("sample.npy")), allow_pickle=False)
            return PublishedFacts(**stored, tables=tables, sample=sample)
    except (zipfile.BadZipFile, KeyError, TypeError, pa.ArrowInvalid) as error:
        raise ValueError(f"a part of it is damaged: {error}") from error


def write_facts(client: "MilvusClient", images: str, facts: PublishedFacts) -> None:
    """Write them beside a collection of images in Milvus."""
    from pymilvus import DataType

    data = facts.to_bytes()
    name = images + FACTS
    schema = client.create_schema()
    schema.add_field("part", DataType.INT64, is_primary=True)
    schema.add_field("sha256", DataType.VARCHAR, max_length=64)
    schema.add_field("text", DataType.VARCHAR, max_length=65_535)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=2)  # Milvus wants one
    index = client.prepare_index_params()
    index.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_collection(name, schema=schema)
    sha256, text = hashlib.sha256(data).hexdigest(), base64.b64encode(data).decode()
    parts = [text[start : start + _PART] for start in range(0, len(text), _PART)]
    for start in range(0, len(parts), _TOGETHER):
        client.insert(
            name,
            [
                {"part": number, "sha256": sha256, "text": part, "vector": [0.0, 0.0]}
                for number, part in enumerate(parts[start : start + _TOGETHER], start)
            ],
        )
    client.flush(name)
    client.create_index(name, index)
    client.load_collection(name)


def read_facts(client: "MilvusClient", address: Address, images: str) -> PublishedFacts:
    """Read what was written beside a collection of images; raises CollectionError for damage."""
    rows = list(_parts(client, images + FACTS))
    try:
        data = base64.b64decode("".join(row["text"] for row in rows))
        if {row["sha256"] for row in rows} != {hashlib.sha256(data).hexdigest()}:
            raise ValueError("a part of it is missing")
        return facts_of(data)
    except ValueError as error:
        raise CollectionError(
            f"{address} cannot be read ({error}); publish the collection again, or open it with "
            "the version of taxalens that published it."
        ) from error


def _parts(client: "MilvusClient", name: str) -> Iterator[dict[str, Any]]:
    """Yield the parts in their order."""
    start = 0
    while True:
        found = client.query(
            name,
            filter=f"part >= {start} and part < {start + _TOGETHER}",
            output_fields=["part", "sha256", "text"],
            consistency_level=STRONG,
        )
        yield from sorted(found, key=lambda row: int(row["part"]))
        if len(found) < _TOGETHER:
            return
        start += _TOGETHER


def _written(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    options = pa.ipc.IpcWriteOptions(compression="zstd")
    with pa.ipc.new_stream(sink, table.schema, options=options) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _read(data: bytes) -> pa.Table:
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()


_ENTRIES = {
    "encoder": EncoderEntry,
    "floor": FloorEntry,
    "taxonomy": TaxonomyEntry,
    "effort": Effort,
}
_STORED = ("encoder", "images", "generation", "floor", "taxonomy", "effort", "recall", "made_by")
