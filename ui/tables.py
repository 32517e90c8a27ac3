"""Writes rows as people and programs read them: a text table, CSV, JSON or Parquet."""

import io
import json
import sys
from collections.abc import Iterable, Sequence
from pathlib import Path

from indexer.inputs.spreadsheet_cells import RowWriter
from model.errors import Error
from search.text_table import Row, text_table

NEEDS_FILE = "Parquet cannot be shown on a screen; name a file with --output."


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
