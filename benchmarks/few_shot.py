"""How well a few examples teach labels: `label`'s learner beside single methods, on photographs.

`python -m benchmarks.few_shot` needs a folder of bird and of flower photographs, which are not part
of taxalens, and vectors of BioCLIP 2. Examples are drawn by five seeds; all others are tested.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.discriminant_analysis import LinearDiscriminantAnalysis
from tqdm import tqdm

from benchmarks.photographs import Images, made_up, orders, photographs
from benchmarks.report import figure, write_report
from search.classify.calibration import calibrate_classes
from search.classify.classifiers import load, methods
from search.classify.classifiers.probe import fit_affordable
from search.classify.conformal import conformal_sets, nonconformity, quantile
from search.classify.reference_set import ReferenceSet, reference_set
from search.classify.votes import voters_of
from search.classify.whitening import fit_whitening
from search.label.learner import LeftOutScores, fit_left_out

SEEDS = 5
SHOTS = (1, 5, 10, 15)
LDA, OURS = "LDA", "taxalens"
LEVEL = 0.9
Figures = Iterator[dict[str, object]]
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Split:
    """Examples, and what is tested."""

    reference: ReferenceSet
    vectors: Floats
    classes: Ints

    def alone(self) -> Iterator[tuple[str, LeftOutScores]]:
        """Score what is tested by single methods."""
        for method in methods():
            scores = load(method).fit(self.reference).scores(self.vectors)
            yield method, LeftOutScores(self.classes, scores)
        if self.reference.sizes.max() > 1:
            model = LinearDiscriminantAnalysis(solver="lsqr", shrinkage="auto")
            model.fit(self.reference.vectors, self.reference.classes)
            yield LDA, LeftOutScores(self.classes, model.decision_function(self.vectors))

    def learnt(self) -> tuple[LeftOutScores, LeftOutScores | None]:
        """Score what is tested, and the examples left out, by the learner of `label`."""
        weights, left = fit_left_out(self.reference, fit_whitening(self.reference))
        whitening, probe = fit_whitening(self.reference), fit_affordable(self.reference)
        votes = voters_of(self.reference, whitening, probe).vote(self.vectors)
        return LeftOutScores(self.classes, votes.logits(weights).astype(np.float32)), left


def main() -> None:
    figures: list[dict[str, object]] = []
    sets = [(name, photographs(name)) for name in ("birds", "flowers")]
    for name, images in (*sets, ("BioCLIP 2 orders", orders()), ("made-up species", made_up())):
        for shots in SHOTS:
            if np.bincount(images.classes).min() > shots:
                case = f"{len(images.vectors)} {name}, {len(images.taxa)} classes, {shots}-shot"
                figures += _few_shot(case, images, shots)
    write_report("few-shot", figures)


def _few_shot(case: str, images: Images, shots: int) -> Figures:
    accuracies: dict[str, list[float]] = {}
    sure = list[tuple[float, ...]]()
    for seed in tqdm(range(SEEDS), desc=case):
        split = _drawn(images.vectors, images.classes, shots, seed)
        ours, left = split.learnt()
        for method, result in (*split.alone(), (OURS, ours)):
            accuracies.setdefault(method, []).append(result.accuracy)
        if left:
            sure.append((left.accuracy, *_sure(left, ours)))
    best = max(float(np.mean(shares)) for name, shares in accuracies.items() if name != OURS)
    for method, shares in accuracies.items():
        yield figure(case, method, "top-1, mean of 5 seeds", float(np.mean(shares)))
        yield figure(case, method, "top-1, standard deviation", float(np.std(shares)))
    yield figure(case, OURS, "more than the best of the others", np.mean(accuracies[OURS]) - best)
    told = ("leave-one-out top-1", f"precision at --precision {LEVEL}", "labelled at that")
    told += (f"right label in the set, --sets {LEVEL}", "labels in it")
    for metric, value in zip(told, np.mean(sure, axis=0) if sure else (), strict=False):
        yield figure(case, OURS, metric, float(value))


def _sure(left: LeftOutScores, tested: LeftOutScores) -> tuple[float, ...]:
    """Precision and coverage at a precision; coverage and size of conformal sets."""
    calibration = calibrate_classes(left.scores, left.classes)
    given = calibration.confidences(tested.scores) >= LEVEL
    misfits = nonconformity(calibration.shares(left.scores), left.classes)
    threshold = quantile(misfits, np.ones(len(misfits)), LEVEL)  # classes are of one size here
    sets = conformal_sets(calibration.shares(tested.scores), threshold)
    right = sets[np.arange(len(sets)), tested.classes]
    sizes = sets.sum(axis=1)
    precision = tested.right[given].mean() if given.any() else np.nan
    return float(precision), float(given.mean()), float(right.mean()), float(sizes.mean())


def _drawn(vectors: Floats, classes: Ints, shots: int, seed: int) -> Split:
    random = np.random.default_rng(seed)
    drawn = [
        random.choice(np.flatnonzero(classes == each), shots, replace=False)
        for each in range(classes.max() + 1)
    ]
    support = np.concatenate(drawn)
    tested = np.setdiff1d(np.arange(len(vectors)), support)
    return Split(
        reference_set(vectors[support], classes[support]), vectors[tested], classes[tested]
    )


if __name__ == "__main__":
    main()
