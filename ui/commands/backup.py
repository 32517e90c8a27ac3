"""`taxalens backup`: a copy of a collection, brought up to date."""

from pathlib import Path

import click

from ui import options


@click.command()
@click.argument("target", type=click.Path(path_type=Path), metavar="FOLDER")
@options.collection
def command(target: Path, collection: Path) -> None:
    """Copy a collection to FOLDER, or bring its copy there up to date.

    Only new files are copied, each compared with its sha256. The copy is a collection itself. A
    backup that is cut short is the earlier one; run it again.

    \b
      taxalens backup /mnt/backup/birds.collection -c birds.collection
      taxalens search lion -c /mnt/backup/birds.collection
    """
    from indexer.store.backup import backup
    from ui.progress_bars import progress_bars

    with progress_bars() as progress:
        done = backup(collection, target, progress)
    click.echo(
        f"{target}: {done.files:,} files copied ({done.bytes / 1e6:,.1f} MB), "
        f"{done.kept:,} there already"
    )
