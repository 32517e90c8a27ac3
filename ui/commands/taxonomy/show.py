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
    from search import taxonomies
    from ui.tables import write_answers

    relatives = taxonomies.show(name, taxonomy=taxonomy, collection=collection)
    write_answers(relatives, format_, output)
