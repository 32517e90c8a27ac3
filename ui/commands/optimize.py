"""`taxalens optimize`: a collection made quick to search."""

from pathlib import Path

import click

from ui import options


@click.command()
@options.collection
def command(collection: Path) -> None:
    """Bring a collection into the order of its taxa, and index it if it is large.

    What was removed is left out, and what was added since is found as quickly as the rest. How
    much of the truth the index finds is measured: `taxalens info` tells.
    """
    from ui.optimizing import optimize_collection

    click.echo(optimize_collection(collection))
