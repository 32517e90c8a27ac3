"""How answers do where the species of half of the images is not labelled.

`python -m benchmarks.open_set` needs the folders of bird and flower photographs, and vectors of
BioCLIP 2. Half of the classes are labelled, some images of each; of all others, as many of labelled
and of new classes are identified, and are the unlabelled images that the share of new ones is
estimated from. *Bird genera* are the birds by genus; *orders* are vectors of BioCLIP 2 by order;
*bird families* are the birds with whole families on one side. Every figure is a mean over SEEDS.
"""

from collections.abc import Iterator
from dataclasses import replace

import numpy as np
import numpy.typing as npt
from scipy.special import logsumexp, softmax
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score

from benchmarks.photographs import Images, made_up, orders, photographs
from benchmarks.report import figure, write_report
from model.taxon import RANKS
from search.classify.backoff import deepest
from search.classify.fitting import classifier_of
from search.classify.predictions import Predictions
from search.classify.reference_set import ReferenceSet
from search.classify.taxon_tree import clade_at, key_at, tree_of
from search.zero_shot.candidates import candidates_of, table_of

SEEDS, SHOTS, PRECISION, BINS = range(5), (5, 15), 0.9, 10
Floats = npt.NDArray[np.floating]
Ints = npt.NDArray[np.int64]
Flags = npt.NDArray[np.bool_]


def main() -> None:
    figures: list[dict[str, object]] = []
    for name, images in sets():
        for shots in SHOTS:
            runs = [run(images, shots, seed) for seed in SEEDS]
            for metric in runs[0]:
                mean = float(np.nanmean([each[metric] for each in runs]))
                figures.append(figure(f"{name}, {shots} a class", "", metric, mean))
    write_report("open-set", figures, _table(figures))


def sets() -> Iterator[tuple[str, Images]]:
    birds = photographs("birds")
    yield "birds", birds
    yield "flowers", photographs("flowers")
    genera = [clade_at(taxon, RANKS.index("genus")) for taxon in birds.taxa]
    keys = sorted({taxon.key for taxon in genera})
    number = np.array([keys.index(taxon.key) for taxon in genera])
    taxa = [next(taxon for taxon in genera if taxon.key == key) for key in keys]
    yield "bird genera", Images(birds.vectors, number[birds.classes], taxa, None)
    yield "orders", orders()
    yield "bird families", replace(birds, whole="family")
    yield "made-up species", made_up()


def run(images: Images, shots: int, seed: int) -> dict[str, float]:
    labelled, support, known, new = _drawn(images, shots, seed)
    tree = tree_of([images.taxa[number] for number in labelled])
    number = np.full(len(images.taxa), -1)
    number[labelled] = np.arange(len(labelled))
    classes = number[images.classes[support]]
    reference = ReferenceSet(images.vectors[support], classes, len(labelled), tree)

    def answered(asked: Ints, unlabelled: bool) -> tuple[Predictions, Flags, Flags, Flags, Floats]:
        candidates = None
        if images.texts is not None:
            candidates = candidates_of(images.texts[labelled], table_of(tree.taxa))
        pool = images.vectors[asked].astype(np.float16) if unlabelled else None
        classifier = classifier_of(reference, candidates, unlabelled=pool)
        assert classifier.backoff is not None
        assert classifier.novelty is not None
        backoff = classifier.backoff.open_to(classifier.novelty.share(None if unlabelled else 0.0))
        found = classifier.predict(images.vectors[asked])
        sure = backoff.confidence(found.features, found.likeness, found.log_odds)
        depth = deepest(sure, found.answered, backoff.cutoff(PRECISION))
        ends = len(RANKS) - 1 - found.answered[:, ::-1].argmax(axis=1)
        truth = [images.taxa[each] for each in images.classes[asked]]
        right = np.array(
            [
                rank >= 0 and key_at(one, rank) == key_at(other, rank)
                for one, other, rank in zip(found.taxa, truth, depth, strict=True)
            ]
        )
        score = sure[np.arange(len(asked)), np.maximum(depth, 0)]
        return found, depth >= 0, depth == ends, right, np.where(depth >= 0, score, np.nan)

    _, some, whole, right, _ = answered(known, False)
    closed = {"closed world, --novel 0: all answers right": right[some].mean()}
    closed["closed world, --novel 0: species answered"] = whole.mean()
    _, some, ours, right, _ = answered(known, True)
    closed["closed world: all answers right"] = right[some].mean()
    closed["closed world: species answered"] = ours.mean()
    asked = np.concatenate([known, new])
    found, some, mixed, right, score = answered(asked, True)
    unknown = np.arange(len(asked)) >= len(known)
    assert found.log_odds is not None
    return {
        **{name: float(value) for name, value in closed.items()},
        "even mix: all answers right": float(right[some].mean()),
        "even mix: species of known ones answered / closed world": float(
            mixed[~unknown].mean() / max(whole.mean(), 1e-9)
        ),
        "even mix: wrong species on new ones": float(mixed[unknown].mean()),
        "even mix: answers for new ones right": float(right[unknown & some].mean())
        if (unknown & some).any()
        else np.nan,
        "even mix: calibration error of answers": _error(score[some], right[some]),
        "AUROC known/new": float(roc_auc_score(unknown, found.log_odds)),
        **{f"AUROC, {name}": area for name, area in _plain(images, support, asked, unknown)},
    }


