"""Pictures of shards compared with names by a network in training; a few shown as it goes."""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import torch

from indexer.store.durable import write_durably
from training.contrastive.batches import whole_images
from training.contrastive.recipe import ContrastiveRecipe
from training.contrastive.shards import Sample

SAMPLES = "samples"
COLUMNS = ("sample", "name", "place", "found", "cosine")
_PICTURES, _NAMES, _SHOWN = 8, 200, 5
_TOGETHER = 256  # texts encoded at once


@torch.inference_mode()
def cosines(
    network: Any,
    tokenizer: Any,
    samples: Sequence[Sample],
    names: Sequence[str],
    recipe: ContrastiveRecipe,
    size: int,
) -> Iterator[torch.Tensor]:
    """Yield the cosines of whole pictures, `size` pixels wide, with names: (some, names)."""
    network.eval()
    device = network.logit_scale.device
    starts = range(0, len(names), _TOGETHER)
    texts = [tokenizer(list(names[start : start + _TOGETHER])).to(device) for start in starts]
    rows = torch.cat([network.encode_text(each, normalize=True) for each in texts])
    for images in whole_images(samples, recipe, size):
        yield network.encode_image(images.to(device), normalize=True) @ rows.T


def write_samples(
    run: Path,
    step: int,
    network: Any,
    tokenizer: Any,
    samples: Sequence[Sample],
    recipe: ContrastiveRecipe,
    size: int,
) -> None:
    """Write the five nearest of at most 200 names of eight pictures: samples/step-N.csv."""
    every = max(1, len(samples) // _PICTURES)
    shown = samples[::every][:_PICTURES]
    own = [each.texts[recipe.asked_type] for each in shown]
    others = sorted({each.texts[recipe.asked_type] for each in samples})
    names = list(dict.fromkeys([*own, *others]))[:_NAMES]
    scores = torch.cat([*cosines(network, tokenizer, shown, names, recipe, size)]).cpu()
    best = scores.topk(min(_SHOWN, len(names)), dim=1)
    rows = [
        (sample.key, name, place, names[found], f"{cosine:.4f}")
        for sample, name, finds, values in zip(
            shown, own, best.indices.tolist(), best.values.tolist(), strict=True
        )
        for place, (found, cosine) in enumerate(zip(finds, values, strict=True), 1)
    ]

    def fill(path: Path) -> None:
        with path.open("w", encoding="utf-8", newline="") as file:
            csv.writer(file).writerows([COLUMNS, *rows])

    write_durably(run / SAMPLES / f"step-{step:06d}.csv", fill)
