"""The training loop: open_clip's network, loss and schedule; read it from top to bottom.

open_clip's own package, `open_clip_train`, could not do it: it resumes at epochs, without data
position, takes one text a sample, adds the gradient of the logit scale once a micro-batch, and
has no masks for pairs of one species.
"""

import math
import os
import time
from collections.abc import Iterator
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import open_clip
import torch
from open_clip_train.scheduler import cosine_lr
from torch import distributed
from torch.nn.parallel import DistributedDataParallel

from model.errors import BadInput, EncoderUnavailable
from training.contrastive import run_folder
from training.contrastive.batches import (
    Batch,
    total_steps,
    training_batches,
    validation_batches,
)
from training.contrastive.gradients import autocast, backward, pair_loss, parameter_groups
from training.contrastive.nearest_names import write_samples
from training.contrastive.recipe import ContrastiveRecipe
from training.contrastive.shards import Sample, halves, read_index, read_pairs
from training.contrastive.trained_weights import choose_trained, train_mode

_MOST_SCALE = math.log(100)
SIGMOID_SCALE, SIGMOID_BIAS = math.log(10), -10.0


@dataclass(frozen=True, slots=True)
class TrainingStep:
    """One optimiser step."""

    number: int
    """from 1"""
    total: int
    loss: float
    """before the step, the mean over ranks"""
    samples_per_second: float
    learning_rate: float
    validation_loss: float | None = None
    """where it was measured after the step"""


def train(recipe: ContrastiveRecipe, data: Path, run: Path) -> Iterator[TrainingStep]:
    """Train by a recipe on the shards of a folder, one yield per step; go on where a run stopped.

    Under torchrun every process is a rank. The best network by validation loss is
    `local-dir:RUN/best`. Raises BadInput for data that are missing or too few.
    """
    rank, ranks, device = join()
    train_set, val_set, replayed = _read_data(recipe, data, ranks * recipe.accumulate)
    total = total_steps(len(train_set), recipe)
    torch.manual_seed(recipe.seed)
    network, config, tokenizer = build(recipe)
    network, size = network.to(device), image_size(network)
    optimiser = torch.optim.AdamW(
        parameter_groups(network, recipe.weight_decay),
        lr=recipe.learning_rate,
        betas=(recipe.beta1, recipe.beta2),
        eps=recipe.epsilon,
        fused=True,  # on a CPU less than half the time
    )
    schedule = cosine_lr(optimiser, recipe.learning_rate, min(recipe.warmup_steps, total), total)
    scaler = torch.amp.GradScaler(device.type, enabled=recipe.precision == "fp16")
    if rank == 0:
        run_folder.begin(run, recipe)
    first, best = 0, math.inf
    if kept := run_folder.load_checkpoint(run, device):
        network.load_state_dict(kept["network"])
        optimiser.load_state_dict(kept["optimiser"])
        scaler.load_state_dict(kept["scaler"])
        first, best = kept["step"], kept["best"]
    curve: list[dict[str, Any]] = list(run_folder.read_curve(run, first))
    wrapped = DistributedDataParallel(network) if ranks > 1 else network

    batches = training_batches(train_set, recipe, size, tokenizer, first, rank, ranks, replayed)
    ended = time.perf_counter()
    for number, micro_batches in enumerate(batches, first + 1):
        train_mode(network)
        schedule(number - 1)
        optimiser.zero_grad()
        placed = [_on(micro, device) for micro in micro_batches]
        loss = _mean(backward(wrapped, placed, recipe, scaler, rank, ranks), device, ranks)
        scaler.step(optimiser)
        scaler.update()
        with torch.no_grad():
            network.logit_scale.clamp_(0, _MOST_SCALE)
        started, ended = ended, time.perf_counter()
        rate = recipe.batch_size / (ended - started)  # with the time that the data took
        measured, learning_rate = None, optimiser.param_groups[0]["lr"]
        is_due = number % recipe.validate_every == 0 or number == total
        if rank == 0:
            if is_due:
                measured = validation_loss(
                    network, validation_batches(val_set, recipe, size, tokenizer), recipe, device
                )
            values = (number, loss, measured, learning_rate, round(rate, 1))
            curve.append(dict(zip(run_folder.CURVE, values, strict=True)))
            if measured is not None and measured < best:
                best = measured
                facts = {"step": number, "validation loss": measured, "samples": len(train_set)}
                run_folder.save_encoder(run / run_folder.BEST, network, config, recipe, facts)
            if is_due:
                run_folder.write_curve(run, curve)
                states = {"network": network, "optimiser": optimiser, "scaler": scaler}
                state = {name: each.state_dict() for name, each in states.items()}
                run_folder.save_checkpoint(run, {**state, "step": number, "best": best})
                write_samples(run, number, network, tokenizer, val_set, recipe, size)
        yield TrainingStep(number, total, loss, rate, learning_rate, measured)


