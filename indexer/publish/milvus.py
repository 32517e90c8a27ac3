"""Milvus: images in a collection of their own, verified before the public name leads to them.

Whatever moment a publication is killed at, the name leads to the last whole one; the next
publication removes what is left.
"""

import json
import math
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.backends import Rows
from indexer.backends.exact import Exact
from indexer.catalog.snapshot import Snapshot
from indexer.exports.image_rows import Image, Images
from indexer.publish.address import Address
from indexer.publish.facts import EVERY_LIST, Effort, PublishedFacts, write_facts
from indexer.publish.milvus_server import (
    FACTS,
    STRONG,
    leftovers,
    new_name,
    published,
    server,
)
from indexer.publish.namings import Namings
from indexer.publish.recall import Filter, Trial, filters_of, image_queries, recall_of, trials_of
from indexer.store.manifest import FloorEntry, TaxonomyEntry
from model.errors import BadInput, Error
from model.progress import OnStep, Step, share_reporter
from model.vectors import Features, Vectors

if TYPE_CHECKING:
    from pymilvus import MilvusClient

INDEX_FROM = 50_000  # images from which they are put into lists; fewer are compared one by one
TARGET = 0.99
_ENOUGH = 0.995  # on the sample that chooses the effort: .99 on another
_SEGMENT = 250_000  # images of 512 numbers that Milvus puts into lists together
_FEWEST = 8  # lists that are looked at
_TOGETHER = 512  # images of one call: 34 MB where each has as much metadata as it may
_LONGEST = 65_535  # bytes of a field
_SAMPLE = 1000  # images by which mixed queries are weighed, as `vector_arithmetic` draws them
_READ_BACK = 100  # images


@dataclass(frozen=True, slots=True)
class Publication:
    """A collection as it was published."""

    address: Address
    images: int
    recall: float
    """recall@10 against the exact answer, the lowest of all sampled filters and kinds of query"""
    replaced: bool
    """whether an earlier publication of this name was removed"""


@dataclass(frozen=True, slots=True)
class Collected:
    """The images of a snapshot that are published, as everybody may see them."""

    snapshot: Snapshot
    namings: Namings
    exact: Exact
    rows: Rows
    """(n,) of the images that were not removed, ascending"""


def publish(
    snapshot: Snapshot,
    address: Address,
    *,
    texts: Vectors,
    floor: FloorEntry,
    made_by: str,
    progress: OnStep,
    index_from: int = INDEX_FROM,
) -> Publication:
    """Publish a snapshot's images under a name, in place of an earlier publication of that name.

    `texts` (n, dim) are vectors of names, on which the recall is measured as on images; `made_by`
    is the version of taxalens. Raises CollectionError where the server is away or refuses,
    BadInput where an image cannot be published, Error for a name that is taken or a recall below
    TARGET.
    """
    public = replace(snapshot, exact_places=False)
    images = Images(public)
    if not len(images.rows):
        raise BadInput(f"{snapshot.folder} has no images to publish; index some first.")
    collected = Collected(public, Namings(public), Exact(public.vectors()), images.rows)
    with server(address) as client:
        current = published(client, address)
        for left in leftovers(client, address, current):
            client.drop_collection(left)
        name = new_name(address)
        try:
            _create(client, name, snapshot.manifest.encoder.dim)
            _insert(client, name, images, collected, progress)
            lists = _lists(len(images.rows)) if len(images.rows) >= index_from else 0
            _index(client, name, lists)
            effort, recall = _verified(client, name, collected, texts, lists, progress)
            write_facts(client, name, _facts(collected, floor, effort, recall, made_by))
            _switch(client, address.name, name, current)
        except BaseException:
            _drop_unpublished(client, address, name)
            raise
        _drop(client, current)
    return Publication(address, len(images.rows), recall, bool(current))


def _lists(images: int) -> int:
    """Return into how many lists Milvus puts the images of a segment."""
    return round(4 * math.sqrt(min(images, _SEGMENT)))


