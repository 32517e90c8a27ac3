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
    from ui.indexing import update
    from ui.running import stopping, told

    with stopping():
        click.echo(told(update(collection, **work), collection))
