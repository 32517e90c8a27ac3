"""How many planted wrong labels an audit finds, in the first tenth of its ranking.

`python -m benchmarks.audit` needs a folder of bird and flower photographs. One label in twenty is
exchanged: for any other (uniform), or for the class whose mean image is nearest.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

from benchmarks.photographs import FOLDERS, Images, photographs
from benchmarks.report import figure, write_report
from indexer.backends.exact import Exact
from model.vectors import Vectors
from search.audit.label_classes import Classes
from search.audit.label_errors import label_errors

SHARE, LOOKED_AT = 0.05, 0.1
SEEDS = range(5)  # what was tried while it was written was tried on others
NEIGHBOURS = 10
Labels = npt.NDArray[np.int64]
Floats = npt.NDArray[np.floating]


def main() -> None:
    figures: list[dict[str, object]] = []
    for name in FOLDERS:
        figures += _figures(name, photographs(name))
    write_report("audit", figures)


def _figures(name: str, images: Images) -> Iterator[dict[str, object]]:
    vectors, labels = images.vectors.astype(np.float16), images.classes
    names = [taxon.key or str(place) for place, taxon in enumerate(images.taxa)]
    lineages = np.array([taxon.lineage for taxon in images.taxa])
    numbers = np.unique(np.r_[[""], lineages.ravel()], return_inverse=True)[1][1:]
    ranks = numbers.reshape(lineages.shape).astype(np.int64)
    for kind in ("uniform", "nearest class"):
        ours, share, plain = [], [], []
        for seed in SEEDS:
            wrong, planted = _plant(vectors, labels, kind, seed)
            classes = _classes(wrong, tuple(names), ranks)
            found = label_errors(Exact([vectors]), classes)
            ours.append(_found(found.scores, planted))
            share.append(float((found.scores > 0).mean()))
            plain.append(_found(_neighbours_against(vectors, wrong), planted))
        case = f"{len(labels)} {name}, {len(names)} classes, 5 % planted, {kind}"
        of = "planted found in the first 10 %"
        yield figure(case, "taxalens", f"{of}, mean of 5 seeds", float(np.mean(ours)))
        yield figure(case, "taxalens", f"{of}, standard deviation", float(np.std(ours)))
        yield figure(case, "10 neighbours", f"{of}, mean of 5 seeds", float(np.mean(plain)))
        yield figure(case, "10 neighbours", f"{of}, standard deviation", float(np.std(plain)))
        yield figure(case, "taxalens", "share of images flagged", float(np.mean(share)))


def _plant(vectors: Vectors, labels: Labels, kind: str, seed: int) -> tuple[Labels, Labels]:
    random = np.random.default_rng(seed)
    classes = int(labels.max()) + 1
    planted = random.choice(len(labels), round(SHARE * len(labels)), replace=False)
    wrong = labels.astype(np.int64)
    if kind == "uniform":
        wrong[planted] = (labels[planted] + random.integers(1, classes, len(planted))) % classes
    else:
        unit = vectors.astype(np.float32)
        means = np.stack([unit[labels == each].mean(axis=0) for each in range(classes)])
        means /= np.linalg.norm(means, axis=1, keepdims=True)
        likeness = unit[planted] @ means.T
        likeness[np.arange(len(planted)), labels[planted]] = -1
        wrong[planted] = likeness.argmax(axis=1)
    return wrong, planted


def _classes(labels: Labels, names: tuple[str, ...], ranks: Labels) -> Classes:
    rows = np.arange(len(labels))
    return Classes(rows, labels, names, np.arange(1, len(names) + 1), ranks)


def _neighbours_against(vectors: Vectors, labels: Labels) -> Floats:
    """The share of the nearest that is labelled otherwise; of equals the less alike first."""
    scores, rows = Exact([vectors]).search(vectors, NEIGHBOURS + 1)
    others = rows != np.arange(len(rows))[:, None]
    others[others.all(axis=1), -1] = False
    near = rows[others].reshape(len(rows), -1)
    cosines = scores[others].reshape(len(rows), -1).mean(axis=1)
    against: Floats = (labels[near] != labels[:, None]).mean(axis=1) - 1e-3 * cosines
    return against


def _found(scores: Floats, planted: Labels) -> float:
    first = np.argsort(-scores, kind="stable")[: round(LOOKED_AT * len(scores))]
    return float(np.isin(planted, first).mean())


if __name__ == "__main__":
    main()
