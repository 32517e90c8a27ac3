"""How well a few examples teach labels: each method and `auto`, on birds and flowers.

`python -m benchmarks.few_shot` needs a folder of bird and of flower photographs, which are not part
of taxalens. Examples are drawn by five seeds; all other photographs are tested.
"""

import hashlib
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from search.label.methods import AUTO, LeftOutScores, try_methods
from tqdm import tqdm

from benchmarks.report import DATA, figure, write_report
from indexer.inputs.decoding import decode_file
from model.encoders import starter
from search.classify.calibration import calibrate_classes
from search.classify.classifiers import load, methods
from search.classify.conformal import conformal_sets, nonconformity
from search.classify.reference_set import ReferenceSet, reference_set

FOLDERS = {"birds": "birds/images", "flowers": "flowers/train"}
SEEDS = 5
SHOTS = (1, 5)
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

    def tested(self, method: str) -> LeftOutScores:
        scores = load(method).fit(self.reference).scores(self.vectors)
        return LeftOutScores(method, self.classes, scores)


def main() -> None:
    figures: list[dict[str, object]] = []
    for name, folder in FOLDERS.items():
        if (DATA / folder).is_dir():
            vectors, classes = _embedded(DATA / folder)
            for shots in SHOTS:
                case = f"{len(vectors)} {name}, {classes.max() + 1} classes, {shots}-shot"
                figures += _few_shot(case, vectors, classes, shots)
    write_report("few-shot", figures)


def _few_shot(case: str, vectors: Floats, classes: Ints, shots: int) -> Figures:
    accuracies: dict[str, list[float]] = {}
    taken, sure = list[str](), list[tuple[float, ...]]()
    for seed in tqdm(range(SEEDS), desc=case):
        split = _drawn(vectors, classes, shots, seed)
        tested = {method: split.tested(method) for method in methods()}
        chosen, tried = try_methods(split.reference)
        taken.append(chosen)
        for method, result in {**tested, AUTO: tested[chosen]}.items():
            accuracies.setdefault(method, []).append(result.accuracy)
        if left := next((each for each in tried if each.method == chosen), None):
            sure.append((left.accuracy, *_sure(left, tested[chosen])))
    for method, shares in accuracies.items():
        yield figure(case, method, "top-1, mean of 5 seeds", float(np.mean(shares)))
        yield figure(case, method, "top-1, standard deviation", float(np.std(shares)))
        if method != AUTO:
            yield figure(
                case, method, "share of seeds in which auto takes it", taken.count(method) / SEEDS
            )
    told = ("leave-one-out top-1", f"precision at --precision {LEVEL}", "labelled at that")
    told += (f"right label in the set, --sets {LEVEL}", "labels in it")
    for metric, value in zip(told, np.mean(sure, axis=0) if sure else (), strict=False):
        yield figure(case, AUTO, metric, float(value))


def _sure(left: LeftOutScores, tested: LeftOutScores) -> tuple[float, ...]:
    """Precision and coverage at a precision; coverage and size of conformal sets."""
    calibration = calibrate_classes(left.scores, left.classes)
    given = calibration.confidences(tested.scores) >= LEVEL
    misfits = nonconformity(calibration.shares(left.scores), left.classes)
    sets = conformal_sets(calibration.shares(tested.scores), misfits, LEVEL)
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


def _embedded(folder: Path) -> tuple[Floats, Ints]:
    """Return unit vectors and classes of a folder's pictures; embedded once, kept by content."""
    paths = sorted(folder.rglob("*.jpg"))
    _, classes = np.unique([path.parent.name for path in paths], return_inverse=True)
    encoder = starter.load()
    told = [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in paths]
    name = hashlib.sha256(repr((told, encoder.identity.fingerprint)).encode()).hexdigest()[:16]
    cached = Path(tempfile.gettempdir(), f"taxalens-vectors-{name}.npy")
    if not cached.exists():
        batches = [paths[start : start + 32] for start in range(0, len(paths), 32)]
        parts = [encoder.encode_images([decode_file(path) for path in part]) for part in batches]
        np.save(cached, np.concatenate(parts))
    return np.load(cached).astype(np.float32), classes


if __name__ == "__main__":
    main()
