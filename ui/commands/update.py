"""`taxalens update`: a collection brought up to what its sources are now."""

from pathlib import Path
from typing import Any

import click

from ui import options


@click.command()
@options.collection
@options.work
def command(collection: Path, **work: Any) -> None:
    """Index again all that a collection was made from.

    What is new or has changed is embedded, what is no longer there is marked so: it still answers
    until you remove it, with: taxalens remove --vanished
    """
    from indexer.ingest.indexing import update
    from ui.running import run_once

    run_once(lambda bars: update(collection, progress=bars, **work), collection)
