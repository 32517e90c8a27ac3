"""`taxalens optimize`: a collection made quick to search."""

from pathlib import Path

import click

from ui import options


@click.command()
@options.collection
def command(collection: Path) -> None:
    """Bring a collection into the order of its taxa, and index it if it is large.

    Removed images are dropped, and images added since the last time are found as fast as the
    others. The recall of the index is measured; `taxalens info` shows it.
    """
    from indexer.backends.index_file import FROM
    from search.optimize import optimize
    from ui.progress_bars import progress_bars

    with progress_bars() as progress:
        manifest = optimize(collection, progress=progress)
    entry = manifest.index
    done = f"without an index: from {FROM:,} on there is one"
    if entry:
        texts = f", {entry.text.recall:.3f} for texts" if entry.text else ""
        done = f"indexed; recall@10 {entry.image.recall:.3f} for pictures{texts}"
    click.echo(f"{collection}: {_images(collection):,} images in the order of their taxa, {done}")


def _images(collection: Path) -> int:
    from indexer.catalog.snapshot import open_snapshot

    with open_snapshot(collection) as snapshot:
        return int(snapshot.query("SELECT count(*) FROM images")[0][0])
