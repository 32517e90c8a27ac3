"""`taxalens audit`: labels that are likely wrong, copies, outliers."""

from pathlib import Path

import click

from ui import options


@click.command()
@click.option(
    "--kind",
    "kinds",
    type=click.Choice(("labels", "duplicates", "alike", "outliers")),
    multiple=True,
    help="Kind of finding; by default all four.",
)
@click.option(
    "-k",
    type=click.IntRange(min=1),
    default=20,
    show_default=True,
    help="Number of findings of each kind.",
)
@options.within
@options.where
@options.collection
@options.format_
@options.output
@click.option(
    "--sheet",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=options.file_to_write,
    metavar="FILE",
    help="Contact sheet of the images to draw.",
)
def command(
    kinds: tuple[str, ...],
    k: int,
    within: tuple[str, ...],
    where: str,
    collection: Path,
    format_: str,
    output: Path | None,
    sheet: Path | None,
) -> None:
    """List images to look at again, worst first.

    labels: likely wrong ones. duplicates: copies of a picture, and how each was changed. alike:
    pictures of one scene, such as a burst, whose labels contradict. outliers: unlike all others.

    \b
      taxalens audit
      taxalens audit --kind labels -k 200 --within Aves --output wrong.csv
      taxalens audit --kind duplicates --sheet duplicates.png
    """
    from dataclasses import replace

    from search.audit.findings import KINDS
    from search.collection import open_collection
    from ui.tables import write_answers

    findings = open_collection(collection).audit(kinds or KINDS, k, within=within, where=where)
    click.echo(findings.meaning, err=True)
    if findings:
        click.echo(findings.units, err=True)
    write_answers(findings, format_, output)
    if sheet:
        from ui.contact_sheet import write_contact_sheet

        hits = [replace(each.hit, score=each.score) for each in findings]
        write_contact_sheet(hits, sheet, title=findings.meaning)
        click.echo(f"contact sheet: {sheet}", err=True)
