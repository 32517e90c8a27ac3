"""Options that several commands share."""

from pathlib import Path

import click

DEFAULT_COLLECTION = Path("taxalens.collection")
FORMATS = ("table", "csv", "json", "parquet")

collection = click.option(
    "-c",
    "--collection",
    type=click.Path(path_type=Path),
    default=DEFAULT_COLLECTION,
    show_default=True,
    metavar="DIR",
    help="The collection.",
)
taxonomy = click.option(
    "--taxonomy",
    metavar="NAME|FILE",
    help="An imported taxonomy (taxalens taxonomy list); by default the collection's own.",
)
format_ = click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How to write the answer.",
)


def file_to_write(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Refuse a file that cannot be written before the work for it begins."""
    if path and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}.", ctx, parameter)
    return path


output = click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=file_to_write,
    metavar="FILE",
    help="Write the answer there instead of to the screen.",
)
