"""Options that several commands share."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import click

from model.runtimes import AUTO, RUNTIMES


class _Place(click.ParamType[tuple[float, float, float]]):
    """A latitude, a longitude and the km around them."""

    name = "place"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[float, float, float]:
        """Return "52.5,13.4,20" as three numbers."""
        try:
            latitude, longitude, km = map(float, str(value).split(","))
        except ValueError:
            self.fail(f"{value!r} is no place; write LAT,LON,KM: 52.5,13.4,20.", param, ctx)
        return latitude, longitude, km


class _Weighted(click.ParamType[tuple[str, float]]):
    """A name, a text or a picture with its weight."""

    name = "weighted"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> tuple[str, float]:
        """Return "2*snow" as ("snow", 2.0), "snow" as ("snow", 1.0)."""
        weight, star, rest = str(value).partition("*")
        try:
            return (rest.strip(), float(weight)) if star else (str(value), 1.0)
        except ValueError:
            return str(value), 1.0  # a star that is a part of the text


PLACE, WEIGHTED = _Place(), _Weighted()
DEFAULT_COLLECTION = Path("taxalens.collection")
FORMATS = ("table", "markdown", "csv", "json", "parquet")

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
within = click.option(
    "--within", multiple=True, metavar="NAME", help="Only images labelled in this clade."
)
where = click.option("--where", metavar="SQL", default="", help="SQL condition on the metadata.")
format_ = click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    default="table",
    show_default=True,
    is_eager=True,  # before --output, which looks at it
    help="How to write the answer.",
)


def file_to_write(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Refuse a file that cannot be written before the work for it begins."""
    if path and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}.", ctx, parameter)
    return path


def _answer_file(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    if path is None and ctx.params.get("format_") == "parquet":
        raise click.UsageError("Parquet cannot be shown on a screen; name a file with --output.")
    return file_to_write(ctx, parameter, path)


output = click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_answer_file,
    metavar="FILE",
    help="Write the answer there instead of to the screen.",
)
encoder = click.option(
    "--encoder",
    metavar="SPEC",
    help="starter (small, offline), bioclip, bioclip-2, bioclip-2.5, biocap, hf-hub:OWNER/NAME, "
    "local-dir:DIR or ARCH:CHECKPOINT. By default the collection's own; bioclip for a new one.",
)
labels = click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="CSV, Excel or Parquet with a column file_name or label, and kingdom … species or taxon, "
    "common_name. Without it, folder names are the labels.",
)
_WORK = (
    click.option(
        "--runtime",
        type=click.Choice(RUNTIMES),
        default=AUTO,
        show_default=True,
        help="What computes the vectors; auto is torch on a GPU and OpenVINO on a CPU.",
    ),
    click.option("--fetch", is_flag=True, help="Download pictures that are named by URL."),
    click.option(
        "--workers",
        type=click.IntRange(min=1),
        metavar="N",
        help="Threads that read and decode; by default as many as suit the machine.",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(min=1),
        metavar="N",
        help="Pictures that are embedded at once; by default as many as suit the machine.",
    ),
)


def work(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of commands that embed: how they work."""
    for option in reversed(_WORK):
        command = option(command)
    return command
