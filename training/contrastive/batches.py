"""Which samples, crops and text types a step has: a function of seed and step alone.

So a run that was killed goes on as if it had not been, on as many ranks as there are.
"""

import io
import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from open_clip.transform import AugmentationCfg, image_transform
from PIL import Image
from torch.utils.data import DataLoader, Dataset

from model.text_types import TRAINED_TYPES
from training.contrastive.recipe import (
    CAPTION,
    PER_BATCH,
    PER_SAMPLE,
    WITH_CAPTIONS,
    ContrastiveRecipe,
)
from training.contrastive.shards import Sample, read_image

Batch = tuple[torch.Tensor, torch.Tensor, torch.Tensor]
"""images (n, 3, size, size), token ids (n, context), species (n,): negative for a general pair"""
_MOST_TEXTS = 100_000  # whose tokens are kept
_REFERENCE = tuple(map(str, TRAINED_TYPES))  # in the order of the reference's choice


def steps_per_epoch(samples: int, recipe: ContrastiveRecipe) -> int:
    """Return the steps of one pass over the data; a last batch that is not full is left out."""
    return samples // recipe.own_size


def total_steps(samples: int, recipe: ContrastiveRecipe) -> int:
    """Return the steps of a run."""
    return recipe.steps or round(recipe.epochs * steps_per_epoch(samples, recipe))


def places_of(step: int, samples: int, recipe: ContrastiveRecipe) -> npt.NDArray[np.int64]:
    """Return the places of a step's samples, (own_size,): each once an epoch, shuffled."""
    return _places(step, samples, recipe.own_size, (recipe.seed,))


def replayed_places(step: int, pairs: int, recipe: ContrastiveRecipe) -> npt.NDArray[np.int64]:
    """Return the places of a step's general pairs, (replay_size,), in passes of their own."""
    return _places(step, pairs, recipe.replay_size, (recipe.seed, 1))


def _places(step: int, samples: int, size: int, stream: tuple[int, ...]) -> npt.NDArray[np.int64]:
    epoch, position = divmod(step, max(1, samples // max(1, size)))
    return _order(stream, epoch, samples)[position * size : (position + 1) * size]


@lru_cache(maxsize=2)
def _order(stream: tuple[int, ...], epoch: int, samples: int) -> npt.NDArray[np.int64]:
    first, *rest = stream
    order = np.random.default_rng((first, epoch, *rest)).permutation(samples)
    order.setflags(write=False)  # it is shared by the steps of the epoch
    return order


def text_type_of(step: int, place: int, recipe: ContrastiveRecipe) -> str:
    """Return the text type of a sample in a step.

    "mixed-per-batch" is the reference's schedule: one type for the whole batch,
    `random.seed(step)` and a choice of five (Imageomics/bioclip, `train.py`).
    """
    if recipe.text_type == PER_BATCH:
        return random.Random(step).choice(_REFERENCE)
    if recipe.text_type in (PER_SAMPLE, WITH_CAPTIONS):
        types = (*_REFERENCE, *([CAPTION] if recipe.text_type == WITH_CAPTIONS else []))
        return random.Random(f"{recipe.seed}/{step}/{place}").choice(types)
    return recipe.text_type


def text_of(sample: Sample, step: int, place: int, recipe: ContrastiveRecipe) -> str:
    """Return the text of a sample in a step; one without a caption has a taxonomic text instead."""
    text_type = text_type_of(step, place, recipe)
    if text_type == CAPTION and CAPTION not in sample.texts:
        text_type = text_type_of(step, place, replace(recipe, text_type=PER_SAMPLE))
    return sample.texts[text_type]


class _Pairs(Dataset[Batch]):
    """Pairs of a picture and a text by (step, place).

    Step -1 is not augmented; place -1 - n is the general pair n.
    """

    def __init__(
        self,
        samples: Sequence[Sample],
        recipe: ContrastiveRecipe,
        size: int,
        tokenizer: Any,
        replayed: Sequence[Sample] = (),
    ) -> None:
        self.samples, self.replayed, self.recipe = samples, replayed, recipe
        self.tokenizer, self.known = tokenizer, dict[str, torch.Tensor]()
        # The whole lineage and its common name tell species apart.
        names = sorted({each.texts["taxon_com"] for each in samples})
        self.species = {name: number for number, name in enumerate(names)}
        self.cropped, self.whole = _transform(recipe, size, True), _transform(recipe, size, False)

    def __getitem__(self, item: tuple[int, int]) -> Batch:
        step, place = item
        if place < 0:
            sample, species = self.replayed[-1 - place], place  # each a species of its own
            text = sample.texts[CAPTION]
        else:
            sample = self.samples[place]
            species = self.species[sample.texts["taxon_com"]]
            text = text_of(sample, place if step < 0 else step, place, self.recipe)
        if step < 0:
            pixels = self.whole(_opened(sample))
        else:
            # A hash of ints has no salt. Only the processor's generator draws crops, and
            # `torch.manual_seed` takes as long as reading a small picture.
            torch.default_generator.manual_seed(hash((self.recipe.seed, step, place)) % 2**63)
            pixels = self.cropped(_opened(sample))
        return pixels, self._tokens(text), torch.tensor(species)

    def _tokens(self, text: str) -> torch.Tensor:
        if (found := self.known.get(text)) is None:
            found = self.tokenizer([text])[0]
            if len(self.known) < _MOST_TEXTS:
                self.known[text] = found
        return found


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
    replayed: Sequence[Sample] = (),
) -> Iterator[list[Batch]]:
    """Yield the micro-batches of a rank for each step from `first_step` on.

    A rank has one stretch of the batch, whose samples are the same on any number of ranks; each
    micro-batch has its share of the general pairs.
    """
    last = total_steps(len(samples), recipe)

    def micro_batches() -> Iterator[list[tuple[int, int]]]:
        for step in range(first_step, last):
            own = places_of(step, len(samples), recipe)
            general = -1 - replayed_places(step, len(replayed), recipe)
            parts = [each.reshape(ranks, recipe.accumulate, -1)[rank] for each in (own, general)]
            yield from ([(step, int(p)) for p in micro] for micro in np.concatenate(parts, axis=1))

    loader = DataLoader(
        _Pairs(samples, recipe, size, tokenizer, replayed),
        batch_sampler=micro_batches(),
        num_workers=recipe.workers,
        pin_memory=torch.cuda.is_available(),
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
        num_workers=recipe.workers,
        generator=torch.Generator(),
    )


class _Whole(Dataset[torch.Tensor]):
    """Whole pictures by place."""

    def __init__(self, samples: Sequence[Sample], recipe: ContrastiveRecipe, size: int) -> None:
        self.samples, self.transform = samples, _transform(recipe, size, False)

    def __len__(self) -> int:
        return len(self.samples)

    def __getitem__(self, place: int) -> torch.Tensor:
        pixels: torch.Tensor = self.transform(_opened(self.samples[place]))
        return pixels


def whole_images(
    samples: Sequence[Sample], recipe: ContrastiveRecipe, size: int
) -> Iterator[torch.Tensor]:
    """Yield the pictures of all samples, whole, in batches of at most 256."""
    if samples:
        yield from DataLoader(
            _Whole(samples, recipe, size),
            batch_size=256,
            num_workers=recipe.workers,
            generator=torch.Generator(),
        )
