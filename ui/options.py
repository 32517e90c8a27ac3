"""Options that several commands share."""

import re
from collections.abc import Callable, Sequence
from contextlib import suppress
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from click.core import ParameterSource

from indexer.publish.address import address_of, is_address, shown
from model.runtimes import AUTO, RUNTIMES

if TYPE_CHECKING:
    from os import PathLike

    from search.query.dates_and_places import Place


class _Place(click.ParamType["Place"]):
    """A latitude, a longitude and the km around them, or two corners of a rectangle."""

    name = "place"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> "Place":
        """Return "52.5,13.4,20" as three numbers, "52,13,53,14" as four."""
        with suppress(ValueError):
            match tuple(map(float, str(value).split(","))):
                case (latitude, longitude, km):
                    return latitude, longitude, km
                case (south, west, north, east):
                    return south, west, north, east
        self.fail(
            f"{value!r} is not a place; write LAT,LON,KM: 52.5,13.4,20; or two corners: "
            "52,13,53,14.",
            param,
            ctx,
        )


class _Collection(click.Path):
    """The folder of a collection; an address stays a text, of which a Path would lose a slash."""

    def convert(
        self,
        value: "str | PathLike[str]",
        param: click.Parameter | None,
        ctx: click.Context | None,
    ) -> "str | bytes | PathLike[str]":
        """Return a Path, or an address as it was written."""
        written = str(value)
        return written if is_address(written) else super().convert(value, param, ctx)


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


class _Gap(click.ParamType[float]):
    """A time between photographs."""

    name = "gap"

    def convert(
        self, value: Any, param: click.Parameter | None, ctx: click.Context | None
    ) -> float:
        """Return "60s", "2min" or "1h" as seconds."""
        found = re.fullmatch(r"(\d+(?:\.\d+)?) ?(s|min|h)", str(value).strip())
        if found is None or not float(found[1]):
            self.fail(f"{value!r} is not a time; write 60s, 2min or 1h.", param, ctx)
        return float(found[1]) * {"s": 1, "min": 60, "h": 3600}[found[2]]


GAP = _Gap()
EXACT_PLACES = "--exact-places"  # the page's script reads it, too
PLACE, WEIGHTED = _Place(), _Weighted()
DEFAULT_COLLECTION = Path("taxalens.collection")
FORMATS = ("table", "markdown", "csv", "json", "parquet")

_COLLECTION: dict[str, Any] = {
    "type": _Collection(path_type=Path),
    "default": DEFAULT_COLLECTION,
    "show_default": True,
}


def _folder(ctx: click.Context, parameter: click.Parameter, written: Path | str) -> Path:
    """Refuse the address of a published collection, before a folder of that name is made."""
    if isinstance(written, Path):
        return written
    address_of(written)
    raise click.BadParameter(
        f"{shown(written)} is a published collection, which taxalens search alone can ask; name "
        "the folder that it was published from.",
        ctx,
        parameter,
    )


collection = click.option(
    *("-c", "--collection"),
    **_COLLECTION,
    callback=_folder,
    metavar="DIR",
    help="Folder of the collection.",
)
searched_collection = click.option(
    *("-c", "--collection"),
    **_COLLECTION,
    metavar="DIR|URI",
    help="Folder of the collection, or milvus://HOST/NAME where one is published.",
)
taxonomy = click.option(
    "--taxonomy",
    metavar="NAME|FILE",
    help="Imported taxonomy (taxalens taxonomy list); by default the collection's taxonomy.",
)
within = click.option(
    "--within", multiple=True, metavar="NAME", help="Only images labelled in this clade."
)
sequence = click.option(
    "--sequence",
    type=GAP,
    metavar="GAP",
    help="Group photographs that one camera took at most GAP apart (60s, 2min), by EXIF or a date "
    "column.",
)
where = click.option(
    "--where", metavar="SQL", default="", help="SQL condition on the metadata of images."
)
exact_places = click.option(
    EXACT_PLACES,
    is_flag=True,
    help="Show exactly where threatened species (VU, EN, CR) are; without it, to 0.1°.",
)
_WRITTEN = ParameterSource.COMMANDLINE
_SUFFIXES = {".txt": "table", ".csv": "csv", ".json": "json", ".parquet": "parquet"}


