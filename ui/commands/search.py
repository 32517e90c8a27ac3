"""`taxalens search`: images by name, text or picture."""

from pathlib import Path
from typing import TYPE_CHECKING, TypedDict

import click

from indexer.publish.address import shown
from model.errors import BadInput
from ui import options

if TYPE_CHECKING:
    from search.query.dates_and_places import Place


class _Filters(TypedDict):
    """The filters of one query or of many."""

    within: tuple[str, ...]
    exclude: tuple[str, ...]
    rank: str
    where: str
    date: str | None
    near: "Place | None"


_ONE_QUERY = (
    *("plus", "minus", "skip", "group_by", "sequence", "distinct", "diverse"),
    *("explain", "copy_to", "sheet"),
)


@click.command()
@click.argument("query", required=False)
@click.option("--taxon", metavar="NAME", help="A taxon at any rank; an unknown name is an error.")
@click.option("--text", help="A text to compare with, even where a taxon bears that name.")
@click.option(
    "--queries",
    type=click.Path(path_type=Path, exists=True, dir_okay=False),
    metavar="FILE",
    help="File with a QUERY a line; the column query of a hit names its own.",
)
@click.option(
    "--image",
    "images",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Picture to compare with; several show one specimen.",
)
@click.option("--id", "image_id", metavar="ID", help="Image of the collection to compare with.")
@click.option(
    "--plus",
    multiple=True,
    type=options.WEIGHTED,
    metavar="[N*]THIS",
    help="Prefer images like a name, text or picture; N is its weight.",
)
@click.option(
    "--minus",
    multiple=True,
    type=options.WEIGHTED,
    metavar="[N*]THIS",
    help="Avoid images like a name, text or picture.",
)
@click.option(
    "-k", type=click.IntRange(min=1), default=10, show_default=True, help="Number of hits."
)
@click.option("--skip", type=click.IntRange(min=0), default=0, help="Number of hits to skip.")
@click.option(
    "--group-by", metavar="COLUMN", default="", help="Show the best hit of each value of a column."
)
@options.sequence
@click.option("--distinct", is_flag=True, help="Drop near-duplicates of better hits.")
@click.option("--diverse", is_flag=True, help="Prefer hits unlike each other.")
@options.within
@click.option("--exclude", multiple=True, metavar="NAME", help="No images labelled in this clade.")
@click.option(
    "--rank", metavar="RANK", default="", help="Only images labelled at this rank or below."
)
@options.where
@click.option(
    "--date", metavar="FROM/TO", default="", help="Only images of this time: 2021, 2021-05/2022."
)
@click.option(
    "--near",
    type=options.PLACE,
    metavar="LAT,LON,KM",
    help="Only images within KM of a place, or between two corners: LAT,LON,LAT,LON.",
)
@click.option("--explain", is_flag=True, help="Print the plan of the search.")
@options.taxonomy
@options.searched_collection
@options.format_
@options.output
@click.option(
    "--copy-to",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Copy the files of the hits to a folder, numbered by rank.",
)
@click.option(
    "--sheet",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=options.file_to_write,
    metavar="FILE",
    help="Contact sheet of the hits to draw.",
)
def command(
    query: str | None,
    taxon: str | None,
    text: str | None,
    queries: Path | None,
    images: tuple[Path, ...],
    image_id: str | None,
    plus: tuple[tuple[str, float], ...],
    minus: tuple[tuple[str, float], ...],
    k: int,
    skip: int,
    group_by: str,
    sequence: float | None,
    distinct: bool,
    diverse: bool,
    within: tuple[str, ...],
    exclude: tuple[str, ...],
    rank: str,
    where: str,
    date: str,
    near: "Place | None",
    explain: bool,
    taxonomy: str | None,
    collection: Path | str,
    format_: str,
    output: Path | None,
    copy_to: Path | None,
    sheet: Path | None,
) -> None:
    """Find images by a QUERY: a taxon or label by its name, else a text.

    \b
      taxalens search "Felidae"
      taxalens search "red fruit" -k 50
      taxalens search --image moth.jpg --output hits.csv
      taxalens search "night" --within Carnivora --exclude Felidae
      taxalens search "Felidae" --plus "2*snow" --minus "camera flash" --distinct
      taxalens search "Aves" --rank species --where "site = 'A' AND elevation > 500"
    """
    if isinstance(collection, str) and (copy_to or sheet):
        raise BadInput(
            f"{'--copy-to' if copy_to else '--sheet'} needs the collection's own files: leave it "
            f"out, or search the collection's own folder instead of {shown(collection)}."
        )
    asked = [
        each for each in (query, taxon, text, queries, images or None, image_id) if each is not None
    ]
    if len(asked) != 1:
        raise click.UsageError(
            "Give exactly one of QUERY, --taxon, --text, --queries, --image or --id."
        )
    if queries:
        options.refuse(_ONE_QUERY, "is for one query: leave it out, or give a QUERY.")
    from search.collection import open_collection
    from ui.answers import copy_files, show_each, show_hits

    lines = _lines(queries) if queries else []
    opened = open_collection(collection, taxonomy=taxonomy)
    filters = _Filters(
        within=within, exclude=exclude, rank=rank, where=where, date=date or None, near=near
    )
    if lines:
        each = opened.search_each(lines, k, **filters)
        show_each(zip(lines, each, strict=True), format_, output)
        return
    hits = opened.search(
        query,
        taxon=taxon,
        text=text,
        image=images or None,
        image_id=image_id,
        k=k,
        **filters,
        plus=plus,
        minus=minus,
        skip=skip,
        group_by=group_by,
        sequence=sequence,
        distinct=distinct,
        diverse=diverse,
    )
    if explain:
        for plan in hits.plans:
            click.echo(str(plan), err=True)
    show_hits(hits, format_, output)
    if copy_to:
        click.echo(f"{copy_files(hits, copy_to)} files copied to {copy_to}", err=True)
    if sheet:
        from ui.contact_sheet import write_contact_sheet

        write_contact_sheet(hits, sheet, title=hits.meaning)
        click.echo(f"contact sheet: {sheet}", err=True)


def _lines(path: Path) -> list[str]:
    """Return the queries of a file, in whatever encoding it is."""
    from indexer.tables.encodings import read_text

    lines = [line for line in read_text(path).splitlines() if line.strip()]
    if not lines:
        raise BadInput(f"{path} holds no queries; write one a line.")
    return lines
