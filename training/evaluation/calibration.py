"""Calibration of zero-shot: expected calibration error of its softmax, before and after scaling.

Guo et al. 2017, "On Calibration of Modern Neural Networks": answers in BINS bins of one width by
confidence; the error is the mean gap between confidence and accuracy, weighted by answers.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from scipy.special import softmax

from search.classify.calibration import calibrate_classes
from training.evaluation.figures import BOOTSTRAP, Figure
from training.evaluation.intervals import Floats, percentiles, resample_weights
from training.evaluation.zero_shot import ZeroShot

BINS = 15
SEED = 0  # of the halves


def expected_calibration_error(confidence: Floats, right: npt.NDArray[np.bool_]) -> float:
    """Return the expected calibration error of answers, (n,) each."""
    return float(np.abs(_gaps(confidence, right).sum(axis=0)).sum() / len(right))


def figures(found: ZeroShot) -> Iterator[Figure]:
    """Yield the error of one half of the images: as it is, and calibrated on the other half.

    "before" is the softmax of cosines times the encoder's own scale, exp(logit_scale): 100 for CLIP
    and BioCLIP after training, less for others. SigLIP's bias is the same for all classes.
    """
    order = np.random.default_rng(SEED).permutation(len(found.truth))
    fitted, tested = np.split(order, 2) if len(order) % 2 == 0 else np.split(order[1:], 2)
    scores, truth = found.scores[tested], found.truth[tested]
    right = scores.argmax(axis=1) == truth
    before = softmax(scores * found.scale, axis=1).max(axis=1)
    calibration = calibrate_classes(found.scores[fitted], found.truth[fitted])
    after = calibration.confidences(scores)
    own = f", scale {found.scale:.3g}"
    for name, sure, scale in (("before", before, own), ("after", after, "")):
        gaps = _gaps(sure, right)
        resampled = np.abs(resample_weights(len(right)) @ gaps).sum(axis=1) / len(right)
        low, high = percentiles(resampled)
        error = expected_calibration_error(sure, right)
        how = BOOTSTRAP.format("images")
        setting = f"{found.setting}, {BINS} bins, a half of the images{scale}"
        yield Figure(
            f"zero-shot ECE {name}", error, low, high, len(right), "", setting, str(SEED), how
        )


def _gaps(confidence: Floats, right: npt.NDArray[np.bool_]) -> npt.NDArray[np.float64]:
    """Return confidence less right, in the column of the answer's bin: (n, BINS)."""
    bins = np.minimum((confidence * BINS).astype(np.int64), BINS - 1)
    gaps = np.zeros((len(right), BINS))
    gaps[np.arange(len(right)), bins] = confidence - right
    return gaps
