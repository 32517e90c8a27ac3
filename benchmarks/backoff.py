"""How deep and how surely images are identified from a few labelled ones a class.

`python -m benchmarks.backoff` needs the folders of bird and flower photographs. Of each class a
few images are labelled and all others tested; calibration sees the labelled ones alone, each left
out of its own votes. Every figure is a mean over SEEDS draws.
"""

from collections.abc import Iterator, Sequence

import numpy as np
import numpy.typing as npt

from benchmarks.photographs import FOLDERS, photographs
from benchmarks.report import figure, write_report
from model.taxon import RANKS, Taxon
from search.classify.backoff import deepest
from search.classify.fitting import classifier_of
from search.classify.reference_set import ReferenceSet
from search.classify.taxon_tree import TaxonTree, key_at, tree_of
from search.zero_shot.candidates import Candidates, candidates_of, table_of

SEEDS, SHOTS, PRECISION = 5, (5, 15), 0.9
Figures = Iterator[dict[str, object]]
Floats = npt.NDArray[np.float32]


def main() -> None:
    figures: list[dict[str, object]] = []
    for name in FOLDERS:
        images = photographs(name)
        assert images.texts is not None
        candidates = candidates_of(images.texts, table_of(images.taxa))
        for shots in SHOTS:
            figures += measured(
                name, shots, images.vectors, images.classes, images.taxa, candidates
            )
    write_report("backoff", figures)


def measured(
    name: str,
    shots: int,
    vectors: Floats,
    numbers: npt.NDArray[np.int64],
    taxa: Sequence[Taxon],
    candidates: Candidates,
    seeds: range = range(SEEDS),
) -> Figures:
    tree = tree_of(taxa)
    runs = [_run(shots, vectors, numbers, tree, candidates, seed) for seed in seeds]
    for metric in runs[0]:
        values = np.array([run[metric] for run in runs])
        if np.isnan(values).all():
            continue
        system = f"{name}, {shots} a class"
        case = f"--precision {PRECISION}, {len(runs)} draws"
        yield figure(case, system, metric, float(np.nanmean(values)))
        yield figure(case, system, f"{metric}, standard deviation", float(np.nanstd(values)))


def _run(
    shots: int,
    vectors: Floats,
    numbers: npt.NDArray[np.int64],
    tree: TaxonTree,
    candidates: Candidates,
    seed: int,
) -> dict[str, float]:
    rng = np.random.default_rng(seed)
    classes = range(len(tree))
    support = np.concatenate(
        [rng.choice(np.flatnonzero(numbers == c), shots, replace=False) for c in classes]
    )
    tested = np.setdiff1d(np.arange(len(numbers)), support)
    reference = ReferenceSet(vectors[support], numbers[support], len(tree), tree)
    classifier = classifier_of(reference, candidates)
    assert classifier.backoff is not None
    predictions = classifier.predict(vectors[tested])
    confidence = classifier.backoff.confidence(predictions.features, predictions.likeness)
    depth = deepest(confidence, predictions.answered, classifier.backoff.cutoff(PRECISION))
    truth = [tree.taxa[number] for number in numbers[tested]]
    right = np.array(
        [
            rank >= 0 and key_at(found, rank) == key_at(true, rank)
            for found, true, rank in zip(predictions.taxa, truth, depth, strict=True)
        ]
    )
    best = np.array([a.key == b.key for a, b in zip(predictions.taxa, truth, strict=True)])
    ends = predictions.answered.shape[1] - 1 - predictions.answered[:, ::-1].argmax(axis=1)
    whole = depth == ends
    found = {
        "top-1 of the best lineage": float(best.mean()),
        "answered down to the label's rank, species or genus": float(whole.mean()),
        "of these right": float(right[whole].mean()),
        "answered at any rank": float((depth >= 0).mean()),
        "of all answers right": float(right[depth >= 0].mean()),
    }
    for rank in reversed(range(len(RANKS))):
        here = depth == rank
        found[f"answered at {RANKS[rank]}"] = float(here.mean())
        found[f"of these right, {RANKS[rank]}"] = (
            float(right[here].mean()) if here.any() else np.nan
        )
    return found


if __name__ == "__main__":
    main()
