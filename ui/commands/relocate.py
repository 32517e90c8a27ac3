"""`taxalens relocate`: a collection's photographs were moved."""

from pathlib import Path

import click

from ui import options


@click.command()
@click.argument("old")
@click.argument("new", type=click.Path(path_type=Path))
@options.collection
def command(old: str, new: Path, collection: Path) -> None:
    """Tell a collection that its pictures moved from OLD to NEW, without embedding them again.

    OLD is a path as `taxalens info` shows it, a folder above that path, or the name of a root.

    \b
      taxalens relocate /media/usb/photos ~/photos
    """
    from indexer.ingest.remove_relocate import relocate

    count = relocate(collection, old, new)
    click.echo(f"{collection}: {count} inputs are at {new} now")
