"""A run's folder: checkpoint, curve, resolved recipe, and the best network as an encoder.

checkpoint.pt   network, optimiser, gradient scaler and step, to go on from
curve.csv       step, loss, validation loss, learning rate, samples a second
samples/        the nearest names of a few validation pictures, a table each validation
tensorboard/    the curve as events, with `--tensorboard`
recipe.json     every setting
gain.json       the best network beside the weights that a fine-tuning run began with
best/           `local-dir:RUN/best`, an open_clip folder with its model card
"""

import csv
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from indexer.store.durable import write_durably
from model.errors import BadInput
from training.contrastive.recipe import ContrastiveRecipe
from training.contrastive.trained_weights import plain_weights

CURVE = ("step", "loss", "validation_loss", "learning_rate", "samples_per_second")
CHECKPOINT, RECIPE, BEST = "checkpoint.pt", "recipe.json", "best"
WEIGHTS, CARD = "open_clip_model.safetensors", "README.md"


def begin(run: Path, recipe: ContrastiveRecipe) -> None:
    """Make the folder of a run; raises BadInput where another recipe was run in it."""
    run.mkdir(parents=True, exist_ok=True)
    text = json.dumps(asdict(recipe), indent=1, sort_keys=True)
    path = run / RECIPE
    if path.is_file() and path.read_text(encoding="utf-8") != text:
        raise BadInput(f"{run} has the run of another recipe; choose another folder with --to.")
    path.write_text(text, encoding="utf-8")


def save_checkpoint(run: Path, state: Mapping[str, Any]) -> None:
    """Write a checkpoint, complete or not at all."""
    write_durably(run / CHECKPOINT, lambda path: torch.save(dict(state), path))


def load_checkpoint(run: Path, device: torch.device) -> dict[str, Any] | None:
    """Read the last checkpoint, of plain weights only; None where there is none."""
    if not (run / CHECKPOINT).is_file():
        return None
    state: dict[str, Any] = torch.load(run / CHECKPOINT, map_location=device, weights_only=True)
    return state


def read_curve(run: Path, before: int) -> list[dict[str, str]]:
    """Return the rows of the curve before a step: later ones will be computed again."""
    path = run / "curve.csv"
    if not path.is_file():
        return []
    with path.open(encoding="utf-8", newline="") as file:
        return [row for row in csv.DictReader(file) if int(row["step"]) <= before]


def write_curve(run: Path, rows: Sequence[Mapping[str, object]]) -> None:
    """Write the whole curve, complete or not at all."""

    def fill(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, CURVE)
            writer.writeheader()
            writer.writerows(rows)

    write_durably(run / "curve.csv", fill)


def save_encoder(
    folder: Path,
    network: torch.nn.Module,
    config: Mapping[str, Any],
    recipe: ContrastiveRecipe,
    facts: Mapping[str, object],
) -> None:
    """Write an open_clip folder: configuration, weights and a model card."""
    folder.mkdir(parents=True, exist_ok=True)
    weights = {name: each.contiguous().cpu() for name, each in plain_weights(network).items()}
    write_durably(folder / WEIGHTS, lambda path: save_file(weights, str(path)))
    preprocessing = {
        "mean": list(recipe.mean),
        "std": list(recipe.std),
        "interpolation": "bicubic",
        "resize_mode": "squash",
    }
    stored = {"model_cfg": dict(config), "preprocess_cfg": preprocessing}
    (folder / "open_clip_config.json").write_text(json.dumps(stored, indent=1), encoding="utf-8")
    (folder / CARD).write_text(_card(recipe, facts), encoding="utf-8")


def add_to_card(folder: Path, title: str, text: str) -> None:
    """Add a section to a model card, once."""
    card = (folder / CARD).read_text(encoding="utf-8")
    if f"## {title}\n" not in card:
        (folder / CARD).write_text(f"{card}\n## {title}\n\n{text}\n", encoding="utf-8")


def _card(recipe: ContrastiveRecipe, facts: Mapping[str, object]) -> str:
    start = recipe.start or "random weights"
    lines = [f"| {name} | {value} |" for name, value in {**facts, **asdict(recipe)}.items()]
    return (
        "# Model card\n\n"
        f"A CLIP model ({recipe.architecture if not recipe.network else 'own configuration'}, from "
        f"{start}), trained by taxalens on pairs of images and taxon strings (the BioCLIP recipe, "
        "arXiv 2311.18803). Pictures are squashed to a square, as in training. Evaluate it on "
        "images that it has not seen before relying on it: `taxalens evaluate`.\n\n"
        "| | |\n|---|---|\n" + "\n".join(lines) + "\n"
    )
