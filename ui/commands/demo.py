"""`taxalens demo`: real photographs, indexed and searched, to see what taxalens does."""

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
    """Fetch photographs, index them with the starter encoder, and ask one query of each kind."""
    from platformdirs import user_cache_path

    from indexer.ingest.indexing import index
    from search.collection import open_collection
    from ui.demo.photos import TABLE, obtain_photos
    from ui.demo.tour import show
    from ui.progress_bars import progress_bars

    folder = images or obtain_photos(user_cache_path("taxalens") / "demo")
    labels = None if images else Path(str(TABLE))
    with progress_bars() as progress:
        index(folder, collection, encoder="starter", labels=labels, progress=progress)
    show(open_collection(collection))
