"""Tuning: what an index finds of the truth, and what it costs to find .99 of it.

Queries are images of the collection, each left out of its own answer, and texts of its taxa. One
half of them chooses how rows are divided and how much a search looks at; the other half, which had
no say, gives the recall that is reported.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from indexer.backends import Rows
from indexer.backends.exact import Exact
from indexer.backends.lists import Effort, ListIndex
from indexer.backends.training import Lists, about
from model.vectors import Features, Vectors

QUERIES = 400  # of each kind
K = 10
TARGET = 0.995  # on the half that chooses: .99 on another, chance included
ABSENT = 0.02
_RULE = 1000  # images that tell what is near as a rule
MANY = 5_000_000  # rows of which pictures look for .96 of the truth: .99 takes five times as long,
TARGET_OF_MANY = 0.965  # which the neighbours of every image would take days for
_RERANKED = (50, 100, 200, 400, 800)
# Nanoseconds, as a rule: of two efforts that find enough the cheaper one is chosen.
CODE, RERANKED_ROW = 20, 400


@dataclass(frozen=True, slots=True)
class Sample:
    """Queries of one kind and their truth."""

    queries: Features
    """(n, dim) float32"""
    truth: Rows
    """(n, K) rows, best first"""
    own: Rows | None = None
    """(n,) the row that a query is itself, which is no answer"""

    def halves(self) -> tuple["Sample", "Sample"]:
        """Return every other query, and the rest."""
        one, two = (
            Sample(
                self.queries[start::2],
                self.truth[start::2],
                None if self.own is None else self.own[start::2],
            )
            for start in (0, 1)
        )
        return one, two


@dataclass(frozen=True, slots=True)
class Tuned:
    """An effort, and the recall@10 that it was measured to reach."""

    effort: Effort
    recall: float


def image_sample(exact: Exact, queries: int = QUERIES) -> Sample:
    """Draw images of a collection."""
    random = np.random.default_rng(2)
    own = np.sort(random.choice(len(exact), min(queries, len(exact)), replace=False))
    vectors = exact.gather(own).astype(np.float32)
    _, rows = exact.search(vectors, K + 1)
    truth = np.stack([_without(found, row, K) for found, row in zip(rows, own, strict=True)])
    return Sample(vectors, truth, own)


def text_sample(exact: Exact, texts: Vectors) -> Sample:
    """Take texts, (n, dim) unit rows."""
    queries = np.ascontiguousarray(texts, np.float32)
    return Sample(queries, exact.search(queries, K)[1])


def samples_of(exact: Exact, texts: Vectors | None) -> list[Sample]:
    """Return a sample of images, and one of texts where there are any."""
    return [
        image_sample(exact),
        *([text_sample(exact, texts)] if texts is not None and len(texts) else []),
    ]


def floor_of(exact: Exact, sample: Sample) -> float | None:
    """Return below which cosine a best hit is likely not what was asked for; None for no sample.

    What a collection holds finds something there that is nearer to it than any image as a rule is.
    Half way between the two is a floor, which all but ABSENT of a sample clear.
    """
    if not sample.truth.size:
        return None
    best = np.sum(sample.queries * exact.gather(sample.truth[:, 0]), axis=1)
    rows = np.unique(np.linspace(0, len(exact) - 1, _RULE).astype(np.int64))
    rule = (sample.queries @ exact.gather(rows).astype(np.float32).T).mean(axis=1)
    return float(np.quantile((best + rule) / 2, ABSENT))


def lists_needed(exact: Exact, lists: Lists, samples: Sequence[Sample]) -> list[int]:
    """Return how many lists a search must look at to meet TARGET of the truth of each sample."""
    needed = []
    for sample in samples:
        flat = sample.truth.ravel()
        of = lists.of(about(exact, lists.mean, flat), flat).reshape(sample.truth.shape)
        closeness = sample.queries @ lists.centroids.T
        at = np.take_along_axis(closeness, of, 1)
        rank = np.stack([(closeness > at[:, [place]]).sum(axis=1) for place in range(K)], axis=1)
        needed.append(1 + int(np.quantile(rank, TARGET, method="higher")))
    return needed


def tune(index: ListIndex, sample: Sample, told: Callable[[float], None] = lambda _: None) -> Tuned:
    """Return the cheapest effort that reaches the target, or the best where none does."""
    pictures_of_many = sample.own is not None and len(index) >= MANY
    target = TARGET_OF_MANY if pictures_of_many else TARGET
    chooses, reports = sample.halves()
    lists = index.lists
    steps = sorted({min(half << step, lists) for step in range(2, 30) for half in (2, 3)})
    reached: list[tuple[float, Effort]] = []
    best = (0.0, Effort(lists, _RERANKED[-1]))
    for place, probes in enumerate(steps):
        for reranked, recall in _recalls(index, chooses, probes).items():
            effort = Effort(probes, reranked)
            cost = probes / lists * len(index) * CODE + reranked * RERANKED_ROW
            if recall >= target:
                reached.append((cost, effort))
            best = max(best, (recall, effort), key=lambda each: each[0])
        told((place + 1) / len(steps))
        cheapest = min((cost for cost, _ in reached), default=np.inf)
        if cheapest < 1.3 * probes / lists * len(index) * CODE:
            break  # the next step alone costs more
    effort = min(reached, key=lambda each: each[0])[1] if reached else best[1]
    return Tuned(effort, _recalls(index, reports, effort.probes)[effort.reranked])


def _recalls(index: ListIndex, sample: Sample, probes: int) -> dict[int, float]:
    """Return the recall@10 for each number of reranked rows; what is reranked is then exact."""
    found = index.candidates(sample.queries, _RERANKED[-1] + 1, probes)
    if sample.own is not None:
        pairs = zip(found, sample.own, strict=True)
        found = np.stack([_without(rows, own, _RERANKED[-1]) for rows, own in pairs])
    return {
        n: float(np.mean([np.isin(*pair) for pair in zip(sample.truth, found[:, :n], strict=True)]))
        for n in _RERANKED
    }


def _without(rows: Rows, row: int, n: int) -> Rows:
    others: Rows = rows[rows != row][:n]
    return others
