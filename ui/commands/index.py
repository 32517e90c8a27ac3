"""`taxalens index`: a folder in, a collection out."""

from pathlib import Path

import click

from model.runtimes import AUTO, RUNTIMES
from ui import options


@click.command()
@click.argument("folder", type=click.Path(path_type=Path))
@options.collection
@click.option(
    "--encoder",
    metavar="SPEC",
    help="starter (small, offline), bioclip, bioclip-2, bioclip-2.5, biocap, hf-hub:OWNER/NAME, "
    "local-dir:DIR or ARCH:CHECKPOINT. By default the collection's own; bioclip for a new one.",
)
@click.option(
    "--labels",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="CSV or Parquet with a column file_name or label, and kingdom … species or taxon, "
    "common_name. Without it, folder names are the labels.",
)
@options.taxonomy
@click.option(
    "--runtime",
    type=click.Choice(RUNTIMES),
    default=AUTO,
    show_default=True,
    help="What computes the vectors; auto is torch on a GPU and OpenVINO on a CPU.",
)
def command(
    folder: Path,
    collection: Path,
    encoder: str | None,
    labels: Path | None,
    taxonomy: str | None,
    runtime: str,
) -> None:
    """Index a FOLDER of pictures, or what is new in it.

    \b
      taxalens index photos
      taxalens index photos --encoder starter -c trial.collection
      taxalens index photos --labels labels.csv
      taxalens index photos --taxonomy inat
    """
    from ui.indexing import index

    try:
        progress = index(
            folder,
            collection,
            encoder=encoder,
            labels=labels,
            taxonomy=taxonomy,
            runtime=runtime,
        )
    except KeyboardInterrupt:
        click.echo("\nStopped. Run the same command again to go on from here.", err=True)
        raise click.exceptions.Exit(130) from None
    click.echo(
        f"{collection}: {progress.embedded} embedded, {progress.duplicates} duplicates, "
        f"{progress.failed} failed"
        + (f", {progress.relabelled} labelled anew" if progress.relabelled else "")
        + (f"; see: taxalens status -c {collection}" if progress.failed else "")
    )
