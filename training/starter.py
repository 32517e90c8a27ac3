"""Trains the starter encoder again, from PyPI packages and this project's facts alone.

`python -m training.starter` writes model/starter/text_tower.safetensors.
"""

import random
import sys
from collections.abc import Callable, Sequence
from importlib.resources import files
from pathlib import Path
from typing import Any

import open_clip
import torch
from safetensors.torch import save_file
from tqdm import tqdm

from model.encoders import starter
from training.concepts import Concept, concepts, targets
from training.locked_image import tune
from training.recipe import Recipe, read_recipe

RECIPES = files("training") / "recipes"
TEMPLATES = (
    "a photo of {}.",
    "a photo of a {}.",
    "a photo of the {}.",
    "a photo of {}s.",
    "{}",
    "{}s",
    "a {}",
)


def train(recipe: Recipe, everyday: bool = True) -> dict[str, torch.Tensor]:
    """Train a text tower and return it as `model.encoders.starter.pack` writes it.

    Without `everyday` it learns the names of classes and taxa alone.
    """
    config = config_of(recipe)
    torch.manual_seed(recipe.seed)
    network: Any = starter.build(config)
    projection, rows = project_classifier(config["model_cfg"]["embed_dim"])
    network.visual.head.proj.weight.data = projection
    known = [each for each in concepts() if everyday or each.kind != "everyday"]
    groups = _groups(known)
    context_length = config["model_cfg"]["text_cfg"]["context_length"]
    tokenizer = open_clip.get_tokenizer("ViT-B-32", context_length=context_length)
    seen = _seen_tokens(known, tokenizer)
    steps = tune(
        network,
        lambda rng: draw(known, groups, rng),
        torch.from_numpy(targets(known, rows.numpy())),
        lambda texts, rng: _with_unknown_words(tokenizer(list(texts)), recipe.unknown_words, rng),
        recipe,
    )
    for step in (bar := tqdm(steps, total=recipe.steps, unit="step")):
        bar.set_postfix(loss=f"{step.loss:.3f}")
    return starter.pack(network, seen)


def config_of(recipe: Recipe) -> dict[str, Any]:
    """Return the starter's configuration with a recipe's text tower."""
    config = starter.config()
    config["model_cfg"]["text_cfg"] |= {
        "width": recipe.width,
        "heads": recipe.heads,
        "layers": recipe.layers,
    }
    return config


def project_classifier(dim: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Return the fixed image projection (dim, 1280) and the projected classifier rows (1000, dim).

    The rows are centred and normalised; the projection is their first `dim` principal directions,
    so it keeps cosines and nothing about it is learnt from pictures.
    """
    weights = starter.pretrained_tensors()[-2].double()  # (1000, 1280)
    rows = torch.nn.functional.normalize(weights - weights.mean(dim=0), dim=1)
    directions = torch.linalg.svd(rows, full_matrices=False).Vh[:dim]
    projected = torch.nn.functional.normalize(rows @ directions.T, dim=1)
    return directions.float(), projected.float()


def draw(
    known: Sequence[Concept], groups: Sequence[Sequence[int]], rng: random.Random
) -> tuple[str, int]:
    """Draw one string and the index of its concept; each group of concepts is as likely."""
    index = rng.choice(rng.choice(groups))
    concept = known[index]
    if concept.names and (not concept.prompts or rng.random() < 0.5):
        return rng.choice(TEMPLATES).format(rng.choice(concept.names)), index
    return rng.choice(concept.prompts), index


def _groups(known: Sequence[Concept]) -> list[list[int]]:
    """The indices of the classifier's rows, of the clades and of the everyday words."""
    groups: dict[str, list[int]] = {}
    for index, concept in enumerate(known):
        kind = concept.kind if concept.kind in ("row", "everyday") else "clade"
        groups.setdefault(kind, []).append(index)
    return list(groups.values())


def _seen_tokens(
    known: Sequence[Concept], tokenizer: Callable[[list[str]], torch.Tensor]
) -> torch.Tensor:
    strings = [prompt for concept in known for prompt in concept.prompts]
    strings += [
        template.format(name)
        for concept in known
        for name in concept.names
        for template in TEMPLATES
    ]
    seen: torch.Tensor = torch.unique(tokenizer(strings))
    return seen[seen != starter.UNKNOWN_TOKEN]


def _with_unknown_words(
    tokens: torch.Tensor, probability: float, rng: random.Random
) -> torch.Tensor:
    """Put the unknown word at a random place of some texts: "a photo of a ? lion."."""
    for row in tokens:
        end = int(row.argmax())
        if rng.random() < probability and end + 1 < len(row):
            place = rng.randint(1, end)
            row[place + 1 : end + 2] = row[place : end + 1].clone()
            row[place] = starter.UNKNOWN_TOKEN
    return tokens


def main() -> None:
    """Train by a recipe (by default the starter's own) and write the file that ships."""
    recipe = Path(sys.argv[1]) if len(sys.argv) > 1 else Path(str(RECIPES / "starter.toml"))
    target = Path(
        sys.argv[2] if len(sys.argv) > 2 else str(starter.FOLDER / "text_tower.safetensors")
    )
    save_file(train(read_recipe(recipe)), str(target))
    sys.stdout.write(f"{target}: {target.stat().st_size / 1e6:.1f} MB\n")


if __name__ == "__main__":
    main()
