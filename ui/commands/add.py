"""`taxalens add`: more pictures for a collection."""

from pathlib import Path
from typing import Any

import click

from ui import options


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@options.collection
@options.labels
@options.work
def command(sources: tuple[str, ...], collection: Path, **asked: Any) -> None:
    """Add pictures to a collection, including any that were removed from it.

    \b
      taxalens add new/*.jpg
      taxalens add "more photos" --labels labels.csv
    """
    from indexer.ingest.indexing import add
    from ui.running import run_each

    run_each(
        lambda source, bars: add(source, collection, progress=bars, **asked), sources, collection
    )
