"""How sure an answer is: confidence and sets of labels, from examples that were left out."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.sparse import csr_array, hstack, vstack
from sklearn.linear_model import LogisticRegression

from search.labelling.classifiers import Scores
from search.labelling.leave_one_out import LeftOut

Confidences = npt.NDArray[np.float64]
_FACTORS = np.geomspace(0.05, 500, 120)
_SURE = 1e-6  # no probability is nearer to 0 or 1


@dataclass(frozen=True, slots=True, eq=False)
class Calibration:
    """What scores of one method are worth."""

    factor: float
    """times a score: what a softmax turns into a probability"""
    slope: float
    offsets: Confidences
    """(classes,) of the log-odds that an answer is right"""
    misfits: Confidences
    """1 - the probability of the right class, of the examples that were left out; ascending"""

    def confidences(self, scores: Scores) -> Confidences:
        """Return how probably the highest of each row of scores is right, (n,).

        Every class has an offset of its own, so one threshold for all is one for each class.
        """
        sure = _log_odds(probabilities(scores, self.factor).max(axis=1))
        odds = self.slope * sure + self.offsets[scores.argmax(axis=1)]
        confidences: Confidences = 1 / (1 + np.exp(-odds))
        return confidences

    def sets(self, scores: Scores, level: float) -> npt.NDArray[np.bool_]:
        """Return the classes, (n, classes), of which one is right in a share `level` of cases.

        Conformal prediction (Sadinle et al. 2019, "Least ambiguous set-valued classifiers"): a
        class is in the set if its probability is as high as that of the right class in the share
        (m + 1) level / m of m examples that were left out. Holds for images drawn as the
        examples were. The answer itself is always in.
        """
        m = len(self.misfits)
        place = int(np.ceil((m + 1) * level)) - 1
        most = self.misfits[place] if place < m else 1.0
        chosen = 1 - probabilities(scores, self.factor) <= most
        chosen[np.arange(len(scores)), scores.argmax(axis=1)] = True
        return chosen


def calibrate(left: LeftOut) -> Calibration:
    """Learn from examples that were left out.

    Platt scaling with his smoothed targets (Platt 1999, "Probabilistic outputs for support vector
    machines", section 2.2), so that examples that are all right do not make sure of anything; the
    offsets of classes are drawn towards a common one by scikit-learn's penalty.
    """
    known = np.arange(len(left.classes)), left.classes
    right = left.right
    losses = [-np.log(probabilities(left.scores, each)[known]).mean() for each in _FACTORS]
    factor = float(_FACTORS[int(np.argmin(losses))])
    sure = probabilities(left.scores, factor)
    columns = np.arange(len(right)), left.answers
    answered = csr_array((np.ones(len(right)), columns), shape=left.scores.shape)
    features = hstack([_log_odds(sure.max(axis=1))[:, None], answered])
    yes, no = right.sum(), (~right).sum()
    targets = np.where(right, (yes + 1) / (yes + 2), 1 / (no + 2))
    model = LogisticRegression()
    model.fit(
        vstack([features, features]),
        np.repeat([1, 0], len(right)),
        np.concatenate([targets, 1 - targets]),
    )
    slope, *offsets = model.coef_[0]
    misfits = np.sort(1 - sure[known])
    return Calibration(factor, float(slope), np.array(offsets) + model.intercept_[0], misfits)


def probabilities(scores: Scores, factor: float) -> Confidences:
    """Return the softmax of scores times a factor, (n, classes)."""
    odds = scores.astype(np.float64) * factor
    powers = np.exp(odds - odds.max(axis=1, keepdims=True))
    shares: Confidences = powers / powers.sum(axis=1, keepdims=True)
    return np.clip(shares, _SURE, 1 - _SURE)


def _log_odds(shares: Confidences) -> Confidences:
    odds: Confidences = np.log(shares / (1 - shares))
    return odds
