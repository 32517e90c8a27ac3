"""Which samples, crops and text types a step has: a function of seed and step alone.

So a run that was killed goes on as if it had not been, on as many ranks as there are.
"""

import io
import random
from collections.abc import Iterator, Sequence
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from open_clip.transform import AugmentationCfg, image_transform
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from model.text_types import TRAINED_TYPES
from training.contrastive.recipe import PER_BATCH, PER_SAMPLE, ContrastiveRecipe
from training.contrastive.shards import Sample, read_image

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""images (n, 3, size, size), token ids (n, context), species (n,)"""
_MOST_TEXTS = 100_000  # whose tokens are kept
_REFERENCE = tuple(map(str, TRAINED_TYPES))  # in the order of the reference's choice


def steps_per_epoch(samples: int, recipe: ContrastiveRecipe) -> int:
    """Return the steps of one pass over the data; a last batch that is not full is left out."""
    return samples // recipe.batch_size


def total_steps(samples: int, recipe: ContrastiveRecipe) -> int:
    """Return the steps of a run."""
    return recipe.steps or round(recipe.epochs * steps_per_epoch(samples, recipe))


def places_of(step: int, samples: int, recipe: ContrastiveRecipe) -> npt.NDArray[np.int64]:
    """Return the places of a step's samples, (batch_size,): each once an epoch, shuffled."""
    epoch, position = divmod(step, max(1, steps_per_epoch(samples, recipe)))
    order = _order(recipe.seed, epoch, samples)
    return order[position * recipe.batch_size : (position + 1) * recipe.batch_size]


@lru_cache(maxsize=1)
def _order(seed: int, epoch: int, samples: int) -> npt.NDArray[np.int64]:
    order = np.random.default_rng((seed, epoch)).permutation(samples)
    order.setflags(write=False)  # it is shared by the steps of the epoch
    return order


def text_type_of(step: int, place: int, recipe: ContrastiveRecipe) -> str:
    """Return the text type of a sample in a step.

    "mixed-per-batch" is the reference's schedule: one type for the whole batch,
    `random.seed(step)` and a choice of five (Imageomics/bioclip, `train.py`).
    """
    if recipe.text_type == PER_BATCH:
        return random.Random(step).choice(_REFERENCE)
    if recipe.text_type == PER_SAMPLE:
        return random.Random(f"{recipe.seed}/{step}/{place}").choice(_REFERENCE)
    return recipe.text_type


class _Pairs(Dataset[Batch]):
    """Pairs of a picture and a text by (step, place); step -1 is not augmented."""

    def __init__(
        self, samples: Sequence[Sample], recipe: ContrastiveRecipe, size: int, tokenizer: Any
    ) -> None:
        self.samples, self.recipe = samples, recipe
        self.tokens = lru_cache(_MOST_TEXTS)(lambda text: tokenizer([text])[0])
        # The whole lineage and its common name tell species apart.
        names = sorted({each.texts["taxon_com"] for each in samples})
        self.species = {name: number for number, name in enumerate(names)}
        self.cropped, self.whole = _transform(recipe, size, True), _transform(recipe, size, False)

    def __getitem__(self, item: tuple[int, int]) -> Batch:
        step, place = item
        sample = self.samples[place]
        image = _opened(sample)
        if step < 0:
            pixels, text_type = self.whole(image), text_type_of(place, place, self.recipe)
        else:
            torch.manual_seed(hash((self.recipe.seed, step, place)) % 2**63)  # of ints: no salt
            pixels, text_type = self.cropped(image), text_type_of(step, place, self.recipe)
        tokens = self.tokens(sample.texts[text_type])
        return pixels, tokens, torch.tensor(self.species[sample.texts["taxon_com"]])


def _transform(recipe: ContrastiveRecipe, size: int, is_train: bool) -> Any:
    crop = AugmentationCfg(scale=recipe.crop_scale)
    plain: dict[str, Any] = {"mean": recipe.mean, "std": recipe.std, "resize_mode": "squash"}
    return image_transform(size, is_train=is_train, aug_cfg=crop if is_train else None, **plain)


def _opened(sample: Sample) -> Image.Image:
    with Image.open(io.BytesIO(read_image(sample))) as picture:
        return picture.convert("RGB")


def training_batches(
    samples: Sequence[Sample],
    recipe: ContrastiveRecipe,
    size: int,
    tokenizer: Any,
    first_step: int,
    rank: int = 0,
    ranks: int = 1,
) -> Iterator[list[Batch]]:
    """Yield the micro-batches of a rank for each step from `first_step` on.

    A rank has one stretch of the batch, whose samples are the same on any number of ranks.
    """
    last = total_steps(len(samples), recipe)
    part = recipe.batch_size // (ranks * recipe.accumulate)

    def micro_batches() -> Iterator[list[tuple[int, int]]]:
        for step in range(first_step, last):
            places = places_of(step, len(samples), recipe).reshape(ranks, recipe.accumulate, part)
            yield from ([(step, int(place)) for place in micro] for micro in places[rank])

    loader = DataLoader(
        _Pairs(samples, recipe, size, tokenizer),
        batch_sampler=micro_batches(),
        num_workers=recipe.workers,
        generator=torch.Generator(),  # else it draws from the run's own
    )
    found = iter(loader)
    for _ in range(first_step, last):
        yield [next(found) for _ in range(recipe.accumulate)]


def validation_batches(
    samples: Sequence[Sample], recipe: ContrastiveRecipe, size: int, tokenizer: Any
) -> Iterator[Batch]:
    """Yield the samples once, whole pictures, in batches of at most 256 of one size."""
    many = min(256, len(samples))
    items = [(-1, place) for place in range(len(samples) // many * many)]
    yield from DataLoader(
        _Pairs(samples, recipe, size, tokenizer),
        batch_sampler=[items[start : start + many] for start in range(0, len(items), many)],
        num_workers=0,
        generator=torch.Generator(),
    )


def whole_images(
    samples: Sequence[Sample], recipe: ContrastiveRecipe, size: int
) -> Iterator[torch.Tensor]:
    """Yield the pictures of all samples, whole, in batches of at most 256."""
    transform = _transform(recipe, size, False)
    for start in range(0, len(samples), 256):
        some = samples[start : start + 256]
        yield torch.stack([transform(_opened(each)) for each in some])