def _create(client: "MilvusClient", name: str, dim: int) -> None:
    """Create an empty collection; it is loaded only when it is full and indexed.

    Milvus 2.3 answers from what came after loading by a rough index: filtered recall was .44.
    """
    from pymilvus import DataType

    schema = client.create_schema()
    schema.add_field("image_id", DataType.VARCHAR, is_primary=True, max_length=64)
    schema.add_field("naming", DataType.INT64)
    schema.add_field("confidence", DataType.DOUBLE)
    for each in ("source_id", "url", "label", "scientific_name", "rank"):
        schema.add_field(each, DataType.VARCHAR, max_length=_LONGEST)
    schema.add_field("metadata", DataType.JSON)
    # float32 since Milvus Lite and Milvus before 2.4 search no float16
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=dim)
    client.create_collection(name, schema=schema)


def _insert(
    client: "MilvusClient", name: str, images: Images, collected: Collected, progress: OnStep
) -> None:
    done, total = 0, len(images.rows)
    for batch in images.batches():
        for start in range(0, len(batch), _TOGETHER):
            progress(Step("images to publish", "images", done, total))
            part = batch[start : start + _TOGETHER]
            client.insert(name, _lines(part, images.vectors(part), collected.namings))
            done += len(part)
    client.flush(name)
    progress(Step("images to publish", "images", done, total))


def _lines(images: list[Image], vectors: Vectors, namings: Namings) -> list[dict[str, Any]]:
    of = namings.of([image.row for image in images])
    return [
        _line(image, naming, confidence) | {"vector": vector}
        for image, (naming, confidence), vector in zip(
            images, of, vectors.astype(np.float32), strict=True
        )
    ]


def _line(image: Image, naming: int, confidence: float) -> dict[str, Any]:
    """Return what everybody may know of an image: nothing of this machine's folders."""
    line = {
        "image_id": image.image_id,
        "naming": naming,
        "confidence": confidence,
        "source_id": image.source_id,
        "url": image.url,
        "label": image.said.label,
        "scientific_name": image.said.name,
        "rank": image.said.rank,
        "metadata": dict(image.metadata),
    }
    for field, value in line.items():
        size = len((value if isinstance(value, str) else json.dumps(value)).encode())
        if size > _LONGEST:
            raise BadInput(
                f"The {field} of {image.source_id} has {size:,} bytes, and Milvus holds "
                f"{_LONGEST:,}; shorten it in the table of labels, and index that again."
            )
    return line


def _index(client: "MilvusClient", name: str, lists: int) -> None:
    """Index a full collection, in lists or not (0), and load it.

    A graph (HNSW) is no choice: Milvus 2.3 left some queries within a tenth of the images without
    a single hit, whatever the effort. Lists find all that passes a filter if all are looked at.
    """
    index = client.prepare_index_params()
    kind, build = ("IVF_FLAT", {"nlist": lists}) if lists else ("FLAT", {})
    index.add_index("vector", index_type=kind, metric_type="IP", params=build)
    client.create_index(name, index)
    client.load_collection(name)


def _verified(
    client: "MilvusClient",
    name: str,
    collected: Collected,
    texts: Vectors,
    lists: int,
    progress: OnStep,
) -> tuple[Effort, float]:
    """Compare a loaded collection with the local one; return the least effort that is enough.

    Raises Error where counts or lines differ, or no effort reaches TARGET.
    """
    report = share_reporter(progress)
    report("verification", 0.0)
    filters = filters_of(collected.snapshot, collected.namings, collected.rows)
    _compare_counts(client, name, filters)
    _compare_lines(client, name, collected)
    report("verification", 0.2)
    kinds: list[Features] = [image_queries(collected.exact, collected.rows)]
    kinds.append(texts.astype(np.float32))
    trials = trials_of(collected.exact, filters, kinds)
    report("verification", 0.6)
    effort, recall = _least_effort(client, name, trials, lists)
    if recall < TARGET:
        client.release_collection(name)
        client.load_collection(name)
        effort, recall = _least_effort(client, name, trials, lists)
    if recall < TARGET:
        raise Error(
            f"Milvus finds {recall:.3f} of the ten best images under a filter, less than {TARGET}: "
            "nothing was published; try again, or another version of Milvus."
        )
    report("verification", 1.0)
    return effort, recall


