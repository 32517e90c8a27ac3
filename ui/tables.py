"""Writes rows as people and programs read them: a text table, CSV, JSON or Parquet."""

import io
import json
import sys
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from indexer.inputs.spreadsheet_cells import RowWriter
from model.errors import Error

Row = Mapping[str, object]
NEEDS_FILE = "Parquet cannot be shown on a screen; name a file with --output."
MAX_WIDTH = 60  # of every column of a text table but the last


def write_rows(
    columns: Sequence[str],
    rows: Iterable[Row],
    format_: str,
    output: Path | None = None,
    shown: Sequence[str] = (),
) -> None:
    """Write rows to a file, or to stdout; a text table has only the columns `shown`.

    CSV cells that a spreadsheet would run as a formula get an apostrophe in front.
    """
    lines = [{column: row[column] for column in columns} for row in rows]
    if format_ == "parquet":
        _write_parquet(lines, output)
        return
    match format_:
        case "csv":
            text = _csv(columns, lines)
        case "json":
            text = json.dumps(lines, indent=1, ensure_ascii=False) + "\n"
        case _:
            text = text_table(shown or columns, lines)
    if output:
        output.write_text(text, encoding="utf-8")
    else:
        sys.stdout.write(text)


def text_table(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """Return aligned columns under their names, every line ending in a line feed."""
    cells = [columns, *([_cell(row[column]) for column in columns] for row in rows)]
    widths = [
        min(MAX_WIDTH, max(len(line[place]) for line in cells)) for place in range(len(columns) - 1)
    ]
    return "".join(
        "  ".join(
            [_cut(cell, width).ljust(width) for cell, width in zip(line, widths, strict=False)]
            + [line[-1]]
        ).rstrip()
        + "\n"
        for line in cells
    )


def _cell(value: object) -> str:
    text = f"{value:.3f}" if isinstance(value, float) else str(value)
    return "".join(character if character.isprintable() else "�" for character in text)


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else cell[: width - 1] + "…"


def _csv(columns: Sequence[str], lines: Sequence[Row]) -> str:
    text = io.StringIO()
    write = RowWriter(text)
    write(columns)
    for line in lines:
        write([line[column] for column in columns])
    return text.getvalue()


def _write_parquet(lines: list[dict[str, object]], output: Path | None) -> None:
    import pyarrow as pa
    import pyarrow.parquet as pq

    if output is None:
        raise Error(NEEDS_FILE)
    pq.write_table(pa.Table.from_pylist(lines), output)
