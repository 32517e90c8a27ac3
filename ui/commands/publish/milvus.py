"""`taxalens publish milvus`: a collection on a server of Milvus, or in a file of Milvus Lite."""

from pathlib import Path

import click

from ui import options


@click.command()
@click.option(
    "--uri",
    required=True,
    metavar="URI",
    help="milvus://[USER:PASSWORD@]HOST:19530/NAME, or milvus://FILE.db/NAME for Milvus Lite.",
)
@options.collection
def command(uri: str, collection: Path) -> None:
    """Publish vectors, labels and metadata in Milvus under a name, and verify them there.

    An earlier publication of that name answers until the new one is whole and found right.
    Pictures and this machine's folders are not published, and places of threatened species only to
    0.1°.

    \b
      taxalens publish milvus --uri milvus://localhost:19530/birds
      taxalens publish milvus --uri milvus://birds.db/birds -c birds.collection
    """
    from search.publish import publish
    from ui.progress_bars import progress_bars

    with progress_bars() as progress:
        done = publish(collection, uri, progress=progress)
    how = "replaced" if done.replaced else "published"
    click.echo(f"{done.address}: {done.images:,} images {how}; recall@10 {done.recall:.3f}")
