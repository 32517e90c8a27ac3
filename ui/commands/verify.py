"""`taxalens verify`: whether a collection's files are as they were written."""

from pathlib import Path

import click

from ui import options


@click.command()
@options.collection
def command(collection: Path) -> None:
    """Read every file of a collection and compare it with what was written.

    Each damaged file is listed with its remedy, and the exit code is 1. No file of it is changed;
    `info` shows when it was verified.

    \b
      taxalens verify
      taxalens verify -c /backup/taxalens.collection
    """
    from indexer.catalog.verify import verify
    from ui.progress_bars import progress_bars

    with progress_bars() as progress:
        damages = verify(collection, progress)
    for damage in damages:
        click.echo(damage)
    if damages:
        raise click.exceptions.Exit(1)
    click.echo(f"{collection}: every file is as it was written")
