"""What is learned from examples: a method, how well it does, and what its scores are worth."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from indexer.backends.exact import Exact
from model.errors import Error
from search import html
from search.labelling.calibration import Calibration, calibrate
from search.labelling.classifiers import NEIGHBOURS, Fitted, Support, load
from search.labelling.examples import Examples
from search.labelling.leave_one_out import AUTO, LeftOut, try_methods

MOST_SHOWN = 20  # classes in a notebook


class Confused(NamedTuple):
    """How often examples of one class, left out, were taken for another."""

    label: str
    answer: str
    times: int
    examples: int
    """of that class that were left out"""


@dataclass(frozen=True, slots=True)
class Learnt:
    """What was learned from examples, and how well it does on those that were left out."""

    examples: Examples
    support: Support
    method: str
    tried: tuple[LeftOut, ...]
    """of each method that was tried; none where no class has two examples"""
    fitted: Fitted
    calibration: Calibration | None
    """None where nothing could be left out"""

    def __str__(self) -> str:
        """Describe it: "probe from 60 examples of 12 classes"."""
        return (
            f"{self.method} from {len(self.support)} examples of {len(self.examples.said)} classes"
        )

    @property
    def left_out(self) -> LeftOut | None:
        """What the method says of examples that were left out."""
        return next((each for each in self.tried if each.method == self.method), None)

    def confused(self) -> list[Confused]:
        """Return which classes were taken for which others, most often first."""
        if self.left_out is None:
            return []
        counts = self.left_out.confusion
        pairs = [(a, b) for a, b in np.argwhere(counts).tolist() if a != b]
        pairs.sort(key=lambda pair: -counts[pair])
        names = [each.label for each in self.examples.said]
        asked = counts.sum(axis=1)
        return [Confused(names[a], names[b], int(counts[a, b]), int(asked[a])) for a, b in pairs]

    def _repr_html_(self) -> str:
        """Return which of the classes that are confused most were taken for which, as a table."""
        if self.left_out is None:
            return html.table(f"{self}: nothing could be left out", (), ())
        shown = self.left_out.most_confused(MOST_SHOWN)
        names = [self.examples.said[each].label for each in shown]
        counts = self.left_out.confusion[np.ix_(shown, shown)].tolist()
        told = f"leave-one-out top-1 {self.left_out.accuracy:.3f}, {self}"
        return html.matrix(told, names, counts)


def learn(
    examples: Examples, exact: Exact, method: str = AUTO, neighbours: int = NEIGHBOURS
) -> Learnt:
    """Learn from examples by one method, or by the one that they prefer.

    `neighbours` is how many examples vote in k-NN. Raises UnknownName where there is no such
    method.
    """
    vectors = exact.gather(examples.rows).astype(np.float32)
    support = Support(vectors, examples.classes, neighbours)
    method, tried = try_methods(support, method)
    left = next((each for each in tried if each.method == method), None)
    calibration = calibrate(left) if left else None
    return Learnt(examples, support, method, tried, load(method).fit(support), calibration)


def check(learnt: Learnt, precision: float, sets: float) -> None:
    """Raise Error for a precision or level that is none, or that examples cannot tell of."""
    for name, share in (("precision", precision), ("the level of sets", sets)):
        if not 0 <= share < 1:
            raise Error(f"{name} is a share, from 0 to less than 1, not {share:g}.")
    if (precision or sets) and learnt.calibration is None:
        raise Error(
            "With one example of each class nothing tells how sure a label is: give two of some, "
            "or ask for neither a precision nor sets."
        )
