"""Evaluations of named tasks, and the results table of BioCLIP's model card beside its own."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, ClassVar

import pyarrow as pa

from model.errors import EncoderUnavailable, Error
from search.answers import Answers
from training.evaluation.class_names import AS_IS
from training.evaluation.evaluate import evaluate
from training.evaluation.figures import Evaluation, Figure
from training.evaluation.published import CARD, COLUMNS, CVPR, ENCODERS, PUBLISHED, SITE
from training.evaluation.tasks import TEN, Task, task_of

MEASURED = "measured"
_TOP_1 = "zero-shot top-1"


@dataclass(frozen=True, slots=True)
class ResultsRow:
    """One row of the results table: zero-shot top-1 of one encoder, in per cent."""

    encoder: str
    variant: str
    """"measured", or which publication"""
    values: tuple[float | None, ...]
    """under COLUMNS; None where it was not measured"""

    def row(self) -> dict[str, object]:
        """Return it under the columns of `ResultsTable.SCHEMA`."""
        named: dict[str, object] = dict(zip(COLUMNS, self.values, strict=True))
        return {"encoder": self.encoder, "variant": self.variant, **named}


@dataclass(frozen=True, slots=True, repr=False)
class ResultsTable(Answers[ResultsRow]):
    """Measured figures above the published ones, in the order of the model card."""

    notes: tuple[str, ...] = ()
    """what was not measured, and why"""

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            *((name, pa.string()) for name in ("encoder", "variant")),
            *((name, pa.float64()) for name in COLUMNS),
        ]
    )
    SHOWN: ClassVar[tuple[str, ...]] = ("encoder", "variant", *COLUMNS)
    HEADINGS: ClassVar[tuple[str, ...]] = SHOWN

    def caption(self) -> str:
        """Say what the figures are."""
        return "zero-shot top-1, per cent"

    def cells(self, item: ResultsRow) -> tuple[object, ...]:
        """Return the cells of a row under HEADINGS."""
        shown = ["" if value is None else f"{value:.1f}" for value in item.values]
        return item.encoder, item.variant, *shown


def evaluate_tasks(
    tasks: Sequence[str], data: Path | None, encoders: Sequence[str], **settings: Any
) -> Evaluation:
    """Evaluate named tasks, whose pictures are in a folder; see `evaluate` for `settings`.

    A data set that is missing is a figure without a value that says where it is had. Raises
    UnknownName for a name that is no task.
    """
    found: list[Figure] = []
    notes: list[str] = []
    for task in [task_of(name) for name in tasks]:
        table = task.find(data) if data else None
        if table is None:
            found.append(_missing(task, data))
            continue
        try:
            evaluation = evaluate(table, encoders, **_settings_of(task, settings))
        except Error as error:
            if isinstance(error, EncoderUnavailable):
                raise
            found.append(replace(_missing(task, data), setting=f"{error} {task.source}"))
            continue
        found += [replace(figure, data=task.name) for figure in evaluation]
        notes += [f"{task.name}: {note}" for note in evaluation.notes]
        notes += _counted(task, evaluation)
    return Evaluation(tuple(found), tuple(notes))


def results_table(
    data: Path | None, encoders: Sequence[str] = tuple(ENCODERS), **settings: Any
) -> ResultsTable:
    """Measure zero-shot top-1 on the ten tasks, as far as pictures and weights are here.

    An encoder that cannot be loaded has no measured figures. `settings` are those of `evaluate`.
    """
    rows: list[ResultsRow] = []
    notes: dict[str, None] = {}
    measured = dict(settings) | {"families": ("zero-shot",)}
    for encoder in encoders:
        values: list[float | None] = [None] * len(TEN)
        try:
            evaluation = evaluate_tasks([task.name for task in TEN], data, [encoder], **measured)
        except EncoderUnavailable as error:
            notes[str(error)] = None
        else:
            notes |= dict.fromkeys(_notes(evaluation))
            values = [_top_1(evaluation, task) for task in TEN]
        rows.append(ResultsRow(_title(encoder), MEASURED, (*values, _mean(values))))
        rows += [
            ResultsRow(_title(encoder), variant, PUBLISHED[encoder, variant])
            for variant in (CARD, SITE, CVPR)
            if (encoder, variant) in PUBLISHED
        ]
    return ResultsTable(tuple(rows), tuple(notes))


def _settings_of(task: Task, settings: dict[str, Any]) -> dict[str, Any]:
    """Return the settings with the task's own text type, where none was asked for."""
    own = "" if task.has_taxa else AS_IS
    return settings | {"text_type": settings.get("text_type") or own}


def _missing(task: Task, data: Path | None) -> Figure:
    return Figure("not measured", None, None, None, 0, setting=task.missing(data), data=task.name)


def _counted(task: Task, evaluation: Evaluation) -> Iterator[str]:
    """Yield a note where images are not as many as the task has."""
    found = max((each.n for each in evaluation if each.measure == _TOP_1), default=task.images)
    if found != task.images:
        yield f"{task.name}: {found:,} images of {task.images:,}"


def _notes(evaluation: Evaluation) -> list[str]:
    missing = [f"{each.data}: {each.setting}" for each in evaluation if each.value is None]
    return [*missing, *evaluation.notes]


def _top_1(evaluation: Evaluation, task: Task) -> float | None:
    for each in evaluation:
        if each.measure == _TOP_1 and each.data == task.name and each.value is not None:
            return round(100 * each.value, 2)
    return None


def _mean(values: Sequence[float | None]) -> float | None:
    """Return the mean over the ten tasks; None unless all were measured."""
    known = [value for value in values if value is not None]
    return round(sum(known) / len(known), 2) if len(known) == len(values) else None


def _title(encoder: str) -> str:
    return ENCODERS.get(encoder, encoder)
