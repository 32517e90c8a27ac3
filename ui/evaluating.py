"""Evaluations on the command line: encoders side by side for people, a line a figure for others."""

from pathlib import Path

import click
import pyarrow as pa

from training.evaluation.figures import Evaluation
from ui.tables import text_schema, write_answers, write_rows

SIDE_BY_SIDE = ("table", "markdown")


def show_evaluation(evaluation: Evaluation, format_: str, output: Path | None) -> None:
    """Write an evaluation; notes on images that are left out, and intervals, go to stderr."""
    for note in evaluation.notes:
        click.echo(note, err=True)
    for interval in dict.fromkeys(figure.interval for figure in evaluation):
        click.echo(f"(95 % interval): {interval}", err=True)
    if format_ not in SIDE_BY_SIDE:
        write_answers(evaluation, format_, output)
        return
    first, last = text_schema("measure", "rank"), text_schema("seeds", "setting")
    encoders = text_schema(*evaluation.encoders)
    schema = pa.schema([*first, pa.field("n", pa.int64()), *encoders, *last])
    write_rows(schema, evaluation.side_by_side(), format_, output)
