"""What labelling the suggested images teaches, beside other choices of as many.

`python -m benchmarks.suggest` needs the folders of bird and flower photographs, and vectors of
BioCLIP 2. Half of each set is tested, the other half can be labelled: as many images as it has
classes, drawn at random, then ROUNDS times as many more, each time by what is labelled until then;
or, with no label yet, twice as many at once. The share of the tested half that the method `probe`
of `label` then names rightly is a mean over DRAWS. A class of which nothing is labelled is wrong.
"""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from PIL import Image
from sklearn.cluster import KMeans

from benchmarks.report import DATA, figure, write_report
from indexer.backends.exact import Exact
from indexer.inputs.decoding import decode_file
from model.encoder import Encoder
from model.encoders import starter
from model.vectors import Vectors
from search.audit.label_classes import UNLABELLED, Classes
from search.audit.suggestions import chosen_of
from search.classify.classifiers import load
from search.classify.reference_set import reference_set

DRAWS, ROUNDS, FEWEST = range(5), 3, 20
POORLY = (20, 20)  # pixels of a picture in which an encoder sees little
Ints = npt.NDArray[np.int64]
Labelled = tuple[Vectors, Ints]
Choice = Callable[[Vectors, Ints, Ints, Ints, int, np.random.Generator], Ints]


def main() -> None:
    figures: list[dict[str, object]] = []
    for name, (vectors, classes) in sets():
        count = int(classes.max()) + 1
        runs = [_run(vectors, classes, seed) for seed in DRAWS]
        case = f"{len(vectors)} {name}, {count} classes"
        for system, metric in runs[0]:
            values = [each[system, metric] for each in runs]
            figures.append(figure(case, system, metric, float(np.mean(values))))
    write_report("suggest", figures)


def sets() -> Iterator[tuple[str, Labelled]]:
    encoder = starter.load()
    birds = sorted((DATA / "birds" / "images").rglob("*.jpg"))
    flowers = sorted((DATA / "flowers" / "train").rglob("*.jpg"))
    vectors = _encoded(encoder, [decode_file(path) for path in birds])
    labels = np.array([path.parent.name for path in birds])
    yield "birds", (vectors, _numbers(labels))
    for group, names in (("warblers", ("Warbler",)), ("sparrows", ("Sparrow", "Junco"))):
        some = np.array([any(name in label for name in names) for label in labels])
        yield group, (vectors[some], _numbers(labels[some]))
    classes = _numbers(np.array([path.parent.name for path in flowers]))
    images = [decode_file(path) for path in flowers]
    yield "flowers", (_encoded(encoder, images), classes)
    poor = [image.convert("L").resize(POORLY).convert("RGB") for image in images]
    yield "flowers of 20 px, grey", (_encoded(encoder, poor), classes)
    yield "BioCLIP 2 vectors by order", _orders()


def _encoded(encoder: Encoder, images: list[Image.Image]) -> Vectors:
    batches = [images[start : start + 32] for start in range(0, len(images), 32)]
    return np.concatenate([encoder.encode_images(batch) for batch in batches])


def _orders() -> Labelled:
    rows = pq.read_table(Path(DATA, "vectors", "bioclip2_1k.parquet")).to_pylist()
    orders = [row["order"] for row in rows]
    kept = [place for place, each in enumerate(orders) if each and orders.count(each) >= FEWEST]
    vectors = np.array([rows[place]["emb"] for place in kept], np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    return vectors.astype(np.float16), _numbers(np.array([orders[place] for place in kept]))


def _numbers(labels: npt.NDArray[np.str_]) -> Ints:
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


def _run(vectors: Vectors, classes: Ints, seed: int) -> dict[tuple[str, str], float]:
    order = np.random.default_rng(seed).permutation(len(classes))
    tested, rest = order[: len(order) // 2], order[len(order) // 2 :]
    count = int(classes.max()) + 1
    found = {}
    for system, choose in CHOICES.items():
        random = np.random.default_rng(seed)
        none = np.empty(0, np.int64)
        first = choose(vectors, classes, none, rest, 2 * count, random)
        found[system, "no label yet, 2 a class"] = _right(vectors, classes, first, tested)
        labelled = rest[:count]
        for step in range(1, ROUNDS + 1):
            left = rest[~np.isin(rest, labelled)]
            more = choose(vectors, classes, labelled, left, min(count, len(left)), random)
            labelled = np.concatenate([labelled, more])
            if step in (1, ROUNDS):
                metric = f"1 a class at random, {step} more"
                found[system, metric] = _right(vectors, classes, labelled, tested)
    return found


def _right(vectors: Vectors, classes: Ints, labelled: Ints, tested: Ints) -> float:
    known, scores = _scores(vectors, classes, labelled, tested)
    return float((known[scores.argmax(axis=1)] == classes[tested]).mean())


def _scores(
    vectors: Vectors, classes: Ints, labelled: Ints, asked: Ints
) -> tuple[Ints, npt.NDArray[np.floating]]:
    known, numbers = np.unique(classes[labelled], return_inverse=True)
    reference = reference_set(vectors[labelled].astype(np.float32), numbers.astype(np.int64))
    return known, load("probe").fit(reference).scores(vectors[asked].astype(np.float32))


def _suggested(
    vectors: Vectors, classes: Ints, labelled: Ints, rest: Ints, k: int, _: np.random.Generator
) -> Ints:
    of = np.full(len(vectors), UNLABELLED, np.int64)
    known, of[labelled] = np.unique(classes[labelled], return_inverse=True)
    names, count = tuple(map(str, known)), len(known)
    ranks = np.zeros((count, 7), np.int64)
    here = Classes(np.arange(len(vectors)), of, names, np.arange(1, count + 1), ranks)
    return rest[chosen_of(Exact([vectors]), here, rest, k)[1]]


def _random(
    vectors: Vectors, classes: Ints, labelled: Ints, rest: Ints, k: int, random: np.random.Generator
) -> Ints:
    return random.choice(rest, k, replace=False)


def _middles(
    vectors: Vectors, classes: Ints, labelled: Ints, rest: Ints, k: int, random: np.random.Generator
) -> Ints:
    given = vectors[rest].astype(np.float32)
    clusters = KMeans(k, n_init=1, random_state=int(random.integers(2**31))).fit(given)
    return rest[np.unique(clusters.transform(given).argmin(axis=0))]


def _margin(
    vectors: Vectors, classes: Ints, labelled: Ints, rest: Ints, k: int, random: np.random.Generator
) -> Ints:
    if len(np.unique(classes[labelled])) < 2:
        return _random(vectors, classes, labelled, rest, k, random)
    two = np.sort(_scores(vectors, classes, labelled, rest)[1], axis=1)[:, -2:]
    return rest[np.argsort(two[:, 1] - two[:, 0], kind="stable")[:k]]


def _centres(
    vectors: Vectors, classes: Ints, labelled: Ints, rest: Ints, k: int, random: np.random.Generator
) -> Ints:
    """Each the farthest from all that are labelled or chosen (Sener & Savarese 2018)."""
    given = vectors[rest].astype(np.float32)
    covered = labelled if len(labelled) else random.choice(rest, 1)
    nearest = (given @ vectors[covered].astype(np.float32).T).max(axis=1)
    chosen = []
    for _ in range(k):
        chosen.append(int(nearest.argmin()))
        nearest = np.maximum(nearest, given @ given[chosen[-1]])
    return rest[chosen]


CHOICES: dict[str, Choice] = {
    "taxalens": _suggested,
    "random": _random,
    "k-means middles": _middles,
    "margin": _margin,
    "k-centre": _centres,
}


if __name__ == "__main__":
    main()
