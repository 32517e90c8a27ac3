"""The images of a published collection in Milvus: the nearest, the surest, one by its id."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.backends.selection import Selection
from indexer.publish.address import Address
from indexer.publish.facts import EVERY_LIST, Effort
from indexer.publish.milvus_server import MOST, SEEN, asking
from indexer.publish.recall import expression_of, longest
from model.errors import Error
from model.vectors import Vectors

if TYPE_CHECKING:
    from pymilvus import MilvusClient

Line = Mapping[str, Any]
_FIELDS = ["image_id", "naming", "confidence", "source_id", "url", "metadata"]
_LONGEST = 100_000  # namings that a filter lists: Milvus 2.3 took a second for them
_ADVICE = "if it was published again meanwhile, open it once more"
_NEVER = 2.0  # above every confidence


@dataclass(frozen=True, slots=True)
class Ranked:
    """An image as Milvus returns it."""

    score: float
    line: Line


@dataclass(frozen=True, slots=True)
class StoredImages:
    """One publication of a collection."""

    client: "MilvusClient"
    address: Address
    collection: str
    """its own name in Milvus, to which the public name led when it was opened"""
    effort: Effort
    most: int = MOST
    """images of one answer"""

    def nearest(self, vector: Vectors, k: int, expression: str) -> list[Ranked]:
        """Return the k nearest images to a unit vector, (1, dim), that an expression lets pass.

        Raises Error for more than Milvus returns at once.
        """
        if k > self.most:
            raise Error(
                f"Milvus returns {self.most:,} images at once, and {k:,} are wanted: ask for fewer "
                "(k, skip), or search the collection itself."
            )
        if k <= 0:
            return []
        probes = self.effort.filtered_probes if expression else self.effort.probes
        found = self._search(vector, k, expression, probes)
        if len(found) < k and self.effort.lists:
            found = self._search(vector, k, expression, EVERY_LIST)
        return found

    def _search(self, vector: Vectors, k: int, expression: str, probes: int) -> list[Ranked]:
        with asking(self.address, _ADVICE):
            (answer,) = self.client.search(
                self.collection,
                data=[vector[0].astype(np.float32)],
                filter=expression,
                limit=k,
                output_fields=_FIELDS,
                search_params={"metric_type": "IP", "params": Effort.parameters(probes)},
                consistency_level=SEEN,
            )
        return [Ranked(min(1.0, float(hit["distance"])), hit["entity"]) for hit in answer]

    def surest(self, vector: Vectors, k: int, expression: str) -> list[Ranked]:
        """Return the k images whose machine labels are surest, the nearest first among equals."""
        least = self._least_sure(k, expression)
        surer = both(expression, f"confidence > {least!r}")
        tied = both(expression, f"confidence == {least!r}")
        above = self.count(surer)
        found = [*self.nearest(vector, above, surer), *self.nearest(vector, k - above, tied)]
        return sorted(found, key=lambda each: (-each.line["confidence"], -each.score))

    def _least_sure(self, k: int, expression: str) -> float:
        """Return the confidence of the k-th surest image, or of the last where there are fewer.

        Milvus sorts by no field: the interval where it lies is halved until its images can be
        listed.
        """
        low, high, count = -1.0, _NEVER, self.count(expression)
        while count > self.most:
            middle = (low + high) / 2
            if middle in (low, high):
                return low  # the confidence of many images
            enough = self.count(both(expression, f"confidence >= {middle!r}"))
            if enough >= k:
                low, count = middle, enough
            else:
                high = middle
        with asking(self.address, _ADVICE):
            lines = self.client.query(
                self.collection,
                filter=both(expression, f"confidence >= {low!r}"),
                output_fields=["confidence"],
                limit=self.most,
                consistency_level=SEEN,
            )
        confidences = sorted((float(line["confidence"]) for line in lines), reverse=True)
        return confidences[min(k, len(confidences)) - 1]

    def count(self, expression: str) -> int:
        """Return how many images an expression lets pass."""
        with asking(self.address, _ADVICE):
            ((counted),) = self.client.query(
                self.collection,
                filter=expression,
                output_fields=["count(*)"],
                consistency_level=SEEN,
            )
        return int(counted["count(*)"])

    def line(self, image_id: str, with_vector: bool = False) -> Line | None:
        """Return what is known of an image; None where there is none of that id."""
        fields = [*_FIELDS, *(["vector"] if with_vector else [])]
        with asking(self.address, _ADVICE):
            found = self.client.query(
                self.collection,
                filter=f"image_id == {quoted(image_id)}",
                output_fields=fields,
                consistency_level=SEEN,
            )
        return found[0] if found else None


def quoted(text: str) -> str:
    """Return a text as Milvus's expressions write it."""
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{escaped}"'


def both(one: str, other: str) -> str:
    """Return that two expressions hold; "" is every image."""
    return " and ".join(f"({each})" for each in (one, other) if each)


def expression(namings: Selection, total: int) -> str:
    """Return that an image has one of some namings, of `total`; "" where it may have any.

    Raises Error for more than Milvus can be expected to read.
    """
    if len(namings) == total:
        return ""
    runs = list(_runs(namings))
    gaps = list(_gaps(runs, total))
    inside, outside = _listed(runs), _listed(gaps)
    if min(inside, outside) > _LONGEST:
        raise Error(
            f"These filters leave {min(inside, outside):,} labels to list, and Milvus is given "
            f"{_LONGEST:,} at most: leave out rank, or search the collection itself."
        )
    return expression_of(runs) if inside <= outside else f"not ({expression_of(gaps)})"


def _listed(runs: list[range]) -> int:
    """Return how many namings an expression of runs lists one by one."""
    return sum(map(len, runs)) - sum(map(len, longest(runs)))


def _gaps(runs: list[range], total: int) -> Iterator[range]:
    """Yield the runs of the numbers below a total that are in none of these."""
    start = 0
    for run in [*runs, range(total, total)]:
        if start < run.start:
            yield range(start, run.start)
        start = run.stop


def _runs(namings: Selection) -> Iterator[range]:
    """Yield the runs of consecutive numbers."""
    if isinstance(namings.rows, range):
        yield namings.rows
        return
    cuts = np.flatnonzero(np.diff(namings.rows) > 1) + 1
    for run in np.split(namings.rows, cuts):
        yield range(int(run[0]), int(run[-1]) + 1)
