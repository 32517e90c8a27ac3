"""Leave-one-out on the examples: how well each method does on those it has not seen.

Of every class one example at a time is left out, and all that were are asked for. To leave out
one alone would judge a method by a class that has fewer examples than the others: of two examples
a class SimpleShot then seems to get a quarter right, though it gets two thirds. Where a class has
more than FOLDS examples, a share of them is left out at a time; its only example never is.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from indexer.backends import Rows
from search.labelling.classifiers import Scores, Support, load, methods

AUTO = "auto"
FOLDS = 5
MOST_ASKED = 10_000  # examples: more measure no better
ORDER = ("probe", "centroid", "knn")  # what is taken where examples do not tell
ONE_SHOT = "centroid"  # where no class has two examples, so that nothing can be left out
PROBE_MOST = 1e9  # examples x classes x numbers: a minute or two for the probe


@dataclass(frozen=True, slots=True, eq=False)
class LeftOut:
    """What a method says of examples that were left out."""

    method: str
    classes: Rows
    """(m,) what they are"""
    scores: Scores
    """(m, classes)"""

    @property
    def answers(self) -> Rows:
        """The class with the highest score, (m,)."""
        answers: Rows = self.scores.argmax(axis=1)
        return answers

    @property
    def right(self) -> npt.NDArray[np.bool_]:
        """Whether it is the right one, (m,)."""
        right: npt.NDArray[np.bool_] = self.answers == self.classes
        return right

    @property
    def accuracy(self) -> float:
        """The share of right answers: top-1."""
        return float(self.right.mean())

    @property
    def confusion(self) -> Rows:
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


def leave_one_out(support: Support, method: str) -> LeftOut | None:
    """Return what a method says of every example of a class with several; None if none has."""
    folds = _folds(support)
    step = -(-len(support) // MOST_ASKED)
    asked, scores = list[Rows](), list[Scores]()
    for fold in range(folds.max() + 1):
        kept = folds != fold
        left = Support(support.vectors[kept], support.classes[kept], support.neighbours)
        asked.append(np.flatnonzero(folds == fold)[::step])
        scores.append(load(method).fit(left).scores(support.vectors[asked[-1]]))
    if not asked:
        return None
    return LeftOut(method, support.classes[np.concatenate(asked)], np.concatenate(scores))


def try_methods(support: Support, method: str = AUTO) -> tuple[str, tuple[LeftOut, ...]]:
    """Return the method to use, and what each that was tried says of examples left out.

    `auto` tries all, except a probe that would take long, and takes what `preferred` says;
    ONE_SHOT where no class has two examples. Raises UnknownName where there is no such method.
    """
    tried = []
    for each in methods() if method == AUTO else [method]:
        cost = support.vectors.size * len(support.shots)
        if method == AUTO and each == "probe" and cost > PROBE_MOST:
            continue
        if left := leave_one_out(support, each):
            tried.append(left)
    if method != AUTO:
        return method, tuple(tried)
    return preferred(tried).method if tried else ONE_SHOT, tuple(tried)


def preferred(tried: Sequence[LeftOut]) -> LeftOut:
    """Return the one with most right answers; where a difference may be chance, the first in ORDER.

    That is where it is at most two standard errors of the difference on the same examples.
    """
    best = max(tried, key=lambda each: each.accuracy)
    alike = [each for each in tried if _difference(best, each) <= 2 * _error(best, each)]
    known = {method: place for place, method in enumerate(ORDER)}
    return min(alike, key=lambda each: known.get(each.method, len(known)))


def _difference(best: LeftOut, other: LeftOut) -> float:
    return best.accuracy - other.accuracy


def _error(best: LeftOut, other: LeftOut) -> float:
    differences = best.right.astype(float) - other.right
    return float(differences.std() / np.sqrt(len(differences)))


def _folds(support: Support) -> Rows:
    """Return when each example is left out, (n,); -1 is never."""
    order = np.argsort(support.classes, kind="stable")
    starts = np.cumsum(support.shots) - support.shots
    in_class = np.empty(len(support), np.int64)
    in_class[order] = np.arange(len(support)) - starts[support.classes[order]]
    several: Rows = np.where(support.shots[support.classes] > 1, in_class % FOLDS, -1)
    return several
