"""TensorBoard events of a run, beside its curve."""

from collections.abc import Iterator
from pathlib import Path

from model.errors import Error
from training.contrastive.train import TrainingStep

EVENTS = "tensorboard"


def with_events(steps: Iterator[TrainingStep], run: Path) -> Iterator[TrainingStep]:
    """Yield steps, and write the figures of each to `run/tensorboard`.

    A run that goes on takes the place of the steps that it computes again. Raises Error where
    tensorboard is not installed, before the first step.
    """
    try:
        from torch.utils.tensorboard import SummaryWriter
    except ImportError as error:
        raise Error(
            f"TensorBoard's event files need a package that is not installed ({error}); install "
            "it (pip install 'taxalens[tensorboard]'), or read curve.csv."
        ) from error
    writer = None
    try:
        for step in steps:
            if writer is None:
                writer = SummaryWriter(str(run / EVENTS), purge_step=step.number)
            figures = {
                "loss": step.loss,
                "validation loss": step.validation_loss,
                "learning rate": step.learning_rate,
                "samples per second": step.samples_per_second,
            }
            for name, value in figures.items():
                if value is not None:
                    writer.add_scalar(name, value, step.number)
            yield step
    finally:
        if writer is not None:
            writer.close()
