"""`taxalens status`: what became of every input."""

from pathlib import Path

import click

from ui import options

COLUMNS = ("source_id", "status", "reason")


@click.command()
@options.collection
@options.format_
@options.output
def command(collection: Path, format_: str, output: Path | None) -> None:
    """Show what became of every input: embedded, duplicate or failed, and why.

    \b
      taxalens status --format csv | grep ,failed,
    """
    from indexer.catalog.snapshot import open_snapshot
    from ui.tables import write_rows

    rows = open_snapshot(collection).query(f"SELECT {', '.join(COLUMNS)} FROM inputs")
    lines = [dict(zip(COLUMNS, row, strict=True)) for row in rows]
    write_rows(COLUMNS, lines, format_, output)
