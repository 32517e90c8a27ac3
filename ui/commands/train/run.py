"""`taxalens train RECIPE.toml`: one run, gone on with where it stopped."""

from pathlib import Path

import click


@click.command()
@click.argument("recipe", type=click.Path(path_type=Path))
@click.option(
    "--data",
    type=click.Path(path_type=Path, file_okay=False, exists=True),
    metavar="DIR",
    help="Shards, in the folders train and val.",
)
@click.option(
    "--drawn",
    is_flag=True,
    help="Train on drawn organisms, made in the run's folder, beside --data if that is passed.",
)
@click.option(
    "--to",
    "run",
    type=click.Path(path_type=Path, file_okay=False),
    required=True,
    metavar="RUN",
    help="The run's folder: checkpoint, curve, and the encoder local-dir:RUN/best.",
)
def command(recipe: Path, data: Path | None, drawn: bool, run: Path) -> None:
    """Train by a recipe: a file, or the name of one that comes with taxalens.

    A run that was stopped goes on from its last checkpoint with the same command, and ends with
    the same weights.
    """
    from training.contrastive.drawn import drawn_shards
    from training.contrastive.recipe import find_recipe, read_contrastive_recipe
    from training.contrastive.train import train
    from ui.training_progress import show_training

    if data is None and not drawn:
        raise click.UsageError("Pass --data DIR, --drawn or both.")
    settings = read_contrastive_recipe(find_recipe(recipe))
    if data is None or drawn:
        data = drawn_shards(run / "drawn", beside=data)
    show_training(train(settings, data, run), run)
