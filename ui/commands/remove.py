"""`taxalens remove`: inputs taken out of a collection."""

from pathlib import Path

import click

from ui import options


@click.command()
@click.argument("inputs", nargs=-1, metavar="INPUT...")
@click.option("--vanished", is_flag=True, help="Remove every input whose file is gone.")
@options.collection
def command(inputs: tuple[str, ...], vanished: bool, collection: Path) -> None:
    """Take inputs out of a collection; their files stay where they are.

    An INPUT is a path, or a source id as `taxalens status` lists it, with * for any letters.
    `taxalens add` brings it back.

    \b
      taxalens remove photos/blurred.jpg "photos/blank/*"
      taxalens remove --vanished
    """
    if not inputs and not vanished:
        raise click.UsageError("Give an INPUT or --vanished.")
    from indexer.ingest.remove_relocate import remove

    click.echo(f"{collection}: {remove(collection, inputs, vanished)} removed")
