"""`taxalens identify`: what photographs show, at the rank that is sure."""

from pathlib import Path

import click

from ui import options

_FILE = click.Path(path_type=Path, exists=True, dir_okay=False)
_OF_TAXA = (
    *("precision", "novel", "checklist", "checklist_weight", "subset"),
    *("group_by", "sequence", "plot"),
)


@click.command()
@click.argument("images", nargs=-1, required=True)
@click.option(
    "--precision",
    type=float,
    default=0.9,
    show_default=True,
    help="Share of answers that must be right: 0.9 is nine of ten.",
)
@click.option(
    "--novel",
    type=float,
    metavar="SHARE",
    help="Share of photographs of species that are not labelled; by default estimated from the "
    "collection's unlabelled images. 0: none.",
)
@click.option("--rank", metavar="RANK", default="", help="Deepest rank of an answer.")
@click.option(
    "--within", multiple=True, metavar="NAME", help="Candidates: only taxa of this clade."
)
@click.option("--exclude", multiple=True, metavar="NAME", help="Candidates: no taxa of this clade.")
@click.option("--checklist", type=_FILE, metavar="FILE", help="Taxa that occur here, one a line.")
@click.option(
    "--checklist-weight",
    type=click.FloatRange(0, 1),
    default=0.0,
    show_default=True,
    help="Prior weight of taxa absent from the checklist, 0 to 1.",
)
@click.option(
    "--subset",
    type=_FILE,
    metavar="CSV",
    help="Taxa that occur here, in a column named after their rank.",
)
@click.option(
    "--labels", type=_FILE, metavar="FILE", help="Classify by your own labels, one a line."
)
@click.option("--cls", metavar="A,B|FILE", help="Classify by your own labels, separated by commas.")
@click.option(
    "--bins", type=_FILE, metavar="CSV", help="Classify by your own labels, each with its bin."
)
@click.option(
    "-k", "--k", type=click.IntRange(min=1), help="Write the k likeliest taxa, a line each."
)
@click.option(
    "--group-by",
    metavar="COLUMN",
    default="",
    help="Group photographs of one specimen by folder, or by a column of the metadata.",
)
@options.sequence
@options.taxonomy
@options.collection
@options.encoder
@options.format_
@options.output
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=options.file_to_write,
    metavar="FILE",
    help="Draw the reliability diagram: accuracy by confidence, as .png, .svg or .html.",
)
def command(
    images: tuple[str, ...],
    precision: float,
    novel: float | None,
    rank: str,
    within: tuple[str, ...],
    exclude: tuple[str, ...],
    checklist: Path | None,
    checklist_weight: float,
    subset: Path | None,
    labels: Path | None,
    cls: str | None,
    bins: Path | None,
    k: int | None,
    group_by: str,
    sequence: float | None,
    taxonomy: str | None,
    collection: Path,
    encoder: str | None,
    format_: str,
    output: Path | None,
    plot: Path | None,
) -> None:
    """Identify IMAGES: files, folders, patterns, tables, or - for a list on stdin.

    Each photograph gets one lineage, down to the deepest rank that reaches --precision, or
    "unknown" beside the nearest taxon; the status "new to this collection" is for a species that
    is likely not labelled here. --group-by and --sequence give one answer to several
    photographs of one specimen. A photograph without an answer is named on stderr; the exit code
    is 1 if an image does not exist or no photograph has an answer.

    \b
      taxalens identify new/*.jpg
      taxalens identify camera/ --within Mammalia --checklist park.txt --sequence 60s
      taxalens identify moth.jpg --taxonomy inat --encoder bioclip --k 5 --rank family
      taxalens identify photos/ --labels habitats.txt --encoder starter
    """
    own = [each for each in (labels, cls, bins) if each]
    if len(own) > 1 or (subset and checklist):
        raise click.UsageError(
            "Give one of --labels, --cls and --bins, of --checklist and --subset."
        )
    if own:
        options.refuse(_OF_TAXA, "is for taxa, not for labels of your own: leave it out.")
    if not (checklist or subset):
        options.refuse(["checklist_weight"], "is for the taxa absent from a --checklist: name one.")
    from search.identification_choices import bins_of, ready_for
    from search.identify import name_lists
    from search.identify.identifier import AnswerOptions
    from ui.identifying import classify, identify, sources_of

    sources = sources_of(images)
    if own:
        if labels or cls:
            names = name_lists.read_names(labels) if labels else name_lists.read_classes(cls or "")
            bins_by_label = {name: name for name in names}
        else:
            bins_by_label = name_lists.read_bins(bins or Path())
        chosen = bins_of(bins_by_label, rank, within, exclude, collection, taxonomy, encoder)
        classify(sources, *chosen, k, format_, output)
        return
    asked = AnswerOptions(precision, rank, k or 1, group_by, sequence, novel)
    listed = None
    if subset or checklist:
        listed = (
            name_lists.read_subset(subset) if subset else name_lists.read_names(checklist or Path())
        )
    ready = ready_for(
        collection,
        taxonomy,
        encoder,
        within=within,
        exclude=exclude,
        checklist=listed,
        checklist_weight=checklist_weight,
    )
    identify(ready, sources, asked, k is not None, format_, output, plot)
