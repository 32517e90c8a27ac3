"""`taxalens repair`: a damaged collection made whole again."""

from pathlib import Path

import click

from ui import options


@click.command()
@options.collection
def command(collection: Path) -> None:
    """Make a damaged collection whole again.

    Derived files are derived again. Other damaged files are moved to the folder damaged/ of the
    collection, and the images that they held are listed as failed: `taxalens retry` reads these
    again. A backup restores more: `taxalens backup`.

    \b
      taxalens verify
      taxalens repair
      taxalens retry
    """
    from indexer.ingest.repair import repair
    from ui.progress_bars import progress_bars

    with progress_bars() as progress:
        repairs = repair(collection, progress)
    for each in repairs:
        click.echo(each)
    if not repairs:
        click.echo(f"{collection}: every file is as it was written")
