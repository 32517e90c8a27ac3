"""`taxalens taxonomy resolve`: what names mean, one row a name."""

from pathlib import Path

import click

from ui import options


@click.command()
@click.argument("names", nargs=-1, required=True)
@options.taxonomy
@options.collection
@click.option("--within", multiple=True, metavar="NAME", help="Only taxa of this clade.")
@options.format_
@options.output
def command(
    names: tuple[str, ...],
    taxonomy: str | None,
    collection: Path,
    within: tuple[str, ...],
    format_: str,
    output: Path | None,
) -> None:
    """Resolve NAMES to taxa: names, one FILE with a name a line, or - for the standard input.

    A name matches exactly: as a scientific name, in another spelling of letters, as a synonym or a
    common name. Similar names are only suggested.

    \b
      taxalens taxonomy resolve "Ficus (Plantae)" "Ursus arctos Linnaeus, 1758" lion
      taxalens taxonomy resolve names.txt --output resolved.csv
    """
    from search.taxonomies import resolve
    from ui.tables import write_answers

    found = resolve(_names(names), taxonomy=taxonomy, collection=collection, within=within)
    write_answers(found, format_, output)


def _names(given: tuple[str, ...]) -> list[str]:
    """The names of a file, if one alone is given and is there; else what is given."""
    if len(given) == 1 and (given[0] == "-" or Path(given[0]).is_file()):
        with click.open_file(given[0], encoding="utf-8", errors="replace") as file:
            return [line.strip() for line in file if line.strip()]
    return list(given)
