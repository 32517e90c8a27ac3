"""`taxalens morphospecies`: unlabelled images like nothing labelled, in groups to be named."""

from pathlib import Path

import click

from ui import options


@click.command()
@options.within
@options.where
@options.collection
@options.format_
@options.output
def command(
    within: tuple[str, ...],
    where: str,
    collection: Path,
    format_: str,
    output: Path | None,
) -> None:
    """Group unlabelled images that look alike and like no labelled species.

    Each group has a provisional name, "Parulidae sp. 1", and the labelled taxon that it is nearest
    to. Put the real names in the column label of the CSV file, and give it back with --labels.

    \b
      taxalens morphospecies --output groups.csv
      taxalens index photos --labels groups.csv
    """
    from search.collection import open_collection
    from ui.progress_bars import progress_bars
    from ui.tables import write_answers

    with progress_bars() as progress:
        found = open_collection(collection).morphospecies(
            within=within, where=where, progress=progress
        )
    click.echo(found.meaning, err=True)
    write_answers(found, format_, output)
