"""`taxalens taxonomy show`: a taxon, what stands above and below it, and images of it."""

from pathlib import Path

import click

from ui import options


@click.command()
@click.argument("name")
@options.taxonomy
@options.collection
@options.format_
@options.output
def command(
    name: str, taxonomy: str | None, collection: Path, format_: str, output: Path | None
) -> None:
    """Show the taxon called NAME: its lineage, its children, and the collection's images of each.

    \b
      taxalens taxonomy show Felidae
    """
    from search.taxonomy_rows import SHOW_COLUMNS, show_taxon
    from ui.tables import write_rows
    from ui.taxonomies import choose, snapshot_at

    rows = show_taxon(choose(taxonomy, collection), snapshot_at(collection), name)
    write_rows(SHOW_COLUMNS, rows, format_, output)
