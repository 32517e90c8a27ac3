"""`taxalens evaluate`: encoders side by side on labelled images."""

from pathlib import Path
from typing import Any

import click

from ui import options

FAMILIES = ("zero-shot", "few-shot", "retrieval", "calibration", "open-set", "intrinsic")


@click.command()
@click.argument("source", required=False)
@click.option(
    "--encoder",
    "encoders",
    multiple=True,
    metavar="SPEC",
    help="starter, bioclip, …, hf-hub:OWNER/NAME, local-dir:DIR or ARCH:CHECKPOINT; several stand "
    "side by side. By default the collection's own, and bioclip for a source.",
)
@click.option(
    "--measure",
    "families",
    type=click.Choice(FAMILIES),
    multiple=True,
    help="Only these families of measures; by default all.",
)
@click.option(
    "--text-type",
    metavar="NAME",
    default="",
    help="How zero-shot writes a class: sci, com, taxon, sci_com, taxon_com or asis (the label as "
    "it is). By default as published: com for CLIP, taxon_com for BioCLIP.",
)
@click.option(
    "--templates",
    type=click.Choice(("1", "80", "81")),
    default="81",
    show_default=True,
    help="How many templates a class is averaged over: OpenAI's 80, with “a photo of …” 81.",
)
@click.option(
    "--shots",
    type=click.IntRange(min=1),
    multiple=True,
    default=(1, 5),
    show_default=True,
    help="Examples of each class.",
)
@click.option(
    "--seeds",
    type=click.IntRange(min=1),
    default=5,
    show_default=True,
    help="How often examples, and unknown classes, are drawn.",
)
@click.option(
    "--in-place",
    is_flag=True,
    help="Draw examples as BioCLIP's published figures: each draw shuffles the one before it.",
)
@click.option(
    "--queries",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Free-text queries with marked answers: a table with columns query and file_name.",
)
@click.option(
    "--task",
    "tasks",
    multiple=True,
    metavar="NAME",
    help="A task of BioCLIP's evaluation: birds, plankton, insects, insects-2, plantnet, fungi, "
    "plantvillage, medicinal-leaf, plantdoc, rare-species, nabirds, desert-lion, ena24, island, "
    "ohio-small-animals, orinoquia.",
)
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="The folder of these tasks: label files as BioCLIP's repositories have them, with the "
    "pictures beside.",
)
@click.option(
    "--table",
    "as_table",
    is_flag=True,
    help="The results table of BioCLIP's model card, the published figures beside measured ones.",
)
@click.option("--fetch", is_flag=True, help="Download pictures that are named by URL.")
@options.collection
@options.format_
@options.output
@click.option(
    "--plot",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=options.file_to_write,
    metavar="FILE",
    help="Draw the figures and their intervals: .png, .svg or .html.",
)
@click.option(
    "--tree",
    type=click.Path(path_type=Path, dir_okay=False),
    callback=options.file_to_write,
    metavar="FILE",
    help="Draw the images in a plane, clade by clade, coloured by taxon (t-SNE): .png, .svg or "
    ".html.",
)
def command(
    source: str | None,
    encoders: tuple[str, ...],
    families: tuple[str, ...],
    text_type: str,
    templates: str,
    shots: tuple[int, ...],
    seeds: int,
    in_place: bool,
    queries: Path | None,
    tasks: tuple[str, ...],
    data: Path | None,
    as_table: bool,
    fetch: bool,
    collection: Path,
    format_: str,
    output: Path | None,
    plot: Path | None,
    tree: Path | None,
) -> None:
    """Evaluate encoders on labelled images: a collection's, or those of a folder or table.

    Every figure has the number of items that it averages and a 95 % interval. Images are embedded
    once an encoder and kept in your cache folder, so a second question takes seconds.

    \b
      taxalens evaluate --encoder bioclip --encoder bioclip-2
      taxalens evaluate photos --encoder starter --measure few-shot --plot few-shot.png
      taxalens evaluate photos --encoder starter --measure intrinsic --tree tree.png
      taxalens evaluate task.csv --encoder clip --text-type asis --format markdown
      taxalens evaluate --table --data tasks
    """
    from training.evaluation.evaluate import evaluate
    from training.evaluation.published import ENCODERS
    from training.evaluation.task_table import evaluate_tasks, results_table
    from ui.evaluating import show_evaluation, show_results
    from ui.progress_bars import progress_bars

    if (tasks or as_table) and (source or queries or tree):
        raise click.UsageError("--task and --table have images of their own, and no --tree.")
    if as_table:
        options.refuse(["plot", "tasks"], "is not for --table, which has all tasks: leave it out.")
    if not (tasks or as_table):
        options.refuse(["data"], "is for a --task or the --table: name one.")
    settings: dict[str, Any] = {
        "families": families or FAMILIES,
        "text_type": text_type,
        "templates": int(templates),
        "shots": shots,
        "seeds": seeds,
        "in_place": in_place,
        "fetch": fetch,
    }
    with progress_bars() as progress:
        settings["progress"] = progress
        if as_table:
            show_results(
                results_table(data, encoders or tuple(ENCODERS), **settings), format_, output
            )
            return
        if tasks:
            evaluation = evaluate_tasks(tasks, data, encoders, **settings)
        else:
            evaluation = evaluate(
                source, encoders, collection=collection, queries=queries, **settings
            )
        picture = None
        if tree:
            from training.evaluation.tree_picture import tree_picture

            picture = tree_picture(
                source, encoders, collection=collection, fetch=fetch, progress=progress
            )
    show_evaluation(evaluation, format_, output)
    for drawn, path in ((plot and evaluation.plot(), plot), (picture, tree)):
        if drawn and path:
            from search.plots import save_plot

            save_plot(drawn, path)
            click.echo(f"plot: {path}", err=True)
