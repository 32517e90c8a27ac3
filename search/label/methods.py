"""Methods compared on examples: each scores those that are left out, and the best one is taken."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from model.errors import BadInput, Error
from search import html
from search.classify.calibration import ClassCalibration, calibrate_classes
from search.classify.classifiers import NEIGHBOURS, Scorer, Scores, load, methods
from search.classify.conformal import nonconformity
from search.classify.leave_one_out import left_out
from search.classify.reference_set import Flags, Numbers, ReferenceSet
from search.label.examples import Examples

if TYPE_CHECKING:
    import altair as alt

AUTO = "auto"
FOLDS = 5
MOST_SCORED = 10_000  # examples: more measure no better
ORDER = ("probe", "centroid", "knn")  # which is taken where examples do not tell; others after
ONE_SHOT = "centroid"  # where no class has two examples, so that nothing can be left out
PROBE_MOST = 1e9  # examples x classes x numbers: a minute or two for the probe


class Confused(NamedTuple):
    """How often examples of one class, left out, were taken for another."""

    label: str
    answer: str
    times: int
    examples: int
    """of that class that were left out"""


@dataclass(frozen=True, slots=True, eq=False)
class LeftOutScores:
    """The scores of one method on examples that were left out."""

    method: str
    classes: Numbers
    """(m,) the true classes"""
    scores: Scores
    """(m, classes)"""

    @property
    def answers(self) -> Numbers:
        """The class with the highest score, (m,)."""
        answers: Numbers = self.scores.argmax(axis=1)
        return answers

    @property
    def right(self) -> Flags:
        """Whether it is the true one, (m,)."""
        right: Flags = self.answers == self.classes
        return right

    @property
    def accuracy(self) -> float:
        """The share of right answers: top-1."""
        return float(self.right.mean())

    @property
    def confusion(self) -> Numbers:
        """How many examples of each class got which answer, (classes, classes)."""
        counts = np.zeros((self.scores.shape[1],) * 2, np.int64)
        np.add.at(counts, (self.classes, self.answers), 1)
        return counts

    def most_confused(self, most: int) -> list[int]:
        """Return the classes that are confused most, at most so many, in their order."""
        counts = self.confusion
        wrong = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
        shown: list[int] = np.sort(np.argsort(-wrong, kind="stable")[:most]).tolist()
        return shown


@dataclass(frozen=True, slots=True)
class FittedMethod:
    """A method fitted to examples, and how well it does on those that were left out."""

    examples: Examples
    reference: ReferenceSet
    method: str
    tried: tuple[LeftOutScores, ...]
    """each method that was tried; none where no class has two examples"""
    scorer: Scorer
    calibration: ClassCalibration | None
    """None where nothing could be left out"""
    nonconformity: npt.NDArray[np.float64]
    """of the examples that were left out, ascending"""

    def __str__(self) -> str:
        """Describe it: "probe from 60 examples of 12 classes"."""
        count = len(self.examples.said)
        return f"{self.method} from {len(self.reference)} examples of {count} classes"

    @property
    def left_out(self) -> LeftOutScores | None:
        """The method's scores on examples that were left out."""
        return next((each for each in self.tried if each.method == self.method), None)

    def confused(self) -> list[Confused]:
        """Return which classes were taken for which others, most often first."""
        if self.left_out is None:
            return []
        counts = self.left_out.confusion
        pairs = [(a, b) for a, b in np.argwhere(counts).tolist() if a != b]
        pairs.sort(key=lambda pair: -counts[pair])
        names = [each.label for each in self.examples.said]
        scored = counts.sum(axis=1)
        return [Confused(names[a], names[b], int(counts[a, b]), int(scored[a])) for a, b in pairs]

    def plot(self) -> "alt.Chart | None":
        """Return which of the most confused classes were taken for which; None where unknown."""
        if (left := self.left_out) is None:
            return None
        from search.plots import MOST_CLASSES, confusion_plot

        labels = [each.label for each in self.examples.said]
        title = f"leave-one-out top-1 {left.accuracy:.3f}, {self}"
        return confusion_plot(labels, left.confusion, left.most_confused(MOST_CLASSES), title)

    def _repr_html_(self) -> str:
        """Return the plot as a notebook shows it."""
        from search.plots import svg

        plot = self.plot()
        return html.table(f"{self}: no example left out", (), ()) if plot is None else svg(plot)