def refuse(names: Sequence[str], because: str) -> None:
    """Refuse options of the command that was called, by their parameters: they would do nothing."""
    context = click.get_current_context()
    for each in context.command.params:
        if each.name in names and context.get_parameter_source(each.name) is _WRITTEN:
            raise click.UsageError(f"{max(each.opts, key=len)} {because}")


def file_to_write(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Refuse a file that cannot be written, or that is there, before the work for it begins."""
    if path and not path.parent.is_dir():
        raise click.BadParameter(
            f"{path.parent} is not a folder; create it, or choose another.", ctx, parameter
        )
    if path and path.is_file() and not ctx.params.get(_OVERWRITE):
        raise click.BadParameter(
            f"{path} exists; name another file, or pass --overwrite to replace it.", ctx, parameter
        )
    return path


def _answer_file(ctx: click.Context, parameter: click.Parameter, path: Path | None) -> Path | None:
    """Check the file of an answer, and take its format from the name where none is given."""
    given = ctx.params.get("format_")
    if path is None:
        if given == "parquet":
            raise click.BadParameter(
                "Parquet cannot be shown on a screen; name a file with --output.", ctx, parameter
            )
        ctx.params["format_"] = given or "table"
        return None
    named = _SUFFIXES.get(path.suffix.lower())
    if given is None and named is None:
        raise click.BadParameter(
            f"{path} does not tell its format; end its name in {_LISTED}, or pass --format.",
            ctx,
            parameter,
        )
    if given and named and given != named:
        raise click.BadParameter(
            f"{path} is called {path.suffix}, but --format is {given}; change one of them.",
            ctx,
            parameter,
        )
    ctx.params["format_"] = given or named
    return file_to_write(ctx, parameter, path)


_OVERWRITE = "overwrite"
_LISTED = ", ".join([*_SUFFIXES][:-1]) + " or " + [*_SUFFIXES][-1]
_overwrite = click.option(
    "--overwrite",
    is_flag=True,
    is_eager=True,  # before the options of files, which look at it
    help="Replace files that exist.",
)
_output = click.option(
    "--output",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=_answer_file,
    metavar="FILE",
    help="Write the answer to a file instead of the screen.",
)


def output(command: Callable[..., None]) -> Callable[..., None]:
    """Add --output and --overwrite; the command takes `output` alone."""
    return _output(overwrite(command))


def overwrite(command: Callable[..., None]) -> Callable[..., None]:
    """Add --overwrite to a command that has an option with `file_to_write`."""

    @wraps(command)
    def without(*arguments: Any, **options: Any) -> None:
        del options[_OVERWRITE]
        command(*arguments, **options)

    return _overwrite(without)


format_ = click.option(
    "--format",
    "format_",
    type=click.Choice(FORMATS),
    is_eager=True,  # before --output, which looks at it
    help=f"Format of the answer; by default a table, or as the name of --output ends: {_LISTED}.",
)
encoder = click.option(
    "--encoder",
    metavar="SPEC",
    help="starter (small, offline), bioclip, bioclip-2, bioclip-2.5, biocap, hf-hub:OWNER/NAME, "
    "local-dir:DIR or ARCH:CHECKPOINT. By default the collection's encoder; bioclip for a new "
    "collection.",
)
labels = click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Table of labels (CSV, Excel, Parquet) with a column file_name, or label for folders, and "
    "taxon or kingdom … species, common_name. By default the source's own labels, such as the "
    "names of folders.",
)
_WORK = (
    click.option(
        "--runtime",
        type=click.Choice(RUNTIMES),
        default=AUTO,
        show_default=True,
        help="Library that computes the vectors; auto takes torch on a GPU, OpenVINO on a CPU.",
    ),
    click.option("--fetch", is_flag=True, help="Download pictures given by URL."),
    click.option(
        "--workers",
        type=click.IntRange(min=1),
        metavar="N",
        help="Threads that read and decode; by default chosen for the machine.",
    ),
    click.option(
        "--batch-size",
        type=click.IntRange(min=1),
        metavar="N",
        help="Pictures embedded at once; by default chosen for the machine.",
    ),
    click.option(
        "--on",
        default="here",
        show_default=True,
        metavar="WHERE",
        help="Machines that embed: here, slurm[:TASKS] (a job array) or ray[://HOST:PORT].",
    ),
)


def work(command: Callable[..., None]) -> Callable[..., None]:
    """Add the options of commands that embed: how they work."""
    for option in reversed(_WORK):
        command = option(command)
    return command
