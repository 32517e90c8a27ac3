"""open_clip's own training loop (`open_clip_train.train.train_one_epoch`), on shards of ours.

Its webdataset reader cannot be given an order, so a data set reads the same shards by place and
does per sample what `open_clip_train.data.CsvDataset` does: open, transform, tokenize.
"""

import io
import logging
import time
from argparse import Namespace
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from open_clip.loss import ClipLoss
from open_clip.transform import AugmentationCfg, image_transform
from open_clip_train.scheduler import cosine_lr
from open_clip_train.train import train_one_epoch
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from training.contrastive.batches import places_of, total_steps
from training.contrastive.gradients import parameter_groups
from training.contrastive.recipe import ContrastiveRecipe
from training.contrastive.shards import Sample, read_image
from training.contrastive.train import build, image_size

PRECISIONS = {"fp32": "fp32", "bf16": "amp_bf16", "fp16": "amp"}


class _Shards(Dataset[tuple[torch.Tensor, torch.Tensor]]):
    def __init__(
        self, samples: list[Sample], recipe: ContrastiveRecipe, size: int, tokenizer: Any
    ) -> None:
        crop = AugmentationCfg(scale=recipe.crop_scale)
        self.transform = image_transform(
            size, is_train=True, aug_cfg=crop, mean=recipe.mean, std=recipe.std
        )
        self.samples, self.tokenizer, self.text_type = samples, tokenizer, recipe.text_type

    def __getitem__(self, place: int) -> tuple[torch.Tensor, torch.Tensor]:
        sample = self.samples[place]
        image = self.transform(Image.open(io.BytesIO(read_image(sample))))
        return image, self.tokenizer([sample.texts[self.text_type]])[0]


@dataclass
class Curve:
    """The figures of one run: the loss of each step, and samples a second."""

    losses: list[float] = field(default_factory=list)
    started: list[float] = field(default_factory=list)

    def add_scalar(self, name: str, value: float, step: int) -> None:
        """Take a figure, as TensorBoard's writer would."""
        if name == "train/loss":
            self.losses.append(float(value))

    def rate(self, batch_size: int) -> float:
        """Return samples a second, from the first beginning that is kept to that of the last."""
        return (len(self.started) - 1) * batch_size / (self.started[-1] - self.started[0])


def shard_loader(
    samples: list[Sample], recipe: ContrastiveRecipe, size: int, tokenizer: Any
) -> DataLoader[Any]:
    """Return the loader of a run: the same samples a step, in the same order, as ours."""
    steps = total_steps(len(samples), recipe)
    order = [places_of(step, len(samples), recipe).tolist() for step in range(steps)]
    return DataLoader(
        _Shards(samples, recipe, size, tokenizer),
        batch_sampler=order,
        num_workers=recipe.workers,
        pin_memory=torch.cuda.is_available(),
        generator=torch.Generator(),
    )


class _Counted:
    """Batches with the counts that the loop asks for."""

    def __init__(self, batches: Iterable[Any], steps: int, samples: int) -> None:
        self.batches, self.num_batches, self.num_samples = batches, steps, samples

    def __iter__(self) -> Iterator[Any]:
        return iter(self.batches)


def run_open_clip(
    recipe: ContrastiveRecipe,
    samples: list[Sample],
    batches: Iterable[Any] | None = None,
    every: int = 1,
    skip: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> Curve:
    """Train by open_clip's loop; `batches` of (images, tokens) stand in for its data.

    Losses are kept every so many steps, the clock starts after `skip` of them.
    """
    device = "cuda" if torch.cuda.is_available() else "cpu"
    torch.manual_seed(recipe.seed)
    network, _, tokenizer = build(recipe)
    network = network.to(device)
    total, curve = total_steps(len(samples), recipe), Curve()
    optimiser = torch.optim.AdamW(
        parameter_groups(network, recipe.weight_decay),  # as in `open_clip_train.main`
        lr=recipe.learning_rate,
        betas=(recipe.beta1, recipe.beta2),
        eps=recipe.epsilon,
    )
    warmup = min(recipe.warmup_steps, total)
    schedule = cosine_lr(optimiser, recipe.learning_rate, warmup, total)

    def scheduled(step: int) -> None:
        if device == "cuda" and step in (skip, total - 1):
            torch.cuda.synchronize()
        if step >= skip:
            curve.started.append(clock())
        schedule(step)

    size = image_size(network)
    own = shard_loader(samples, recipe, size, tokenizer) if batches is None else batches
    data = {
        "train": Namespace(dataloader=_Counted(own, total, len(samples)), set_epoch=lambda _: None)
    }
    settings = Namespace(
        device=device,
        precision=PRECISIONS[recipe.precision],
        batch_size=recipe.batch_size,
        log_every_n_steps=every,
        accum_freq=1,
        grad_clip_norm=None,
        rank=0,
        local_rank=0,
        world_size=1,
        **dict.fromkeys(("distill", "skip_scheduler", "horovod", "wandb"), False),
    )
    loss = ClipLoss(local_loss=True, gather_with_grad=True)
    scaler = torch.amp.GradScaler(device) if recipe.precision == "fp16" else None
    logging.disable(logging.INFO)
    try:
        train_one_epoch(network, data, loss, 0, optimiser, scaler, scheduled, None, settings, curve)
    finally:
        logging.disable(logging.NOTSET)
    return curve
