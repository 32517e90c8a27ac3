"""`taxalens taxonomy list`: what is imported."""

from pathlib import Path

import click

from ui import options


@click.command()
@options.format_
@options.output
def command(format_: str, output: Path | None) -> None:
    """List the imported taxonomies with their source, version, counts and licence.

    A new collection needs none: it takes the English names that come with taxalens.
    """
    from search import taxonomies
    from ui.tables import write_answers

    found = taxonomies.list()
    click.echo(found.caption(), err=True)
    if not found:
        click.echo("To import one, see: taxalens taxonomy import --help", err=True)
    write_answers(found, format_, output)
