"""`taxalens retry`: what failed, read again."""

from pathlib import Path
from typing import Any

import click

from ui import options


@click.command()
@click.option("--reason", metavar="TEXT", default="", help="Only what failed for such a reason.")
@options.collection
@options.work
def command(reason: str, collection: Path, **work: Any) -> None:
    """Read again what failed.

    \b
      taxalens retry
      taxalens retry --reason "not fetched" --fetch
    """
    from ui.indexing import retry
    from ui.running import stopping, told

    with stopping():
        click.echo(told(retry(collection, reason, **work), collection))
