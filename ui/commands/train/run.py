"""`taxalens train RECIPE.toml`: one run, gone on with where it stopped."""

import shlex
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
@click.option(
    "--on", "cluster", type=click.Choice(["slurm"]), help="Write the job RUN/train.sbatch instead."
)
@click.option("--nodes", type=click.IntRange(1), default=1, show_default=True, help="Of the job.")
@click.option(
    "--gpus", type=click.IntRange(1), default=4, show_default=True, help="Of each node of the job."
)
@click.option(
    "--tensorboard", is_flag=True, help="Write event files for TensorBoard beside the curve."
)
def command(
    recipe: Path,
    data: Path | None,
    drawn: bool,
    run: Path,
    cluster: str | None,
    nodes: int,
    gpus: int,
    tensorboard: bool,
) -> None:
    """Train by a recipe: a file, or the name of one that comes with taxalens.

    A run that was stopped goes on from its last checkpoint with the same command, and ends with
    the same weights. One that begins with weights is compared with them at the end, on held-out
    pictures; the spec of the better one is printed.
    """
    from training.contrastive.drawn import drawn_shards
    from training.contrastive.events import with_events
    from training.contrastive.recipe import find_recipe, read_contrastive_recipe
    from training.contrastive.slurm import write_job
    from training.contrastive.train import train
    from ui.training_progress import is_first_rank, show_result, show_training

    if data is None and not drawn:
        raise click.UsageError("Pass --data DIR, --drawn or both.")
    settings = read_contrastive_recipe(find_recipe(recipe))
    if cluster:
        if data is None or drawn:
            raise click.UsageError("A job needs shards that its nodes can read: --data DIR alone.")
        words = [str(find_recipe(recipe).resolve()), "--data", str(data), "--to", str(run)]
        words += ["--tensorboard"] if tensorboard else []
        click.echo(f"sbatch {shlex.quote(str(write_job(settings, words, run, nodes, gpus)))}")
        return
    if data is None or drawn:
        data = drawn_shards(run / "drawn", beside=data)
    steps = train(settings, data, run)
    show_training(with_events(steps, run) if tensorboard and is_first_rank() else steps)
    show_result(settings, data, run)
