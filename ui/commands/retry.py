"""`taxalens retry`: what failed, read again."""

from pathlib import Path
from typing import Any

import click

from ui import options


@click.command()
@click.option(
    "--reason",
    metavar="TEXT",
    default="",
    help="Only inputs whose reason for failing contains TEXT.",
)
@options.collection
@options.work
def command(reason: str, collection: Path, **work: Any) -> None:
    """Read failed inputs again.

    \b
      taxalens retry
      taxalens retry --reason "not fetched" --fetch
    """
    from indexer.ingest.indexing import retry
    from ui.running import run_once

    run_once(lambda bars: retry(collection, reason, progress=bars, **work), collection)
