"""`taxalens taxonomy use`: another taxonomy for a collection, without embedding anything."""

from pathlib import Path

import click

from ui import options


@click.command()
@click.argument("taxonomy")
@options.collection
def command(taxonomy: str, collection: Path) -> None:
    """Resolve a collection's labels in another TAXONOMY (name, file or none).

    \b
      taxalens taxonomy use inat
      taxalens taxonomy use none
    """
    from indexer.catalog.snapshot import open_snapshot
    from indexer.ingest.run import use_taxonomy
    from search.summary import labels_by_meaning

    use_taxonomy(collection, taxonomy)
    with open_snapshot(collection) as snapshot:
        facts = labels_by_meaning(snapshot)
    click.echo(f"{collection}: labels resolved in {taxonomy}; nothing embedded")
    for fact, value in facts.items():
        click.echo(f"{fact}: {value}", err=True)
