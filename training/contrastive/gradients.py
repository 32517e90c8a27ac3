"""Loss and gradients of one step over all ranks and micro-batches: InfoNCE or sigmoid loss."""

from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from typing import Any

import torch
from open_clip.loss import ClipLoss
from torch import distributed
from torch.distributed.nn.functional import all_gather
from torch.nn import functional

from training.contrastive.batches import Batch
from training.contrastive.recipe import ContrastiveRecipe

FEATURES = ("image_features", "text_features")
SCALARS = {"logit_scale", "logit_bias"}


def pair_loss(
    recipe: ContrastiveRecipe,
    out: Mapping[str, torch.Tensor],
    species: torch.Tensor,
    rank: int = 0,
    ranks: int = 1,
) -> torch.Tensor:
    """Return the loss of a rank's features, (n, dim) unit rows, against those of all ranks.

    `out` has "image_features", "text_features", "logit_scale" and, for the sigmoid loss,
    "logit_bias". The mean over ranks is the loss of the whole batch (local loss, gathered with
    gradients).
    """
    images, texts = (_full(out[name]) for name in FEATURES)
    loss = ClipLoss(local_loss=True, gather_with_grad=True, rank=rank, world_size=ranks)
    if recipe.loss == "softmax" and recipe.same_species == "negatives":
        found: torch.Tensor = loss(images, texts, out["logit_scale"])
        return found
    own, same = _same_species(recipe, species, rank, ranks)
    if recipe.loss == "sigmoid":
        logits = out["logit_scale"] * images @ _gathered(texts, ranks).T + out["logit_bias"]
        sign = -torch.ones_like(logits)
        sign[own - own[0], own] = 1
        each = -functional.logsigmoid(sign * logits).masked_fill(same, 0)
        return each.sum() / len(own)
    losses = [
        functional.cross_entropy(logits.masked_fill(same, -torch.inf), own)
        for logits in loss.get_logits(images, texts, out["logit_scale"])
    ]
    return torch.stack(losses).mean()


def step_loss(
    recipe: ContrastiveRecipe,
    out: Mapping[str, torch.Tensor],
    species: torch.Tensor,
    rank: int = 0,
    ranks: int = 1,
) -> torch.Tensor:
    """Return the loss of a step: of its samples, and that of the general pairs added to it.

    Samples and general pairs are not contrasted with each other (`ContinualLoss` of BioCLIP 2).
    """
    if not recipe.replay_size:
        return pair_loss(recipe, out, species, rank, ranks)
    losses = []
    for chosen in (species >= 0, species < 0):
        some = {**out, **{name: out[name][chosen] for name in FEATURES}}
        losses.append(pair_loss(recipe, some, species[chosen], rank, ranks))
    return losses[0] + losses[1]


def _same_species(
    recipe: ContrastiveRecipe, species: torch.Tensor, rank: int, ranks: int
) -> tuple[torch.Tensor, torch.Tensor]:
    """Return a rank's places in the whole batch, (n,), and the pairs to ignore, (n, n × ranks)."""
    everyone = species
    if ranks > 1:
        parts = [torch.empty_like(species) for _ in range(ranks)]
        distributed.all_gather(parts, species)
        everyone = torch.cat(parts)
    own = torch.arange(len(species), device=species.device) + len(species) * rank
    same = (species[:, None] == everyone) & (recipe.same_species == "ignored")
    same[own - own[0], own] = False
    return own, same


def _gathered(rows: torch.Tensor, ranks: int) -> torch.Tensor:
    """Return the rows of all ranks, with gradients to each."""
    if ranks == 1:
        return rows
    return torch.cat(all_gather(rows))  # type: ignore[no-untyped-call]


def _full(rows: torch.Tensor) -> torch.Tensor:
    """Return features in float32 at least."""
    return rows.to(torch.promote_types(rows.dtype, torch.float32))


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
        loss = step_loss(recipe, out, species, rank, ranks)
        scaler.scale(loss).backward()
        return float(loss.detach())
    with torch.no_grad():
        outs = []
        for images, tokens, _ in batches:
            with autocast(recipe, images):
                outs.append(network(images, tokens))
    leaves = {
        name: torch.cat([_full(out[name]) for out in outs]).requires_grad_() for name in FEATURES
    }
    for name in SCALARS & outs[0].keys():
        leaves[name] = outs[0][name].detach().clone().requires_grad_()
    loss = step_loss(recipe, leaves, torch.cat([each[2] for each in batches]), rank, ranks)
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
            terms = [(_full(out[name]) * grads[name][some]).sum() for name in FEATURES]
            terms += [out[name] * grads[name] * is_last for name in SCALARS & grads.keys()]  # once
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
