"""Loss and gradients of one step: symmetric InfoNCE over all ranks and micro-batches."""

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

import torch
from open_clip.loss import ClipLoss
from torch import distributed
from torch.nn import functional

from training.contrastive.batches import Batch
from training.contrastive.recipe import ContrastiveRecipe


def pair_loss(
    recipe: ContrastiveRecipe,
    images: torch.Tensor,
    texts: torch.Tensor,
    scale: torch.Tensor,
    species: torch.Tensor,
    rank: int = 0,
    ranks: int = 1,
) -> torch.Tensor:
    """Return the loss of a rank's features, (n, dim) unit rows, against those of all ranks.

    The mean over ranks is the loss of the whole batch (local loss, gathered with gradients).
    """
    loss = ClipLoss(local_loss=True, gather_with_grad=True, rank=rank, world_size=ranks)
    if recipe.same_species == "negatives":
        found: torch.Tensor = loss(images, texts, scale)
        return found
    everyone = species
    if ranks > 1:
        parts = [torch.empty_like(species) for _ in range(ranks)]
        distributed.all_gather(parts, species)
        everyone = torch.cat(parts)
    own = torch.arange(len(species), device=species.device) + len(species) * rank
    same = species[:, None] == everyone
    same[torch.arange(len(own)), own] = False
    losses = [
        functional.cross_entropy(logits.masked_fill(same, -torch.inf), own)
        for logits in loss.get_logits(images, texts, scale)
    ]
    total: torch.Tensor = sum(losses, torch.zeros_like(losses[0])) / 2
    return total


def backward(
    network: Any,
    batches: Sequence[Batch],
    recipe: ContrastiveRecipe,
    scaler: Any,
    rank: int = 0,
    ranks: int = 1,
) -> float:
    """Add the gradients of a step to those of the network and return its loss on this rank.

    Several micro-batches have the gradients of one batch of all: their features are computed
    without gradients, then the loss and its gradients by features, then each micro-batch again
    (Gao et al. 2021, "Scaling Deep Contrastive Learning Batch Size under Memory Limited Setup").
    """
    if len(batches) == 1:
        images, tokens, species = batches[0]
        with autocast(recipe, images):
            out = network(images, tokens)
        loss = _loss(recipe, out, species, rank, ranks)
        scaler.scale(loss).backward()
        return float(loss.detach())
    with torch.no_grad():
        outs = []
        for images, tokens, _ in batches:
            with autocast(recipe, images):
                outs.append(network(images, tokens))
    leaves = {
        name: torch.cat([out[name].float() for out in outs]).requires_grad_()
        for name in ("image_features", "text_features")
    }
    leaves["logit_scale"] = outs[0]["logit_scale"].detach().clone().requires_grad_()
    loss = _loss(recipe, leaves, torch.cat([each[2] for each in batches]), rank, ranks)
    scaler.scale(loss).backward()
    grads = {name: leaf.grad for name, leaf in leaves.items() if leaf.grad is not None}
    start = 0
    for place, (images, tokens, _) in enumerate(batches):
        is_last = place == len(batches) - 1
        waits = network.no_sync() if ranks > 1 and not is_last else nullcontext()
        with waits:
            with autocast(recipe, images):
                out = network(images, tokens)
            some = slice(start, start + len(images))
            terms = [
                (out[name].float() * grads[name][some]).sum()
                for name in ("image_features", "text_features")
            ]
            terms.append(out["logit_scale"] * grads["logit_scale"] * is_last)  # once
            torch.stack(terms).sum().backward()  # type: ignore[no-untyped-call]
        start += len(images)
    return float(loss.detach())


def autocast(recipe: ContrastiveRecipe, images: torch.Tensor) -> Any:
    """Return the context of a recipe's precision."""
    if recipe.precision == "fp32":
        return nullcontext()
    kind = torch.bfloat16 if recipe.precision == "bf16" else torch.float16
    return torch.autocast(images.device.type, dtype=kind)


def parameter_groups(network: Any, weight_decay: float) -> list[dict[str, Any]]:
    """Return the trained parameters; none of gains, biases and the logit scale decays."""
    decayed: list[torch.Tensor] = []
    plain: list[torch.Tensor] = []
    for name, parameter in network.named_parameters():
        if parameter.requires_grad:
            is_plain = parameter.ndim < 2 or any(
                part in name for part in ("bn", "ln", "bias", "logit_scale")
            )
            (plain if is_plain else decayed).append(parameter)
    return [
        {"params": plain, "weight_decay": 0.0},
        {"params": decayed, "weight_decay": weight_decay},
    ]


def _loss(
    recipe: ContrastiveRecipe, out: Any, species: torch.Tensor, rank: int, ranks: int
) -> torch.Tensor:
    images, texts = out["image_features"].float(), out["text_features"].float()
    return pair_loss(recipe, images, texts, out["logit_scale"], species, rank, ranks)
