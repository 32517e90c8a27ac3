"""`taxalens update`: a collection brought up to what its sources are now."""

from pathlib import Path
from typing import Any

import click

from ui import options


@click.command()
@options.collection
@options.work
def command(collection: Path, **work: Any) -> None:
    """Index every source of a collection again.

    New and changed pictures are embedded, vanished ones are marked. A vanished picture still
    answers searches until you remove it with: taxalens remove --vanished
    """
    from indexer.ingest.indexing import update
    from ui.running import run_once

    run_once(lambda bars: update(collection, progress=bars, **work), collection)
