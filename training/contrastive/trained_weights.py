"""The weights of a network that are trained: all, the last blocks, or low-rank updates (LoRA)."""

import math
from typing import Any

import torch
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize

from model.errors import Error
from training.contrastive.recipe import ContrastiveRecipe

_MARK = ".parametrizations."


class _LowRank(nn.Module):
    """Adds up @ down to a weight; zero at the beginning (Hu et al. 2021, arXiv 2106.09685)."""

    def __init__(self, weight: torch.Tensor, rank: int) -> None:
        super().__init__()
        rows, columns = weight.shape
        self.down = nn.Parameter(weight.new_empty(rank, columns))
        self.up = nn.Parameter(weight.new_zeros(rows, rank))
        nn.init.kaiming_uniform_(self.down, a=math.sqrt(5))

    def forward(self, weight: torch.Tensor) -> torch.Tensor:
        """Return the updated weight."""
        return weight + self.up @ self.down


def choose_trained(network: Any, recipe: ContrastiveRecipe) -> None:
    """Leave only the weights of a recipe with gradients.

    The logit scale is always trained, the logit bias where the loss has one. Raises Error for a
    network without the blocks or linear layers that the recipe names.
    """
    if recipe.last_blocks:
        try:
            # open_clip's last group is the projection, the one before it the last block.
            network.lock_image_tower(unlocked_groups=recipe.last_blocks + 1)
            network.lock_text_tower(unlocked_layers=recipe.last_blocks + 1)
        except (AttributeError, AssertionError) as error:
            raise Error(
                f"last_blocks = {recipe.last_blocks} needs towers of blocks, and one of this "
                "network has none; set lora_rank or lock_image instead."
            ) from error
    if recipe.lock_image:
        network.lock_image_tower()
    if network.logit_bias is not None:
        network.logit_bias.requires_grad = recipe.loss == "sigmoid"
    if recipe.lora_rank:
        _add_low_rank(network, recipe.lora_rank)


def train_mode(network: nn.Module) -> None:
    """Set training mode; the statistics of batch norms that are not trained stay as they are."""
    network.train()
    for module in network.modules():
        if isinstance(module, _BatchNorm) and not any(
            each.requires_grad for each in module.parameters()
        ):
            module.eval()


def plain_weights(network: nn.Module) -> dict[str, torch.Tensor]:
    """Return the state of a network with low-rank updates added to their weights."""
    found: dict[str, torch.Tensor] = {}
    for name, tensor in network.state_dict().items():
        owner, mark, rest = name.partition(_MARK)
        own, _, kind = rest.partition(".")
        if not mark:
            found[name] = tensor
        elif kind == "original":
            with torch.no_grad():
                found[f"{owner}.{own}"] = getattr(network.get_submodule(owner), own).detach()
    return found


def _add_low_rank(network: nn.Module, rank: int) -> None:
    """Freeze all but the logit scale and bias; update what was trained of attention and MLPs."""
    chosen: list[tuple[nn.Module, str]] = []
    for module in network.modules():
        # `in_proj_weight` holds queries, keys and values; one update of that rank for all three
        own = "in_proj_weight" if isinstance(module, nn.MultiheadAttention) else "weight"
        weight = getattr(module, own, None)
        is_linear = isinstance(module, nn.Linear | nn.MultiheadAttention)
        if is_linear and weight is not None and weight.requires_grad:
            chosen.append((module, own))
    if not chosen:
        raise Error(f"lora_rank = {rank} finds no attention or linear layer in this network.")
    for name, parameter in network.named_parameters():
        parameter.requires_grad &= name in ("logit_scale", "logit_bias")
    for module, own in chosen:
        update = _LowRank(getattr(module, own), rank)
        parametrize.register_parametrization(module, own, update)