def _read_data(
    recipe: ContrastiveRecipe, data: Path, parts: int
) -> tuple[list[Sample], list[Sample], list[Sample]]:
    """Return the samples to train on, those to validate on, and the general pairs.

    A step's samples, and its general pairs, are cut into so many `parts`.
    """
    train_set, val_set = read_index(data, "train"), read_index(data, "val")
    if recipe.start:
        val_set, _ = halves(val_set)  # the other half tells whether the run gained
    _check_size("batch_size", recipe.own_size, len(train_set), parts)
    if not recipe.replay_size:
        return train_set, val_set, []
    replayed = read_pairs(Path(recipe.replay))
    _check_size("replay_share", recipe.replay_size, len(replayed), parts)
    return train_set, val_set, replayed


def _on(batch: Batch, device: torch.device) -> Batch:
    """Return a batch on a device; a copy to a GPU goes on beside the work that follows."""
    images, tokens, species = (each.to(device, non_blocking=True) for each in batch)
    return images, tokens, species


def _check_size(setting: str, size: int, available: int, parts: int) -> None:
    """Raise BadInput where so many samples a step cannot be had, or not be cut into parts."""
    if not size or size % parts or size > available:
        raise BadInput(
            f"{setting} asks for {size} samples a step; they must be a multiple of {parts} (ranks "
            f"times accumulate) and at most the {available:,} that the shards have."
        )


def build(recipe: ContrastiveRecipe) -> tuple[Any, dict[str, Any], Any]:
    """Return the network of a recipe, its open_clip configuration and its tokenizer."""
    if recipe.network:
        config: dict[str, Any] = deepcopy(recipe.network)
        network: Any = open_clip.CLIP(**deepcopy(config), output_dict=True)
        context = config["text_cfg"].get("context_length", 77)
        tokenizer = open_clip.get_tokenizer("ViT-B-32", context_length=context)
    else:
        name = recipe.architecture
        network = _published(name, recipe.pretrained)
        config = open_clip.get_model_config(name)
        tokenizer = open_clip.get_tokenizer(name)
    if recipe.loss == "sigmoid" and network.logit_bias is None:
        begin_sigmoid(network)
        config["init_logit_bias"] = SIGMOID_BIAS
    choose_trained(network, recipe)
    if recipe.checkpoint_activations:
        network.set_grad_checkpointing()
    return network, config, tokenizer


def begin_sigmoid(network: Any) -> None:
    """Give a network the scale and bias that the sigmoid loss begins with (arXiv 2303.15343)."""
    with torch.no_grad():
        network.logit_scale.fill_(SIGMOID_SCALE)
    network.logit_bias = torch.nn.Parameter(torch.full_like(network.logit_scale, SIGMOID_BIAS))


def image_size(network: Any) -> int:
    """Return the width and height of a network's images, in pixels."""
    size = network.visual.image_size
    return int(size if isinstance(size, int) else size[0])


def _published(name: str, pretrained: str) -> Any:
    """Return open_clip's network with its weights; raises EncoderUnavailable without them."""
    has_weights = bool(pretrained) or ":" in name
    try:
        return open_clip.create_model(
            name, pretrained or None, output_dict=True, require_pretrained=has_weights
        )
    except Exception as error:  # open_clip wraps whatever was raised in a bare RuntimeError
        reason = str(error).partition("\n")[0][:200]
        raise EncoderUnavailable(
            f"The weights to begin with, {name} {pretrained}, are not here ({reason}); connect to "
            "their hub once, or begin with local-dir:DIR."
        ) from error


def validation_loss(
    network: Any, batches: Any, recipe: ContrastiveRecipe, device: torch.device
) -> float:
    """Return the mean loss of batches, each against itself."""
    network.eval()
    losses = []
    with torch.inference_mode():
        for images, tokens, species in batches:
            with autocast(recipe, images.to(device)):
                out = network(images.to(device), tokens.to(device))
            losses.append(float(pair_loss(recipe, out, species.to(device))))
    return sum(losses) / len(losses)


def join() -> tuple[int, int, torch.device]:
    """Return rank, ranks and device; under torchrun the ranks meet."""
    ranks = int(os.environ.get("WORLD_SIZE", "1"))
    has_gpu = torch.cuda.is_available()
    if ranks > 1 and not distributed.is_initialized():
        distributed.init_process_group("nccl" if has_gpu else "gloo")
    rank = distributed.get_rank() if ranks > 1 else 0
    if not has_gpu:
        return rank, ranks, torch.device("cpu")
    device = torch.device("cuda", int(os.environ.get("LOCAL_RANK", "0")))
    torch.cuda.set_device(device)
    return rank, ranks, device


def _mean(loss: float, device: torch.device, ranks: int) -> float:
    if ranks == 1:
        return loss
    total = torch.tensor(loss, dtype=torch.float64, device=device)
    distributed.all_reduce(total)
    return float(total) / ranks
