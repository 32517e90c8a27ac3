"""Evaluations on the command line: encoders side by side for people, a line a figure for others."""

from pathlib import Path

import click
import pyarrow as pa

from training.evaluation.figures import Evaluation
from training.evaluation.task_table import ResultsTable
from ui.tables import text_schema, write_answers, write_rows

SIDE_BY_SIDE = ("table", "markdown")


def show_evaluation(evaluation: Evaluation, format_: str, output: Path | None) -> None:
    """Write an evaluation; notes on images that are left out, and intervals, go to stderr."""
    for note in evaluation.notes:
        click.echo(note, err=True)
    for interval in dict.fromkeys(each.interval for each in evaluation if each.interval):
        click.echo(f"(95 % interval): {interval}", err=True)
    if format_ not in SIDE_BY_SIDE:
        write_answers(evaluation, format_, output)
        return
    several = len({each.data for each in evaluation}) > 1
    first = text_schema(*["data"] * several, "measure", "rank")
    last = text_schema("seeds", "setting")
    encoders = text_schema(*evaluation.encoders)
    schema = pa.schema([*first, pa.field("n", pa.int64()), *encoders, *last])
    write_rows(schema, evaluation.side_by_side(), format_, output)


def show_results(table: ResultsTable, format_: str, output: Path | None) -> None:
    """Write the results table of the ten tasks; notes on what was not measured go to stderr."""
    for note in table.notes:
        click.echo(note, err=True)
    if format_ not in SIDE_BY_SIDE:
        write_answers(table, format_, output)
        return
    rows = [dict(zip(table.SHOWN, table.cells(each), strict=True)) for each in table]
    write_rows(text_schema(*table.SHOWN), rows, format_, output)
