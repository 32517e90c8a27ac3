"""Training on the command line: a bar with rate and time left, then the encoder's spec."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

if TYPE_CHECKING:
    from training.contrastive.recipe import ContrastiveRecipe
    from training.contrastive.train import TrainingStep


def is_first_rank() -> bool:
    """Tell whether this process speaks for all of torchrun's."""
    return os.environ.get("RANK", "0") == "0"


def show_training(steps: "Iterator[TrainingStep]") -> None:
    """Run to the end; Ctrl-C loses the steps since the last checkpoint."""
    bar: Any = None
    validation = ""
    try:
        for step in steps:
            if bar is None:
                quiet, done = not is_first_rank(), step.number - 1
                bar = tqdm(total=step.total, initial=done, unit="step", disable=quiet)
            if step.validation_loss is not None:
                validation = f", validation {step.validation_loss:.3f}"
            bar.set_postfix_str(
                f"loss {step.loss:.3f}{validation}, {step.samples_per_second:.0f} samples/s"
            )
            bar.update(step.number - bar.n)
    except KeyboardInterrupt:
        click.echo("\nStopped; the same command goes on from the last checkpoint.", err=True)
        raise click.exceptions.Exit(130) from None
    finally:
        if bar is not None:
            bar.close()


def show_result(recipe: "ContrastiveRecipe", data: Path, run: Path) -> None:
    """Print the spec to use; of a fine-tuned run, say first whether it gained on its start."""
    from training.contrastive.gain import held_out_gain

    if not is_first_rank():
        return
    gain = held_out_gain(recipe, data, run)
    if gain is not None:
        click.echo(str(gain), err=True)
    click.echo(gain.recommended if gain else f"local-dir:{run / 'best'}")
