"""`taxalens demo`: real photographs, indexed, searched, identified and labelled."""

from pathlib import Path

import click

from ui import options


@click.command()
@options.collection
@click.option(
    "--images",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="Use this folder of pictures instead of fetching the demo's photographs.",
)
def command(collection: Path, images: Path | None) -> None:
    """Fetch photographs, index them with the starter encoder, and show each of the three jobs."""
    from platformdirs import user_cache_path

    from indexer.ingest.indexing import index
    from ui.demo import tour
    from ui.demo.photos import TABLE, obtain_photos
    from ui.progress_bars import progress_bars

    cache = user_cache_path("taxalens") / "demo"
    folder = images or obtain_photos(cache)
    labels = examples = None
    withheld: list[Path] = []
    if not images:
        labels, examples = cache / "labels.csv", cache / "examples.csv"
        rows = tour.rows_of(Path(str(TABLE)), folder)
        tour.write_labels(rows, labels)
        tour.write_examples(rows, examples)
        withheld = [folder / name for name in tour.held_out(rows)]
    with progress_bars() as progress:
        index(folder, collection, encoder="starter", labels=labels, progress=progress)
    tour.show(collection, withheld, examples)
