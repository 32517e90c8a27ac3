"""`taxalens sequences`: the taxa of each camera-trap sequence, counted."""

from pathlib import Path

import click

from ui import options


@click.command()
@click.argument("gap", type=options.GAP, default="60s", required=False)
@options.within
@options.where
@options.collection
@options.format_
@options.output
def command(
    gap: float,
    within: tuple[str, ...],
    where: str,
    collection: Path,
    format_: str,
    output: Path | None,
) -> None:
    """List the taxa of each sequence: photographs that one camera took at most GAP apart.

    GAP is a time such as 60s (the default), 2min or 1h. The camera is a column of the metadata
    (deploymentID, locationID, site), else the folder; the time is that of a date column, else of
    EXIF. The column count is the largest number of detections in one photograph.

    \b
      taxalens sequences
      taxalens sequences 2min --output sequences.csv
    """
    from search.collection import open_collection
    from ui.tables import write_answers

    counts = open_collection(collection).sequences(gap, within=within, where=where)
    click.echo(counts.caption(), err=True)
    write_answers(counts, format_, output)
