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
format_ = click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    help="How to write the answer.",
)
output = click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the answer there instead of to the screen.",
)
