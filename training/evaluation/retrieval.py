"""Retrieval at every rank: names ask for images, and images ask for others of their taxon.

Cosines are float64: which of two images of nearly one cosine is first is then the same everywhere.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from indexer.taxonomy.text_matrix import TextMatrix
from model.encoder import Encoder
from model.taxon import RANKS
from model.text_types import free_text_prompt
from model.vectors import Features
from training.evaluation.figures import Figure, mean_figure
from training.evaluation.intervals import Floats
from training.evaluation.labelled_images import UNNAMED, LabelledImages, Numbers

Flags = npt.NDArray[np.bool_]
Labels = npt.NDArray[np.generic]
MOST_QUERIES = 3000  # images that ask for others; of more a random sample, seed 0
RECALL_AT = (1, 5, 10)
_ROWS = 256  # queries at once


def average_precisions(scores: Floats, relevant: Flags) -> npt.NDArray[np.float64]:
    """Return the average precision of each query that has a relevant item.

    `scores` and `relevant` are (queries, items); ties keep the order of the items. Average
    precision is the mean, over the relevant items, of the precision at the item's place.
    """
    order = np.argsort(-scores, axis=1, kind="stable")
    found = np.take_along_axis(relevant, order, axis=1)[relevant.any(axis=1)]
    return precisions_in_order(found)


def precisions_in_order(found: Flags) -> npt.NDArray[np.float64]:
    """Return the average precision of ranked items (queries, items), each row with a relevant one.

    The k-th relevant item at place p adds k / p.
    """
    rows, places = np.nonzero(found)
    totals = found.sum(axis=1)
    firsts = np.cumsum(totals) - totals
    numbers = np.arange(len(rows)) - firsts[rows] + 1
    means: npt.NDArray[np.float64] = (
        np.bincount(rows, numbers / (places + 1), minlength=len(found)) / totals
    )
    return means


def top_k_accuracy(scores: Floats, relevant: Flags, k: int) -> float:
    """Return the share of queries with a relevant item among the k best; (queries, items) each."""
    best = np.argsort(-scores, axis=1, kind="stable")[:, :k]
    return float(np.take_along_axis(relevant, best, axis=1).any(axis=1).mean())


def precision_at_1(vectors: Floats, labels: Labels) -> float:
    """Return how often an item's nearest other item has its label.

    `vectors` (n, dim) unit rows, `labels` (n,).
    """
    scores = vectors.astype(np.float32) @ vectors.astype(np.float32).T
    np.fill_diagonal(scores, -np.inf)
    return float((labels[scores.argmax(axis=1)] == labels).mean())


def figures(
    images: LabelledImages, vectors: Features, encoder: Encoder, seed: int = 0
) -> Iterator[Figure]:
    """Yield mAP, P@1 and recall@k of names and of images, at each rank that some image has.

    Recall@k is the share of queries with a relevant image among the k nearest. An image whose name
    at a rank no other image has asks for nothing there.
    """
    named = {str(rank): images.names_at(rank) for rank in RANKS}
    named = {rank: found for rank, found in named.items() if len(found[0]) > 1}
    exact = vectors.astype(np.float64)
    yield from _by_name(named, exact, encoder)
    queries = np.arange(len(images))
    if len(queries) > MOST_QUERIES:
        drawn = np.random.default_rng(seed).choice(len(images), MOST_QUERIES, replace=False)
        queries = np.sort(drawn)
    yield from _by_image({rank: of for rank, (_, of) in named.items()}, exact, queries)


def _by_name(
    named: dict[str, tuple[list[str], Numbers]], vectors: Floats, encoder: Encoder
) -> Iterator[Figure]:
    prompts = [free_text_prompt(name) for names, _ in named.values() for name in names]
    texts = TextMatrix(encoder, prompts).vectors().astype(np.float64)
    start = 0
    for rank, (names, of) in named.items():
        asked, start = texts[start : start + len(names)], start + len(names)
        # Taxa of one name, such as a plant and an animal, are asked for at once.
        first_of = {name: place for place, name in reversed([*enumerate(names)])}
        merged = np.array([first_of[name] for name in names])
        asked_for = np.unique(merged)
        asked, of = asked[asked_for], np.where(of == UNNAMED, UNNAMED, merged[of])
        found = []
        for first in range(0, len(asked), _ROWS):
            scores = asked[first : first + _ROWS] @ vectors.T
            order = np.argsort(-scores, axis=1, kind="stable")
            numbers = asked_for[first : first + _ROWS]
            found.append(_outcomes(of[order] == numbers[:, None]))
        yield from _figures("text→image", rank, found, "names", f"{len(asked):,} names")


def _by_image(of_ranks: dict[str, Numbers], vectors: Floats, queries: Numbers) -> Iterator[Figure]:
    found: dict[str, list[Floats]] = {rank: [] for rank in of_ranks}
    for start in range(0, len(queries), _ROWS):
        some = queries[start : start + _ROWS]
        scores = vectors[some] @ vectors.T
        scores[np.arange(len(some)), some] = -np.inf
        order = np.argsort(-scores, axis=1, kind="stable")[:, :-1]
        for rank, of in of_ranks.items():
            relevant = (of[order] == of[some][:, None]) & (of[some] != UNNAMED)[:, None]
            found[rank].append(_outcomes(relevant[relevant.any(axis=1)]))
    for rank, parts in found.items():
        yield from _figures("image→image", rank, parts, "images", "")


def _outcomes(relevant: Flags) -> Floats:
    """Return average precision, P@1 and recall@k of ranked items, (queries, 2 + recalls)."""
    recalls = [relevant[:, :k].any(axis=1) for k in RECALL_AT]
    return np.stack([precisions_in_order(relevant), relevant[:, 0], *recalls], axis=1)


def _figures(
    way: str, rank: str, parts: Sequence[Floats], of: str, setting: str
) -> Iterator[Figure]:
    outcomes = np.concatenate(parts)
    if not len(outcomes):
        return
    names = ("mAP", "P@1", *(f"recall@{k}" for k in RECALL_AT[1:]))  # recall@1 is P@1
    for column, name in zip((0, 1, *range(3, 2 + len(RECALL_AT))), names, strict=True):
        yield mean_figure(f"{way} {name}", outcomes[:, column], of=of, rank=rank, setting=setting)
