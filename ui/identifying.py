"""Identifying on the command line: what it takes is said first, progress goes to stderr."""

import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from itertools import chain
from pathlib import Path

from tqdm import tqdm

from indexer.taxonomy.text_matrix import CHUNK, TextMatrix
from model.errors import BadInput, Error
from search.identify.identifications import BEST_SCHEMA, SCHEMA, Identification
from search.identify.identifier import AnswerOptions
from search.identify.photographs import TOGETHER
from search.identify.preparation import Preparation
from ui.costs import duration, size
from ui.streams import write_stream

SHOWN = ("score", "rank", "name", "nearest", "file_name", "problem")
_TEXTS_A_SECOND = 250  # on two cores, by BioCLIP's ViT-B/16 (docs/BENCHMARKS.md)
_MANY = 20_000  # texts that are worth a word before


def sources_of(images: Sequence[str]) -> list[str]:
    """Return the images that are named; "-" is a list of them on stdin, one a line."""
    given = (sys.stdin.read().splitlines() if each == "-" else [each] for each in images)
    names = [name for name in chain.from_iterable(given) if name.strip()]
    if not names:
        raise BadInput("The list on stdin names no image; write a path or URL a line.")
    return names


def encode(texts: TextMatrix) -> None:
    """Encode the texts that are missing, with a bar; many are announced."""
    total, missing = len(texts.texts), texts.missing
    if missing > _MANY:
        _say_cost(texts, missing)
    started = time.monotonic()
    with tqdm(total=total, unit=" names", disable=missing <= _MANY) as bar:
        for done in texts.encode():
            bar.update(done - bar.n)
            if done == CHUNK and missing == total > _MANY:
                left = (total - done) * (time.monotonic() - started) / done
                said = f"about {duration(left)}, by the first {done:,} names"
                tqdm.write(said, file=sys.stderr)  # which does not break the bar


def _say_cost(texts: TextMatrix, missing: int) -> None:
    """Say how many names are encoded and what they take; refuse what has no room on disk."""
    needed = missing * texts.encoder.dim * 2
    kept = next(folder for folder in texts.folder.parents if folder.is_dir())
    sys.stderr.write(
        f"{missing:,} names are encoded, once: about {duration(missing / _TEXTS_A_SECOND)} with "
        f"ViT-B/16 on two cores, {size(needed)} in {texts.folder}\n"
    )
    if needed > (free := shutil.disk_usage(kept).free):
        raise Error(
            f"{kept} has {size(free)} free, which is too little; make room, or bound the names "
            "with --within or --checklist."
        )


def identify(
    ready: Preparation,
    sources: Sequence[str],
    asked: AnswerOptions,
    best: bool,
    format_: str,
    output: Path | None,
    plot: Path | None = None,
) -> None:
    """Write each answer as it is made, or the k best taxa of each image as pybioclip does."""
    encode(ready.texts)
    identifier = ready.identifier()
    for note in (*ready.notes, *identifier.notes(asked)):
        sys.stderr.write(f"{note}\n")
    if plot:
        from ui.plots import plot_reliability

        sys.stderr.write(f"{plot_reliability(identifier.classifier.backoff, plot)}\n")
    answers = _counted(identifier.identify(sources, asked))
    if best:
        rows = (row for answer in answers for row in answer.best_rows())
        write_stream(BEST_SCHEMA, rows, format_, output, together=TOGETHER * asked.k)
    else:
        rows = (answer.row() for answer in answers)
        write_stream(SCHEMA, rows, format_, output, together=TOGETHER, shown=SHOWN)


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
    from search.identify import own_labels

    loaded = load(encoder)
    texts = own_labels.texts_of(loaded, list(labels))
    encode(texts)
    candidates = own_labels.labels_as_candidates(texts, labels)
    k = min(k or len(labels), len(candidates.clades[own_labels.LEVEL].starts))
    found = own_labels.classify(sources, loaded, candidates, k)
    with tqdm(unit=" lines") as bar:
        rows = (each.row() for each in found if bar.update() or True)
        write_stream(own_labels.SCHEMA, rows, format_, output, together=TOGETHER * k)


def _counted(answers: Iterator[Identification]) -> Iterator[Identification]:
    """Count answers as they come, and name on stderr what is none."""
    with tqdm(unit=" images") as bar:
        for answer in answers:
            bar.update(len(answer.files) or 1)
            if answer.problem:
                tqdm.write(f"{answer.file}: {answer.problem}", file=sys.stderr)
            yield answer