def _least_effort(
    client: "MilvusClient", name: str, trials: list[Trial], lists: int
) -> tuple[Effort, float]:
    """Return the least effort, without and with a filter, whose recall is enough; and the recall.

    The best where none is enough.
    """
    probes, recalls = [], []
    for filtered in (False, True):
        some = [each for each in trials if bool(each.filter.expression) == filtered]
        found: list[tuple[int, float]] = []
        for probed in _steps(lists):
            found.append((probed, recall_of(client, name, some, Effort.parameters(probed))))
            if found[-1][1] >= _ENOUGH:
                break
        probed, recall = max(found, key=lambda each: each[1])
        probes.append(probed)
        recalls.append(recall)
    return Effort(lists, *probes), min(recalls)


def _steps(lists: int) -> list[int]:
    """Return numbers of lists to look at, ever twice as many, all of them last."""
    doubled = [_FEWEST << step for step in range(20)]
    return [*(each for each in doubled if each < lists), EVERY_LIST if lists else 0]


def _compare_counts(client: "MilvusClient", name: str, filters: list[Filter]) -> None:
    for each in filters:
        ((counted),) = client.query(
            name,
            filter=each.expression,
            output_fields=["count(*)"],
            consistency_level=STRONG,
        )
        if counted["count(*)"] != len(each.rows):
            raise Error(
                f"Milvus counts {counted['count(*)']:,} images of {each.name} where "
                f"{len(each.rows):,} were sent: nothing was published; try again."
            )


def _compare_lines(client: "MilvusClient", name: str, collected: Collected) -> None:
    """Read images back: each must have its own naming and vector."""
    places = np.unique(np.linspace(0, len(collected.rows) - 1, _READ_BACK).astype(np.int64))
    rows = collected.rows[places].tolist()
    ids = collected.snapshot.image_ids(rows)
    found = client.query(
        name,
        ids=list(ids.values()),
        output_fields=["image_id", "naming", "vector"],
        consistency_level=STRONG,
    )
    lines = {line["image_id"]: line for line in found}
    vectors = collected.exact.gather(np.array(rows, np.int64)).astype(np.float32)
    for row, (naming, _), vector in zip(rows, collected.namings.of(rows), vectors, strict=True):
        line = lines.get(ids[row], {"naming": -1, "vector": []})
        if line["naming"] != naming or not np.array_equal(np.float32(line["vector"]), vector):
            raise Error(
                f"Milvus returns image {ids[row]} other than it was sent: nothing was published; "
                "try again."
            )


def _facts(
    collected: Collected, floor: FloorEntry, effort: Effort, recall: float, made_by: str
) -> PublishedFacts:
    manifest, rows = collected.snapshot.manifest, collected.rows
    places = np.unique(np.linspace(0, len(rows) - 1, _SAMPLE).astype(np.int64))
    known = manifest.taxonomy
    return PublishedFacts(
        encoder=manifest.encoder,
        images=len(rows),
        generation=manifest.generation,
        floor=floor,
        # by its name: the path is one of this machine
        taxonomy=known and TaxonomyEntry(known.name, known.version, known.id, known.name),
        effort=effort,
        recall=recall,
        made_by=made_by,
        tables=collected.namings.tables(),
        sample=collected.exact.gather(rows[places]),
    )


def _switch(client: "MilvusClient", alias: str, name: str, current: str) -> None:
    """Let the public name lead to a new collection, from one moment to the next."""
    if current:
        client.alter_alias(name, alias)
    else:
        client.create_alias(name, alias)


def _drop(client: "MilvusClient", name: str) -> None:
    """Drop a publication; what cannot be dropped is swept by the next one."""
    from pymilvus.exceptions import MilvusException

    for each in (name, name + FACTS) if name else ():
        with suppress(MilvusException):
            client.drop_collection(each)


def _drop_unpublished(client: "MilvusClient", address: Address, name: str) -> None:
    """Drop a publication unless the public name leads to it: a switch may succeed unheard."""
    from pymilvus.exceptions import MilvusException

    with suppress(Error, MilvusException):
        if published(client, address) != name:
            _drop(client, name)
