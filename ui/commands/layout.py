"""`taxalens layout`: the images of a collection laid out on a plane by UMAP."""

from pathlib import Path

import click

from ui import options


@click.command()
@options.collection
def command(collection: Path) -> None:
    """Lay images out by UMAP, alike ones side by side, for the page's Space.

    Of more than 20,000 images a random sample is laid out. It takes minutes, and again after images
    were added. Needs the extra `umap`; without it, Space shows two principal components.
    """
    from search.collection import open_collection

    with open_collection(collection) as opened:
        click.echo(f"Laying out {len(opened):,} images …", err=True)
        laid = opened.lay_out()
    click.echo(f"{collection}: {laid:,} images laid out by UMAP; see Space in `taxalens app`")