def _drawn(images: Images, shots: int, seed: int) -> tuple[Ints, Ints, Ints, Ints]:
    """Return the labelled classes, their examples, and as many known as new images."""
    random = np.random.default_rng(seed)
    count = len(images.taxa)
    rank = RANKS.index(images.whole or RANKS[-1])
    keys = [key_at(taxon, rank) for taxon in images.taxa]
    labelled: list[int] = []
    for key in random.permutation(sorted(set(keys))).tolist() if images.whole else ():
        if len(labelled) < count // 2:
            labelled += [number for number in range(count) if keys[number] == key]
    classes = np.sort(labelled or random.permutation(count)[: count // 2])
    support = np.concatenate(
        [
            random.choice(np.flatnonzero(images.classes == each), shots, replace=False)
            for each in classes
        ]
    )
    rest = np.setdiff1d(np.arange(len(images.classes)), support)
    known = np.isin(images.classes[rest], classes)
    sides = random.permutation(rest[known]), random.permutation(rest[~known])
    most = min(map(len, sides))
    return classes, support, sides[0][:most], sides[1][:most]


def _plain(
    images: Images, support: Ints, asked: Ints, unknown: Flags
) -> Iterator[tuple[str, float]]:
    """Yield the areas of scores that whoever has the vectors can compute."""
    mean = images.vectors[support].mean(axis=0)
    given, new = (images.vectors[each] - mean for each in (support, asked))
    given, new = (each / np.linalg.norm(each, axis=1, keepdims=True) for each in (given, new))
    classes = images.classes[support]
    model = LogisticRegression(C=10, max_iter=300).fit(given, classes)
    logits = model.decision_function(new)
    centres = np.stack([given[classes == each].mean(axis=0) for each in np.unique(classes)])
    residuals = given - centres[np.searchsorted(np.unique(classes), classes)]
    covariance = residuals.T @ residuals / len(residuals) + 0.1 / given.shape[1] * np.eye(
        given.shape[1]
    )
    inverse = np.linalg.inv(covariance)
    distances = np.stack([_squares(new - centre, inverse) for centre in centres], axis=1)
    scores = {
        "logistic regression: largest logit": -logits.max(axis=1),
        "logistic regression: energy": -logsumexp(logits, axis=1),
        "logistic regression: largest probability": -softmax(logits, axis=1).max(axis=1),
        "nearest neighbour": -(new @ given.T).max(axis=1),
        "Mahalanobis": distances.min(axis=1),
    }
    for name, score in scores.items():
        yield name, float(roc_auc_score(unknown, score))


def _squares(differences: Floats, inverse: Floats) -> Floats:
    squares: Floats = np.einsum("ij,ij->i", differences @ inverse, differences)
    return squares


def _error(sure: Floats, right: Flags) -> float:
    """Return the expected calibration error in BINS of one width."""
    bins = np.minimum((sure * BINS).astype(int), BINS - 1)
    own = [bins == each for each in np.unique(bins)]
    return float(sum(abs(sure[each].mean() - right[each].mean()) * each.mean() for each in own))


def _table(figures: list[dict[str, object]]) -> str:
    cases = list(dict.fromkeys(str(each["case"]) for each in figures))
    cells = {(each["metric"], each["case"]): f"{each['value']:.3f}" for each in figures}
    lines = [["metric", *cases], ["---"] * (1 + len(cases))]
    for metric in dict.fromkeys(str(each["metric"]) for each in figures):
        lines.append([metric, *(cells[metric, case] for case in cases)])
    return "".join(f"| {' | '.join(line)} |\n" for line in lines)


if __name__ == "__main__":
    main()
