"""Training on the command line: a bar with rate and time left, then the encoder's spec."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

if TYPE_CHECKING:
    from training.contrastive.train import TrainingStep


def show_training(steps: "Iterator[TrainingStep]", run: Path) -> None:
    """Run to the end; Ctrl-C loses the steps since the last checkpoint."""
    bar: Any = None
    validation = ""
    try:
        for step in steps:
            if bar is None:
                bar = tqdm(total=step.total, initial=step.number - 1, unit="step")
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
    click.echo(f"local-dir:{run / 'best'}")
