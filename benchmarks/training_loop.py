"""Our training loop beside open_clip's own, on the same shards, seed, order and settings.

`python -m benchmarks.training_loop` trains `training/recipes/tiny.toml` for 200 steps on drawn
organisms by both, with two seeds, in turns; then open_clip's on our very batches. Minutes on one
core; `docs/benchmarks` gets the table.
"""

import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path
from typing import Any

import numpy as np
import torch

from benchmarks.open_clip_loop import run_open_clip
from benchmarks.report import figure, write_report
from training.contrastive.batches import training_batches
from training.contrastive.drawn import write_drawn
from training.contrastive.recipe import ContrastiveRecipe, read_contrastive_recipe
from training.contrastive.shards import read_index
from training.contrastive.train import build, image_size, train

RECIPE = Path(str(files("training") / "recipes" / "tiny.toml"))
STEPS, BATCH, LAST = 200, 32, 50
RATE = "rate by processor time"  # other work on the machine counts less
OURS, THEIRS = "taxalens", "open_clip's loop"


def main() -> None:
    torch.set_num_threads(1)
    figures: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "shards"
        write_drawn(data)
        figures = [*compare(base_recipe(), data, Path(folder), (0, 1))]
    write_report("train", figures)


def base_recipe() -> ContrastiveRecipe:
    """Return the settings of both; one text type, since open_clip's loop has one text a sample."""
    recipe = read_contrastive_recipe(RECIPE)
    return replace(recipe, steps=STEPS, batch_size=BATCH, text_type="taxon", validate_every=STEPS)


def compare(
    base: ContrastiveRecipe, data: Path, folder: Path, seeds: tuple[int, ...]
) -> Iterator[dict[str, object]]:
    """Yield losses and rates of both loops by seed, and how far apart they are on one batch."""
    samples, last = read_index(data, "train"), min(LAST, base.steps)
    rates: dict[str, list[float]] = {OURS: [], THEIRS: []}
    for seed in seeds:
        recipe = replace(base, seed=seed)
        ours, rate = run_ours(recipe, data, folder / str(seed), clock=time.process_time)
        theirs = run_open_clip(recipe, samples, clock=time.process_time)
        rates[OURS].append(rate)
        rates[THEIRS].append(theirs.rate(recipe.batch_size))
        for system, losses in ((OURS, ours), (THEIRS, theirs.losses)):
            case = f"seed {seed}, {recipe.steps} steps of {recipe.batch_size}"
            yield figure(case, system, "loss of the first step", losses[0])
            yield figure(case, system, f"mean loss of the last {last}", np.mean(losses[-last:]))
            print(seed, system, losses[0], np.mean(losses[-last:]), rates[system][-1], flush=True)
    for step, difference in differences(base, data, folder / "exact").items():
        case, metric = "the same pixels and strings, 64 bits", f"losses differ by step {step}"
        yield figure(case, THEIRS, f"{metric}, at most", difference * 1e9, "× 1e-9")
    for system, values in rates.items():
        yield figure("training", system, RATE, np.mean(values), "samples/s")
    ratios = np.divide(rates[OURS], rates[THEIRS])
    yield figure("training", OURS, f"{RATE}, as a multiple of open_clip's", ratios.mean())


def differences(recipe: ContrastiveRecipe, data: Path, run: Path) -> dict[int, float]:
    """Return how far apart the losses of both loops are on our batches, by step.

    In 64 bits: training amplifies the rounding of 32 bits to a quarter within 200 steps.
    """
    torch.set_default_dtype(torch.float64)
    try:
        ours, _ = run_ours(recipe, data, run)
        theirs = run_open_clip(recipe, read_index(data, "train"), our_batches(recipe, data))
    finally:
        torch.set_default_dtype(torch.float32)
    apart = np.abs(np.array(theirs.losses) - ours)
    return {step: float(apart[:step].max()) for step in (1, 100, 200) if step <= len(apart)}


def run_ours(
    recipe: ContrastiveRecipe,
    data: Path,
    run: Path,
    skip: int = 0,
    clock: Callable[[], float] = time.perf_counter,
) -> tuple[list[float], float]:
    """Return the losses of our loop, and samples a second without its first and last steps."""
    losses, ended = [], []
    for step in train(recipe, data, run):
        losses.append(step.loss)
        ended.append(clock())
    middle = ended[skip:-1]  # the last step validates
    return losses, (len(middle) - 1) * recipe.batch_size / (middle[-1] - middle[0])


def our_batches(recipe: ContrastiveRecipe, data: Path) -> Iterator[tuple[Any, Any]]:
    """Yield the images and token ids of our steps."""
    network, _, tokenizer = build(recipe)
    samples = read_index(data, "train")
    for (batch,) in training_batches(samples, recipe, image_size(network), tokenizer, 0):
        yield batch[0], batch[1]


if __name__ == "__main__":
    main()
