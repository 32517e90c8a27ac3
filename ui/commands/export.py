"""`taxalens export`: a collection handed on to other programs."""

from pathlib import Path

import click

from ui import options


class _Export(click.Command):
    """Lists the formats, which are files of a folder, below the help."""

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write a line for each format."""
        from indexer.exports.export import formats

        with formatter.section("Formats"):
            formatter.write_dl([(name, format_.NOUN) for name, format_ in formats().items()])


@click.command(cls=_Export)
@click.argument("target", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "format_",
    metavar="NAME",
    help="A format listed below; by default the one that TARGET ends in.",
)
@click.option(
    "--map",
    "maps",
    multiple=True,
    metavar="COLUMN=TERM",
    help="Write a column of the metadata as a Darwin Core term.",
)
@options.within
@options.where
@options.collection
def command(
    target: Path,
    format_: str | None,
    maps: tuple[str, ...],
    within: tuple[str, ...],
    where: str,
    collection: Path,
) -> None:
    """Write images, labels and identifications to TARGET, in a form that other programs read.

    A TARGET that exists is never overwritten.

    \b
      taxalens export birds.csv --within Aves
      taxalens export archive.zip --format darwin-core --map fecha=eventDate
      taxalens export archive.zip --format darwin-core --where "country = 'Kenya'"
    """
    pairs = [each.rpartition("=") for each in maps]
    if wrong := [each for each, pair in zip(maps, pairs, strict=True) if not (pair[0] and pair[2])]:
        raise click.BadParameter(f"{wrong[0]!r} is not COLUMN=TERM.", param_hint="--map")
    mapped = {column: term for column, _, term in pairs}
    from search.collection import open_collection
    from ui.progress_bars import progress_bars

    with open_collection(collection) as opened, progress_bars() as progress:
        account = opened.export(
            target, format_, within=within, where=where, map=mapped, progress=progress
        )
    written = ", ".join(f"{count:,} {table}" for table, count in account.written.items())
    click.echo(f"{target}: {written or 'no rows'}")
    for reason, count in account.left_out.items():
        click.echo(f"left out: {count:,} {reason}", err=True)
    for note in account.notes:
        click.echo(f"note: {note}", err=True)
