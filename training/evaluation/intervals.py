"""Bootstrap intervals (95 %, percentiles) of means and of sums that depend on weights."""

from functools import lru_cache

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating]
RESAMPLES = 1000
SEED = 0
_TOGETHER = 1 << 22  # numbers of weights drawn at once


@lru_cache(maxsize=2)
def resample_weights(n: int) -> npt.NDArray[np.float32]:
    """Return how often each of n items is drawn by each resample: (RESAMPLES, n), rows sum to n."""
    rng = np.random.default_rng(SEED)
    step = max(1, _TOGETHER // max(1, n))
    parts = []
    for start in range(0, RESAMPLES, step):
        many = min(step, RESAMPLES - start)
        drawn = rng.integers(n, size=(many, n)) + n * np.arange(many)[:, None]
        parts.append(np.bincount(drawn.ravel(), minlength=many * n).reshape(many, n))
    return np.concatenate(parts).astype(np.float32)


Interval = tuple[float | None, float | None]


def percentiles(values: Floats) -> Interval:
    """Return the 2.5th and 97.5th percentile of resampled values; those that are NaN don't count.

    A resample is NaN where it drew no item that the value could be computed from.
    """
    known = values[np.isfinite(values)]
    if not len(known):
        return None, None
    low, high = np.percentile(known, [2.5, 97.5])
    return float(low), float(high)


def interval_of_mean(outcomes: Floats, times: Floats | None = None) -> Interval:
    """Return the interval of sum(outcomes) / sum(times) over resampled items, both (n,).

    `times` is how often each item was tested, by default once.
    """
    weights = resample_weights(len(outcomes))
    counted = np.ones(len(outcomes)) if times is None else times
    with np.errstate(invalid="ignore", divide="ignore"):
        return percentiles((weights @ outcomes) / (weights @ counted))
