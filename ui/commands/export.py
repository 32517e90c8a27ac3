"""`taxalens export`: a collection handed on to other programs."""

from pathlib import Path

import click

from ui import options


@click.command()
@click.argument("target", type=click.Path(path_type=Path), callback=options.file_to_write)
@click.option(
    "--format",
    "format_",
    metavar="NAME",
    default="",
    help="csv, parquet, darwin-core, camtrap-dp or pybioclip; by default what TARGET ends in.",
)
@options.within
@options.where
@options.collection
def command(
    target: Path, format_: str, within: tuple[str, ...], where: str, collection: Path
) -> None:
    """Write images, labels and identifications to TARGET, in a form that others read.

    \b
      csv          a line an image, for spreadsheets; also a label file
      parquet      vectors with labels, for emb-explorer and for taxalens index
      darwin-core  an archive for GBIF: occurrences, identifications, media
      camtrap-dp   camera-trap data, as Agouti and Trapper export them: a folder or a zip
      pybioclip    what each picture shows, as bioclip predict writes it

    What is in TARGET already is never overwritten.

    \b
      taxalens export birds.csv --within Aves
      taxalens export archive.zip --format darwin-core --where "country = 'Kenya'"
    """
    from tqdm import tqdm

    from search.collection import open_collection

    opened = open_collection(collection)
    with tqdm(unit=" images") as bar:
        for account in opened.exporting(target, format_, within=within, where=where):
            bar.update(account.images - bar.n)
    written = ", ".join(f"{count:,} {table}" for table, count in account.written.items())
    click.echo(f"{target}: {written or 'no rows'}")
    for reason, count in account.left_out.items():
        click.echo(f"left out: {count:,} {reason}", err=True)
    for note in account.notes:
        click.echo(f"note: {note}", err=True)
