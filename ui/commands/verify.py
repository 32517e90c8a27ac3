"""`taxalens verify`: whether a collection's files are as they were written."""

from pathlib import Path

import click

from ui import options


@click.command()
@options.collection
@click.option("--deep", is_flag=True, help="Read every photograph on this machine, too.")
def command(collection: Path, deep: bool) -> None:
    """Read every file of a collection and compare it with what was written.

    Each damaged file is listed with its remedy, and the exit code is 1. No file of it is changed;
    `info` shows when it was verified. --deep finds photographs that a disk has damaged since they
    were indexed, although they look unchanged.

    \b
      taxalens verify
      taxalens verify --deep
      taxalens verify -c /backup/taxalens.collection
    """
    from indexer.ingest.verify import verify
    from ui.progress_bars import progress_bars

    with progress_bars() as progress:
        damages = verify(collection, progress, deep)
    for damage in damages:
        click.echo(damage)
    if damages:
        raise click.exceptions.Exit(1)
    photographs = ", and every photograph as it was indexed" if deep else ""
    click.echo(f"{collection}: every file is as it was written{photographs}")
