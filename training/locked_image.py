"""Locked-image text tuning: a text tower learns to meet fixed image-side targets.

Zhai et al., "LiT: Zero-Shot Transfer with Locked-image text Tuning" (arXiv 2111.07991), with the
images replaced by the rows of their classifier.
"""

import math
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional

from training.recipe import Recipe


@dataclass(frozen=True, slots=True)
class Step:
    """One optimiser step: its number from 1, and the loss before it."""

    number: int
    loss: float


def tune(
    network: Any,
    sample: Callable[[random.Random], tuple[str, int]],
    targets: torch.Tensor,
    tokenize: Callable[[Sequence[str], random.Random], torch.Tensor],
    recipe: Recipe,
) -> Iterator[Step]:
    """Train the text tower of an open_clip CLIP in place, one yield per step.

    `sample` draws a string and the index of its row in `targets` (n, dim; unit rows); `tokenize`
    gives (batch, context) ids. Loss: cross-entropy over all targets plus the cosine distance to
    the right one.
    """
    torch.manual_seed(recipe.seed)
    rng = random.Random(recipe.seed)
    network.visual.requires_grad_(False)
    optimiser = torch.optim.AdamW(
        _parameter_groups(network, recipe.weight_decay), lr=recipe.learning_rate, betas=(0.9, 0.98)
    )
    schedule = torch.optim.lr_scheduler.LambdaLR(
        optimiser, lambda step: _rate(step, recipe.warmup_steps, recipe.steps)
    )
    for number in range(1, recipe.steps + 1):
        drawn = [sample(rng) for _ in range(recipe.batch_size)]
        right = torch.tensor([index for _, index in drawn])  # (batch,)
        tokens = tokenize([text for text, _ in drawn], rng)  # (batch, context)
        texts = encode_by_length(network, tokens)  # (batch, dim)
        cosines = texts @ targets.T  # (batch, n)
        distance = 1 - cosines.gather(1, right[:, None]).mean()
        loss = functional.cross_entropy(cosines / recipe.temperature, right) + distance
        optimiser.zero_grad()
        loss.backward()  # type: ignore[no-untyped-call]
        optimiser.step()
        schedule.step()
        yield Step(number, loss.item())


def encode_by_length(network: Any, tokens: torch.Tensor, parts: int = 4) -> torch.Tensor:
    """Encode texts in parts of like length: (batch, context) ids to (batch, dim) unit rows."""
    order = tokens.argmax(dim=1).argsort()
    encoded = torch.cat([encode_short(network, part) for part in tokens[order].chunk(parts)])
    return encoded[order.argsort()]


def encode_short(network: Any, tokens: torch.Tensor) -> torch.Tensor:
    """Encode texts cut to the longest of them: (batch, context) ids to (batch, dim) unit rows.

    CLIP's text mask is causal, so nothing behind the end of a text reaches its embedding.
    """
    ends = tokens.argmax(dim=1)
    length = int(ends.max()) + 1
    states = network.token_embedding(tokens[:, :length]) + network.positional_embedding[:length]
    states = network.transformer(states, attn_mask=network.attn_mask[:length, :length])
    last = network.ln_final(states)[torch.arange(len(tokens)), ends]  # (batch, width)
    return functional.normalize(last @ network.text_projection, dim=-1)


def _rate(step: int, warmup: int, total: int) -> float:
    if step < warmup:
        return (step + 1) / warmup
    return 0.5 * (1 + math.cos(math.pi * (step - warmup) / max(1, total - warmup)))


def _parameter_groups(network: Any, weight_decay: float) -> list[dict[str, Any]]:
    trained = [p for p in network.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim >= 2], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim < 2], "weight_decay": 0.0},
    ]
