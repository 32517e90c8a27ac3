"""What examples teach: the learner of `identify`, judged by the examples that are left out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from model.errors import BadInput, Error
from model.vectors import Features
from search import html
from search.classify.calibration import ClassCalibration, calibrate_classes
from search.classify.classifiers import Scores
from search.classify.classifiers.probe import fit_affordable
from search.classify.conformal import Misfits, nonconformity
from search.classify.fitting import FOLDS, leave_out
from search.classify.reference_set import Flags, Numbers, ReferenceSet
from search.classify.votes import COUNTED, UNFITTED, Voters, Weights, fit_weights, voters_of
from search.classify.whitening import Whitening, fit_whitening
from search.label.examples import Examples

if TYPE_CHECKING:
    import altair as alt


class Confused(NamedTuple):
    """How often examples of one class, left out, were taken for another."""

    label: str
    answer: str
    times: int
    examples: int
    """of that class that were left out"""


@dataclass(frozen=True, slots=True, eq=False)
class LeftOutScores:
    """Scores of examples that were left out."""

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


@dataclass(frozen=True, slots=True, eq=False)
class Learner:
    """Votes fitted to examples, and how well they do on those that were left out."""

    examples: Examples
    reference: ReferenceSet
    voters: Voters
    weights: Weights
    left_out: LeftOutScores | None
    """None where no class has two examples"""
    calibration: ClassCalibration | None
    """None where nothing could be left out"""
    misfits: Misfits | None
    """of the examples that were left out; None where nothing could be"""

    def __str__(self) -> str:
        """Describe it: "60 examples of 12 classes"."""
        return f"{len(self.reference)} examples of {len(self.examples.said)} classes"

    def scores(self, images: Features) -> Scores:
        """Return the score of each class for images (n, dim), unit rows: (n, classes)."""
        votes = self.voters.vote(images, itself_from=COUNTED)
        return votes.logits(self.weights).astype(np.float32)

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


def learn(examples: Examples, reference: ReferenceSet) -> Learner:
    """Fit to examples; the weights of the votes and the calibration to those that are left out."""
    whitening = fit_whitening(reference)
    voters = voters_of(reference, whitening, fit_affordable(reference))
    weights, left = fit_left_out(reference, whitening)
    if left is None:
        return Learner(examples, reference, voters, weights, None, None, None)
    calibration = calibrate_classes(left.scores, left.classes)
    sizes = reference.sizes
    misfits = Misfits(
        nonconformity(calibration.shares(left.scores), left.classes),
        left.classes,
        taught=sizes - -(-sizes // FOLDS),
        sizes=sizes,
    )
    return Learner(examples, reference, voters, weights, left, calibration, misfits)


def fit_left_out(
    reference: ReferenceSet, whitening: Whitening
) -> tuple[Weights, LeftOutScores | None]:
    """Return weights, and by these the scores of examples that were left out; None without any."""
    folds = leave_out(reference, None, whitening, by_scene=False)
    if not folds:
        return UNFITTED, None
    classes = reference.classes[np.concatenate([fold.places for fold in folds])]
    weights = fit_weights([fold.votes for fold in folds], classes)
    scores = np.concatenate([fold.votes.logits(weights) for fold in folds])
    return weights, LeftOutScores(classes, scores.astype(np.float32))


def check(learner: Learner, precision: float, sets: float) -> None:
    """Raise BadInput for a share out of range, Error for one that examples cannot calibrate."""
    for name, share in (("precision", precision), ("the level of sets", sets)):
        if isinstance(share, str) or not 0 <= share < 1:
            raise BadInput(f"{name} is a share, from 0 to less than 1, not {share!r}.")
    if (precision or sets) and learner.calibration is None:
        raise Error(
            "With one example of each class nothing tells how sure a label is: give two of some, "
            "or ask for neither a precision nor sets."
        )
