"""How much better pictures find their species by the map of a collection's labels.

`python -m benchmarks.adapt` needs the folders of bird and flower photographs, and vectors of
BioCLIP 2. Half of the classes are labelled, some images of each; the map is learnt from these.
Images without a label then look for all others of their class in the whole set. Every figure is a
mean over SEEDS; in a seed where the map is not kept, the adapted order is that of cosines.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.photographs import Images, orders, photographs
from benchmarks.report import figure, write_report
from indexer.backends.exact import Exact
from model.errors import Error
from model.vectors import Features
from search.adapt.fitting import fit_map
from search.classify.reference_set import reference_set
from search.ranking.adaptation import Adaptation, Map

SEEDS, SHOTS = range(5), (5, 15)
QUERIES = 300  # of labelled and of new classes each, in a seed
COSINE, CENTRED, ADAPTED = "cosine", "centred", "adapted"
Figures = Iterator[dict[str, object]]
Ints = npt.NDArray[np.int64]


def main() -> None:
    figures: list[dict[str, object]] = []
    for name in ("birds", "flowers"):
        figures += _figures(name, photographs(name))
    figures += _figures("BioCLIP 2 vectors by order", orders())
    write_report("adapt", figures)


def _figures(name: str, images: Images) -> Figures:
    for shots in SHOTS:
        case = f"{len(images.vectors)} {name}, {shots} labelled of half the classes"
        runs = [_run(images, shots, seed) for seed in tqdm(SEEDS, desc=case)]
        for system, metric in runs[0]:
            yield figure(case, system, metric, np.mean([run[system, metric] for run in runs]))


def _run(images: Images, shots: int, seed: int) -> dict[tuple[str, str], float]:
    random = np.random.default_rng(seed)
    classes = images.classes
    labelled = random.permutation(classes.max() + 1)[: (classes.max() + 1) // 2]
    examples = np.concatenate(
        [random.choice(np.flatnonzero(classes == each), shots, replace=False) for each in labelled]
    )
    found = _learnt(images.vectors[examples], classes[examples])
    kept = found.map if found and found.is_gain else None
    vectors = images.vectors.astype(np.float16)
    centre = Map(vectors.mean(axis=0, dtype=np.float32), np.eye(vectors.shape[1], dtype=np.float32))
    known = np.isin(classes, labelled)
    unlabelled = np.setdiff1d(np.arange(len(classes)), examples)
    figures = {(ADAPTED, "kept, share of the draws"): float(kept is not None)}
    for which, asked in (("of new classes", ~known), ("of labelled classes", known)):
        queries = random.permutation(unlabelled[asked[unlabelled]])[:QUERIES]
        for system, by in ((COSINE, None), (CENTRED, centre), (ADAPTED, kept)):
            right = _right(vectors, classes, queries, by)
            figures[system, f"mean average precision {which}"] = _average_precision(right)
            figures[system, f"precision@10 {which}"] = float(right[:, :10].mean())
    return figures


def _learnt(vectors: Features, classes: Ints) -> Adaptation | None:
    try:
        return fit_map(reference_set(vectors, classes))
    except Error:
        return None


def _right(
    vectors: npt.NDArray[np.float16], classes: Ints, queries: Ints, by: Map | None
) -> npt.NDArray[np.bool_]:
    """Return whether each of all other images, in their order, is of the query's class."""
    exact = Exact([vectors])
    found = exact.search(vectors[queries], len(vectors))
    others = found[1] != queries[:, None]
    scores, rows = (each[others].reshape(len(queries), -1) for each in found)
    if by:
        _, rows = by.order(exact, vectors[queries], (scores, rows))
    return classes[rows] == classes[queries][:, None]


def _average_precision(right: npt.NDArray[np.bool_]) -> float:
    precision = np.cumsum(right, axis=1) / np.arange(1, right.shape[1] + 1)
    return float(((precision * right).sum(axis=1) / right.sum(axis=1)).mean())


if __name__ == "__main__":
    main()