def fit_method(
    examples: Examples,
    reference: ReferenceSet,
    method: str = AUTO,
    neighbours: int = NEIGHBOURS,
) -> FittedMethod:
    """Fit one method to examples, or the one that leave-one-out prefers.

    `neighbours` is how many examples vote in k-NN. Raises UnknownName for an unknown method.
    """
    method, tried = try_methods(reference, method, neighbours)
    left = next((each for each in tried if each.method == method), None)
    scorer = load(method).fit(reference, neighbours)
    if left is None:
        return FittedMethod(examples, reference, method, tried, scorer, None, np.empty(0))
    calibration = calibrate_classes(left.scores, left.classes)
    misfits = nonconformity(calibration.shares(left.scores), left.classes)
    return FittedMethod(examples, reference, method, tried, scorer, calibration, misfits)


def check(fitted: FittedMethod, precision: float, sets: float) -> None:
    """Raise BadInput for a share out of range, Error for one that examples cannot calibrate."""
    for name, share in (("precision", precision), ("the level of sets", sets)):
        if isinstance(share, str) or not 0 <= share < 1:
            raise BadInput(f"{name} is a share, from 0 to less than 1, not {share!r}.")
    if (precision or sets) and fitted.calibration is None:
        raise Error(
            "With one example of each class nothing tells how sure a label is: give two of some, "
            "or ask for neither a precision nor sets."
        )


def score_left_out(
    reference: ReferenceSet, method: str, neighbours: int = NEIGHBOURS
) -> LeftOutScores | None:
    """Return a method's scores on every example of a class with several; None where none has."""
    step = -(-len(reference) // MOST_SCORED)
    asked, scores = list[Numbers](), list[Scores]()
    for places, others in left_out(reference, FOLDS):
        asked.append(places[::step])
        scores.append(load(method).fit(others, neighbours).scores(reference.vectors[asked[-1]]))
    if not asked:
        return None
    return LeftOutScores(method, reference.classes[np.concatenate(asked)], np.concatenate(scores))


def try_methods(
    reference: ReferenceSet, method: str = AUTO, neighbours: int = NEIGHBOURS
) -> tuple[str, tuple[LeftOutScores, ...]]:
    """Return the method to use, and the scores of each that was tried.

    `auto` tries all, except a probe that would take long, and takes the `preferred` one;
    ONE_SHOT where no class has two examples. Raises UnknownName for an unknown method.
    """
    tried = []
    for each in methods() if method == AUTO else [method]:
        cost = reference.vectors.size * reference.count
        if method == AUTO and each == "probe" and cost > PROBE_MOST:
            continue
        if left := score_left_out(reference, each, neighbours):
            tried.append(left)
    if method != AUTO:
        return method, tuple(tried)
    return preferred(tried).method if tried else ONE_SHOT, tuple(tried)


def preferred(tried: Sequence[LeftOutScores]) -> LeftOutScores:
    """Return the one with most right answers; where a difference may be chance, the first in ORDER.

    It may where it is at most two standard errors of the difference on the same examples.
    """
    best = max(tried, key=lambda each: each.accuracy)
    alike = [each for each in tried if best.accuracy - each.accuracy <= 2 * _error(best, each)]
    known = {method: place for place, method in enumerate(ORDER)}
    return min(alike, key=lambda each: known.get(each.method, len(known)))


def _error(best: LeftOutScores, other: LeftOutScores) -> float:
    differences = best.right.astype(float) - other.right
    return float(differences.std() / np.sqrt(len(differences)))
