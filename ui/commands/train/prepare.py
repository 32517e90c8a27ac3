"""`taxalens train prepare`: shards to train on."""

from pathlib import Path

import click


@click.command()
@click.argument("sources", nargs=-1, required=True)
@click.option(
    "--to",
    "folder",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="SHARDS",
    help="The folder of the shards: train/, val/, train_small/ and catalog.csv.",
)
@click.option(
    "--exclude",
    multiple=True,
    metavar="SOURCE",
    help="Pictures that must not be trained on, such as those of an evaluation.",
)
@click.option(
    "--unseen",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    metavar="FILE",
    help="Species that must not be trained on: a name a line, or a table.",
)
@click.option(
    "--captions", default="", metavar="COLUMN", help="Metadata that describe a picture in words."
)
@click.option("--seed", default=17, show_default=True, help="Of the splits.")
def command(
    sources: tuple[str, ...],
    folder: Path,
    exclude: tuple[str, ...],
    unseen: Path | None,
    captions: str,
    seed: int,
) -> None:
    """Make TreeOfLife-style shards from collections, tables, folders or archives.

    Pictures of 224 pixels with BioCLIP's ten texts. Which split a picture is in depends on its
    content and the seed alone. A command that was stopped goes on.

    \b
      taxalens train prepare my.collection --to shards --exclude evaluation
    """
    from search.identify.name_lists import read_names
    from training.contrastive.prepare import prepare
    from ui.progress_bars import progress_bars
    from ui.running import stopping

    with stopping(), progress_bars() as progress:
        prepared = prepare(
            sources,
            folder,
            exclude=exclude,
            unseen=read_names(unseen) if unseen else (),
            captions=captions,
            seed=seed,
            progress=progress,
        )
    click.echo(f"{folder}: {prepared}")
