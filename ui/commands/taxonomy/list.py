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
    import pyarrow as pa

    from search import taxonomies
    from ui.tables import write_rows

    rows = [{**asdict(about), "file": str(path)} for path, about in taxonomies.list().items()]
    if not rows:
        click.echo("There is none yet; see: taxalens taxonomy import --help", err=True)
    kinds = dict.fromkeys(("taxa", "names", "problems"), pa.int64())
    schema = pa.schema([(name, kinds.get(name, pa.string())) for name in COLUMNS])
    write_rows(schema, rows, format_, output)
