"""`taxalens taxonomy list`: what is imported."""

from dataclasses import asdict
from pathlib import Path

import click

from ui import options

COLUMNS = ("name", "taxa", "names", "problems", "imported", "title", "version", "licence", "file")


@click.command()
@options.format_
@options.output
def command(format_: str, output: Path | None) -> None:
    """List the imported taxonomies with their source, version, counts and licence."""
    from indexer.taxonomy.store import list_taxonomies
    from ui.tables import write_rows

    rows = [{**asdict(each.about), "file": str(each.path)} for each in list_taxonomies()]
    if not rows:
        click.echo("There is none yet; see: taxalens taxonomy import --help", err=True)
    write_rows(COLUMNS, rows, format_, output)
