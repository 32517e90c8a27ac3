"""`taxalens suggest`: which images to label next."""

from pathlib import Path

import click

from ui import options


@click.command()
@click.option(
    "-k", type=click.IntRange(min=1), default=20, show_default=True, help="Number of images."
)
@options.within
@options.where
@options.collection
@options.format_
@options.output
def command(
    k: int,
    within: tuple[str, ...],
    where: str,
    collection: Path,
    format_: str,
    output: Path | None,
) -> None:
    """List the unlabelled images that teach most when labelled: uncertain and diverse ones.

    Fill in the column label of the CSV file and give it back with --labels.

    \b
      taxalens suggest -k 50 --output to_label.csv
      taxalens index photos --labels to_label.csv
    """
    from search.collection import open_collection
    from ui.tables import write_answers

    suggestions = open_collection(collection).suggest(k, within=within, where=where)
    click.echo(suggestions.meaning, err=True)
    write_answers(suggestions, format_, output)
