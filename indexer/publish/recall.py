"""The recall of a published collection: counts and sampled answers against the local exact ones."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from indexer.backends import Rows, Scores
from indexer.backends.exact import Exact
from indexer.backends.selection import Selection, selection_of
from indexer.catalog.snapshot import Snapshot
from indexer.publish.milvus_server import SEEN
from indexer.publish.namings import Namings
from model.vectors import Features

if TYPE_CHECKING:
    from pymilvus import MilvusClient

K = 10
RANGES = 30  # of one expression
QUERIES = 64  # of each kind
_SHARES = (0.5, 0.1, 0.01, 0.001)  # of the images, in a clade: as filters are
_ROUNDING = 1e-5  # by which cosines differ that are summed in another order


@dataclass(frozen=True, slots=True)
class Filter:
    """The images of a clade, or all, here and in Milvus."""

    name: str
    expression: str
    namings: range
    rows: Selection


@dataclass(frozen=True, slots=True)
class Trial:
    """Queries of one kind under one filter, and the cosine that the K best reach."""

    filter: Filter
    queries: Features
    least: Scores
    """(n,) of the last of the K best"""


def filters_of(snapshot: Snapshot, namings: Namings, rows: Rows) -> list[Filter]:
    """Return no filter, and clades that hold about so many images as filters do.

    `rows` (n,) are those of all images.
    """
    found = snapshot.cursor().execute(_TAXA).fetchnumpy()
    held = np.asarray(snapshot.cursor().execute(_HELD).fetchnumpy()["lo"], np.int64)
    sizes = np.searchsorted(held, found["hi"]) - np.searchsorted(held, found["lo"])
    last = namings.total
    filters = {"all images": Filter("all images", "", range(last), selection_of(rows))}
    for share in _SHARES:
        proper = np.flatnonzero((sizes >= K) & (sizes < len(rows)))
        if len(proper):
            best = proper[np.abs(np.log(sizes[proper] / (share * len(rows)))).argmin()]
            lo, hi, name = (found[each][best] for each in ("lo", "hi", "name"))
            inside = snapshot.cursor().execute(_INSIDE, [int(lo), int(hi)]).fetchnumpy()["row"]
            numbers = namings.between(int(lo), int(hi))
            among = selection_of(np.asarray(inside, np.int64))
            filters[name] = Filter(name, expression_of([numbers]), numbers, among)
    return list(filters.values())


def expression_of(runs: Sequence[range]) -> str:
    """Return in Milvus's language that the naming is one of some numbers, in ascending runs.

    Milvus 2.3 refuses a hundred alternatives, and takes a list of a hundred thousand numbers: the
    longest runs are ranges, the others are listed.
    """
    ranges = [run for run in longest(runs) if len(run) > 2]
    stops = {run.start for run in ranges}
    listed = [number for run in runs if run.start not in stops for number in run]
    parts = [f"(naming >= {run.start} and naming < {run.stop})" for run in ranges]
    return " or ".join([*parts, *([f"naming in {listed}"] if listed else [])]) or "naming < 0"


def longest(runs: Sequence[range]) -> list[range]:
    """Return the runs that an expression has as ranges."""
    return sorted(runs, key=len, reverse=True)[:RANGES]


def trials_of(exact: Exact, filters: Sequence[Filter], kinds: Sequence[Features]) -> list[Trial]:
    """Answer queries of each kind, (n, dim) unit rows, exactly and locally, under each filter."""
    return [
        Trial(each, queries, exact.search(queries, K, each.rows)[0][:, -1])
        for each in filters
        for queries in kinds
        if len(queries)
    ]


def image_queries(exact: Exact, rows: Rows) -> Features:
    """Draw images evenly: (n, dim) float32."""
    chosen = np.unique(np.linspace(0, len(rows) - 1, QUERIES).astype(np.int64))
    return exact.gather(rows[chosen]).astype(np.float32)


def recall_of(
    client: "MilvusClient", collection: str, trials: Sequence[Trial], effort: dict[str, int]
) -> float:
    """Return the lowest recall@10 of all trials; an image that the filter excludes is no hit."""
    recalls = (_recall(client, collection, trial, effort) for trial in trials)
    return min(recalls, default=1.0)


def _recall(client: "MilvusClient", collection: str, trial: Trial, effort: dict[str, int]) -> float:
    wanted = min(K, len(trial.filter.rows))
    answers = client.search(
        collection,
        data=list(trial.queries),
        filter=trial.filter.expression,
        limit=wanted,
        output_fields=["image_id", "naming"],  # Milvus 2.3 calls the key id otherwise
        search_params={"metric_type": "IP", "params": effort},
        consistency_level=SEEN,
    )
    shares = [
        sum(_counts(hit, trial.filter, least) for hit in _distinct(answer)) / wanted
        for answer, least in zip(answers, trial.least, strict=True)
    ]
    return float(np.mean(shares))


def _counts(hit: Any, among: Filter, least: float) -> bool:
    in_filter = hit["entity"]["naming"] in among.namings
    return in_filter and float(hit["distance"]) >= least - _ROUNDING


def _distinct(answer: Any) -> Iterator[Any]:
    return iter({hit["image_id"]: hit for hit in answer}.values())


_TAXA = "SELECT lo, hi, name FROM taxa ORDER BY lo"
_HELD = "SELECT lo FROM images WHERE lo IS NOT NULL ORDER BY lo"
_INSIDE = 'SELECT "row" FROM images WHERE ? <= lo AND lo < ? ORDER BY "row"'
