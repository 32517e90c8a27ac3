"""How often the sets of `label --sets` hold the right label where few classes have many examples.

`python -m benchmarks.label_sets` needs the folders of bird and flower photographs. The classes have
from the largest number of examples down to 1, each about as much fewer than the last. Every figure
is a mean over the classes, each counted alike, and over SEEDS. *One threshold* is that of all
examples together, as in Sadinle et al. 2019.
"""

from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
from tqdm import tqdm

from benchmarks.few_shot import Split
from benchmarks.photographs import Images, photographs
from benchmarks.report import figure, write_report
from search.classify.calibration import calibrate_classes
from search.classify.conformal import Misfits, conformal_sets, nonconformity, quantile
from search.classify.reference_set import reference_set

SEEDS, LEVELS, RARE = range(4), (0.8, 0.9, 0.95), 2
MOST = {"birds": 24, "flowers": 40}  # examples of the largest class
TESTED = 1500  # images in a seed
Figures = Iterator[dict[str, object]]


def main() -> None:
    figures: list[dict[str, object]] = []
    for name, most in MOST.items():
        figures += _figures(name, photographs(name), most)
    write_report("sets", figures)


def _figures(name: str, images: Images, most: int) -> Figures:
    case = f"{len(images.vectors)} {name}, {most} examples to 1"
    runs = [_run(images, most, seed) for seed in tqdm(SEEDS, desc=case)]
    for system, metric in runs[0]:
        yield figure(case, system, metric, np.mean([run[system, metric] for run in runs]))


def _run(images: Images, most: int, seed: int) -> dict[tuple[str, str], float]:
    random, classes = np.random.default_rng(seed), images.classes
    count = int(classes.max()) + 1
    steps = random.permutation(count) / count
    sizes = np.maximum(1, np.round(most ** (1 - steps))).astype(np.int64)
    drawn = [
        random.choice(np.flatnonzero(classes == each), size, replace=False)
        for each, size in enumerate(sizes)
    ]
    support = np.concatenate(drawn)
    tested = random.permutation(np.setdiff1d(np.arange(len(classes)), support))[:TESTED]
    reference = reference_set(images.vectors[support], classes[support], count)
    found, left = Split(reference, images.vectors[tested], classes[tested]).learnt()
    assert left is not None
    calibration = calibrate_classes(left.scores, left.classes)
    scores = nonconformity(calibration.shares(left.scores), left.classes)
    misfits = Misfits(scores, left.classes, sizes - -(-sizes // 10), sizes)
    shares = calibration.shares(found.scores)
    figures = {}
    for level in LEVELS:
        for system, threshold in (
            ("taxalens", misfits.thresholds(level)),
            ("one threshold", quantile(scores, np.ones(len(scores)), level)),
        ):
            sets = conformal_sets(shares, threshold)
            held = _by_class(sets[np.arange(len(sets)), found.classes], found.classes)
            named = f"--sets {level}"
            figures[system, f"{named}: right label in the set"] = float(np.nanmean(held))
            rare = float(np.nanmean(held[sizes <= RARE]))
            figures[system, f"{named}: the same, classes of {RARE} examples or 1"] = rare
            labels = _by_class(sets.sum(axis=1), found.classes)
            figures[system, f"{named}: labels in it"] = float(np.nanmean(labels))
    return figures


def _by_class(
    values: npt.NDArray[np.generic], classes: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """Return the mean of values (n,) by class, NaN for one without."""
    counts = np.bincount(classes)
    sums = np.bincount(classes, values.astype(np.float64))
    return np.where(counts, sums / np.maximum(counts, 1), np.nan)


if __name__ == "__main__":
    main()
