"""`taxalens status`: what became of every input."""

from pathlib import Path

import click

from ui import options


@click.command()
@options.collection
@options.format_
@options.output
def command(collection: Path, format_: str, output: Path | None) -> None:
    """Show the status of every input (embedded, duplicate, failed …) and its reason.

    \b
      taxalens status --format csv | grep ,failed,
    """
    from search.statuses import status
    from ui.tables import write_answers

    write_answers(status(collection), format_, output)
