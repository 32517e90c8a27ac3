"""`taxalens info`: what a collection is and holds."""

from pathlib import Path

import click

from ui import options


@click.command()
@options.collection
@options.format_
@options.output
def command(collection: Path, format_: str, output: Path | None) -> None:
    """Show the facts of a collection, its counts, and the labels that mean no taxon."""
    from indexer.catalog.snapshot import open_snapshot
    from search.summary import summarise
    from ui.tables import text_schema, write_rows

    with open_snapshot(collection) as snapshot:
        facts = summarise(snapshot)
    rows = [{"fact": fact, "value": value} for fact, value in facts.items()]
    write_rows(text_schema("fact", "value"), rows, format_, output)
