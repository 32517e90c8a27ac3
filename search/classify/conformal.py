"""Conformal sets: classes of which one is right in a share of cases (Sadinle et al. 2019)."""

import numpy as np
import numpy.typing as npt

from search.classify.reference_set import Flags, Numbers

Shares = npt.NDArray[np.float64]


def nonconformity(shares: Shares, truth: Numbers) -> Shares:
    """Return 1 - the probability of the true class, ascending, of m specimens that were left out.

    `shares` (m, classes) are probabilities, `truth` (m,) classes.
    """
    return np.sort(1 - shares[np.arange(len(truth)), truth])


def conformal_sets(shares: Shares, scores: Shares, level: float) -> Flags:
    """Return the classes, (n, classes), of which one is right in a share `level` of cases.

    "Least ambiguous set-valued classifiers with bounded error levels": a class is in the set if
    its nonconformity is at most the ⌈(m + 1) level⌉-th of the m `scores`, ascending; any class is
    where there are fewer. Holds for images drawn as the specimens were. The likeliest class is
    always in, so that no set is empty.
    """
    place = int(np.ceil((len(scores) + 1) * level)) - 1
    most = scores[place] if place < len(scores) else 1.0
    chosen: Flags = 1 - shares <= most
    chosen[np.arange(len(shares)), shares.argmax(axis=1)] = True
    return chosen
