"""Identifying on the command line: what it takes is said first, progress goes to stderr."""

import sys
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from indexer.text_matrix import TextMatrix
from search.identifying.identifications import BEST_COLUMNS, COLUMNS, Identification
from search.identifying.identifier import Asked
from search.identifying.preparing import Preparation
from ui.tables import Row, write_rows

SHOWN = ("score", "rank", "name", "nearest", "file_name", "problem")
_TEXTS_A_SECOND = 250  # on two cores, by BioCLIP's ViT-B/16 (docs/BENCHMARKS.md)
_MANY = 20_000  # texts that are worth a word before


def sources_of(images: Sequence[str]) -> list[str]:
    """Return the images that are named; "-" is a list of them on stdin, one a line."""
    given = (sys.stdin.read().splitlines() if each == "-" else [each] for each in images)
    return [name for name in chain.from_iterable(given) if name.strip()]


def encode(texts: TextMatrix) -> None:
    """Encode the texts that are missing, with a bar; many are announced."""
    total = len(texts.texts)
    if total > _MANY and not texts.folder.is_dir():
        minutes = total / _TEXTS_A_SECOND / 60
        size = total * texts.encoder.dim * 2 / 1e6
        sys.stderr.write(
            f"{total:,} names are encoded once: about {minutes:.0f} minutes with ViT-B/16 on two "
            f"cores, {size:,.0f} MB in {texts.folder}\n"
        )
    with tqdm(total=total, unit=" names", disable=total <= _MANY) as bar:
        for done in texts.encode():
            bar.update(done - bar.n)


def identify(
    ready: Preparation,
    sources: Sequence[str],
    asked: Asked,
    best: bool,
    format_: str,
    output: Path | None,
) -> None:
    """Write an answer for each image, or the k best taxa of each as pybioclip does."""
    encode(ready.texts)
    identifier = ready.identifier()
    for note in (*ready.notes, identifier.trust):
        sys.stderr.write(f"{note}\n")
    answers = identifier.identify(sources, asked)
    if best:
        write_rows((*BEST_COLUMNS, "problem"), _best(_counted(answers)), format_, output)
    else:
        rows = (answer.row() for answer in _counted(answers))
        write_rows(COLUMNS, rows, format_, output, shown=SHOWN)


def classify(
    sources: Sequence[str],
    encoder: str,
    labels: dict[str, str],
    k: int | None,
    format_: str,
    output: Path | None,
) -> None:
    """Write the k best labels of each image, or all, as pybioclip does."""
    from model.encoder import load
    from search.identifying import classifying

    loaded = load(encoder)
    texts = classifying.texts_of(loaded, list(labels))
    encode(texts)
    candidates = classifying.labels_as_candidates(texts, labels)
    found = classifying.classify(sources, loaded, candidates, k or len(labels))
    with tqdm(unit=" lines") as bar:
        rows = (each.row() for each in found if bar.update() or True)
        write_rows(classifying.COLUMNS, rows, format_, output)


def _best(answers: Iterable[Identification]) -> Iterator[Row]:
    for answer in answers:
        empty: dict[str, object] = dict.fromkeys(BEST_COLUMNS, "")
        for row in answer.best_rows() or [empty | {"file_name": answer.file}]:
            yield row | {"problem": answer.problem}


def _counted(answers: Iterator[Identification]) -> Iterator[Identification]:
    """Count answers as they come, and name on stderr what is none."""
    with tqdm(unit=" images") as bar:
        for answer in answers:
            bar.update(len(answer.files) or 1)
            if answer.problem:
                tqdm.write(f"{answer.file}: {answer.problem}", file=sys.stderr)
            yield answer
