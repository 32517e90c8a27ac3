"""`taxalens index`: sources in, a collection out."""

from pathlib import Path
from typing import Any

import click

from ui import options


@click.command()
@click.argument("sources", nargs=-1, required=True, metavar="SOURCE...")
@options.collection
@options.encoder
@options.labels
@options.taxonomy
@options.work
def command(sources: tuple[str, ...], collection: Path, **asked: Any) -> None:
    """Embed the pictures of a SOURCE that are new or have changed.

    A SOURCE is a folder or a picture; a table (CSV, Excel, Parquet) or list (txt) of paths or URLs;
    a webdataset tar; pictures or vectors in Parquet; a Darwin Core archive with media, such as a
    GBIF download; a Camtrap DP package; a IIIF manifest; results of MegaDetector or SpeciesNet.
    Removed pictures stay out.

    \b
      taxalens index photos
      taxalens index photos --encoder starter -c trial.collection
      taxalens index photos --labels labels.csv --taxonomy inat
      taxalens index gbif-download.zip --fetch
    """
    from indexer.ingest.indexing import index
    from ui.running import run_each

    run_each(
        lambda source, bars: index(source, collection, progress=bars, **asked), sources, collection
    )
