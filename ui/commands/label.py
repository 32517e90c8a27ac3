"""`taxalens label`: labels learned from a few examples."""

from pathlib import Path

import click

from ui import options


@click.command()
@click.option(
    "--examples",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Table of examples with a column image_id, file_name or label (a folder), and label, "
    "taxon or kingdom … species. By default the images with a person's label are the examples.",
)
@click.option(
    "--precision",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    metavar="SHARE",
    help="Lowest confidence of a label; a less certain image gets none.",
)
@click.option(
    "--novel",
    type=click.FloatRange(0, 1, max_open=True),
    metavar="SHARE",
    help="How many of the images may be of classes without an example; by default estimated.",
)
@click.option(
    "--sets",
    type=click.FloatRange(0, 1, max_open=True),
    default=0.0,
    metavar="SHARE",
    help="Add a conformal set: labels of which one is right in this share of cases.",
)
@click.option("--query", metavar="QUERY", help="Label only the first hits of this search.")
@click.option(
    "--first",
    type=click.IntRange(min=1),
    default=1000,
    show_default=True,
    help="Number of hits of --query to label.",
)
@options.within
@options.where
@click.option(
    "--relabel", is_flag=True, help="Also label images with a person's label, which stays."
)
@click.option("--dry-run", is_flag=True, help="Show the labels and store none.")
@options.collection
@options.format_
@options.output
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=options.file_to_write,
    metavar="FILE",
    help="Draw the confusion matrix of left-out examples, as .png, .svg or .html.",
)
def command(
    examples: Path | None,
    precision: float,
    novel: float | None,
    sets: float,
    query: str | None,
    first: int,
    within: tuple[str, ...],
    where: str,
    relabel: bool,
    dry_run: bool,
    collection: Path,
    format_: str,
    output: Path | None,
    plot: Path | None,
) -> None:
    """Label images from a few examples. Labels of people stay, and come first everywhere.

    The accuracy on left-out examples is printed first. Each label is then shown and stored as a
    machine label, with its confidence and its nearest examples. Images with a person's label are
    skipped, unless --within or --relabel is given.

    \b
      taxalens label --examples few.csv --dry-run
      taxalens label --examples few.csv --precision 0.9 --output labels.csv
      taxalens label --query "Felidae" --first 500 --plot confusion.png
    """
    if not query:
        options.refuse(["first"], "is for the first hits of a --query: give one.")
    from search.collection import open_collection
    from ui.labelling import label_images, told

    labelling = open_collection(collection).label(
        examples,
        precision=precision,
        sets=sets,
        query=query,
        first=first,
        within=within,
        where=where,
        relabel=relabel,
        novel=novel,
    )
    for line in told(labelling):
        click.echo(line, err=True)
    if plot:
        from search.plots import save_plot

        if (drawn := labelling.learner.plot()) is None:
            click.echo("no plot: with one example of each class none can be left out", err=True)
        else:
            save_plot(drawn, plot)
            click.echo(f"plot: {plot}", err=True)
    click.echo(label_images(labelling, format_, output, not dry_run), err=True)
