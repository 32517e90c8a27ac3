"""Identifying on the command line: its cost first, then each answer as it is made."""

import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import TypeVar

import click
from tqdm import tqdm

from indexer.taxonomy.text_encoding import encode_missing
from model.errors import BadInput
from search.identify import own_labels
from search.identify.identifications import BEST_SCHEMA, Identification, Identifications
from search.identify.identifier import AnswerOptions
from search.identify.own_labels import Classification
from search.identify.photographs import TOGETHER
from search.identify.preparation import Preparation
from ui.progress_bars import progress_bars
from ui.tables import write_rows

A = TypeVar("A", Identification, Classification)


def sources_of(images: Sequence[str]) -> list[str]:
    """Return the images that are named; "-" is a list of them on stdin, one a line."""
    given = (sys.stdin.read().splitlines() if each == "-" else [each] for each in images)
    names = [name for name in chain.from_iterable(given) if name.strip()]
    if not names:
        raise BadInput("The list on stdin names no image; write a path or URL a line.")
    return names


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
    with progress_bars() as progress:
        encode_missing(ready.texts, progress)
    identifier = ready.identifier()
    for note in (*ready.notes, *identifier.notes(asked)):
        sys.stderr.write(f"{note}\n")
    if plot:
        from search.plots import save_plot

        if (backoff := identifier.backoff(asked)) is None:
            sys.stderr.write("no plot: confidence is uncalibrated, so there is no reliability\n")
        else:
            save_plot(backoff.reliability.plot(), plot)
            sys.stderr.write(f"plot: {plot}\n")
    tally = _Tally(sources)
    answers = tally.counted(identifier.identify(sources, asked))
    if best:
        rows = (row for answer in answers for row in answer.best_rows())
        write_rows(BEST_SCHEMA, rows, format_, output, together=TOGETHER * asked.k)
    else:
        rows = (answer.row() for answer in answers)
        grouped = ("group", "photographs") if asked.is_grouped else ()
        *shown, problem = Identifications.SHOWN
        columns = (*shown, *grouped, problem)
        write_rows(Identifications.SCHEMA, rows, format_, output, shown=columns, together=TOGETHER)
    tally.check()


def classify(
    sources: Sequence[str],
    encoder: str,
    labels: Mapping[str, str],
    k: int | None,
    format_: str,
    output: Path | None,
) -> None:
    """Write the k best labels of each image, or all, as pybioclip does."""
    from model.encoder import load

    loaded = load(encoder)
    texts = own_labels.texts_of(loaded, list(labels))
    with progress_bars() as progress:
        encode_missing(texts, progress)
    candidates = own_labels.labels_as_candidates(texts, labels)
    k = min(k or len(labels), len(candidates.clades[own_labels.LEVEL].starts))
    found = own_labels.classify(sources, loaded, candidates, k)
    tally = _Tally(sources)
    rows = (each.row() for each in tally.counted(found))
    write_rows(own_labels.SCHEMA, rows, format_, output, together=TOGETHER * k)
    tally.check()


class _Tally:
    """Counts answers as they come, and names on stderr the photographs without one."""

    def __init__(self, sources: Sequence[str]) -> None:
        self.missing = {str(Path(each)) for each in sources if not os.path.lexists(each)}
        """sources that may not be there; an address and a pattern are not known to be"""
        self.answered = 0
        self.failed = 0
        self.lost = 0

    def counted(self, answers: Iterator[A]) -> Iterator[A]:
        """Yield answers with a bar."""
        with tqdm(unit=" answers") as bar:
            for answer in answers:
                bar.update()
                self.add(answer.file, answer.problem)
                yield answer

    def add(self, file: str, problem: str) -> None:
        """Count one answer."""
        if not problem:
            self.answered += 1
            return
        self.failed += 1
        self.lost += file in self.missing
        tqdm.write(f"{file}: {problem}", file=sys.stderr)

    def check(self) -> None:
        """End with exit code 1 where a source is not there, or nothing was answered."""
        if self.lost or (self.failed and not self.answered):
            raise click.exceptions.Exit(1)
