"""Texts that begin alike share the work: each of their beginnings is computed once.

CLIP's text mask is causal, so what a token becomes depends on the tokens before it alone. The
tokens of many texts make a tree, in which every "a photo of Animalia Chordata Aves" is one path;
its nodes are computed level by level, each attending to the keys and values of those above it.
That is exact: a million full lineages hold a fifth of the tokens of a million texts cut to length.
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import torch
from torch.nn import functional

from model.tokens import Tokens
from model.vectors import Features

CHUNK = 1024  # texts in memory at once: 12 layers of width 512 keep about 50 kB a node
LEAST = 256  # texts from which a tree pays
Places = npt.NDArray[np.int64]


def applies(network: torch.nn.Module) -> bool:
    """Tell whether it is a CLIP whose text tower has a causal mask and plain blocks."""
    if not isinstance(network, open_clip.CLIP) or network.text_pool_type != "argmax":
        return False
    block = open_clip.transformer.ResidualAttentionBlock
    return (
        network.attn_mask is not None
        and isinstance(network.text_projection, torch.nn.Parameter)
        and all(type(each) is block for each in network.transformer.resblocks)
    )


@torch.inference_mode()
def encode_texts(network: Any, tokens: Tokens) -> Features:
    """Return the features of texts, (n, dim) float32, of (n, context length) tokens.

    The end mark has the highest id, and behind it there is padding, as CLIP's tokenizer writes.
    """
    features = np.empty((len(tokens), network.text_projection.shape[1]), np.float32)
    order = np.lexsort(tokens.T[::-1])
    for start in range(0, len(tokens), CHUNK):
        places = order[start : start + CHUNK]
        features[places] = _of_tree(network, tokens[places]).float().cpu().numpy()
    return features


def _of_tree(clip: Any, tokens: Tokens) -> torch.Tensor:
    """Encode sorted texts, (n, length), through the tree of their tokens: (n, dim)."""
    ends = tokens.argmax(axis=1)
    nodes, is_new = _tree(tokens, ends)
    count = int(nodes.max()) + 1
    weight = clip.token_embedding.weight
    layers = len(clip.transformer.resblocks)
    memory = weight.new_empty((layers, count, 2, weight.shape[1]))
    ended = weight.new_empty((count, weight.shape[1]))
    is_end = np.zeros(count, bool)
    is_end[nodes[np.arange(len(tokens)), ends]] = True
    for depth in range(int(ends.max()) + 1):
        rows = np.flatnonzero(is_new[:, depth])
        above = torch.from_numpy(nodes[rows, : depth + 1]).to(weight.device)
        given = torch.from_numpy(tokens[rows, depth]).to(weight.device)
        words = clip.token_embedding(given) + clip.positional_embedding[depth]
        final = torch.from_numpy(is_end[nodes[rows, depth]]).to(weight.device)
        for layer, block in enumerate(clip.transformer.resblocks):
            # Of the last layer only what the ends become is asked for.
            asked = final if layer == layers - 1 else None
            words = _attend(block, words, above, memory[layer], asked)
        ended[above[final, -1]] = words
    at = torch.from_numpy(nodes[np.arange(len(tokens)), ends]).to(weight.device)
    features: torch.Tensor = clip.ln_final(ended[at]) @ clip.text_projection
    return features


def _tree(tokens: Tokens, ends: Places) -> tuple[Places, npt.NDArray[np.bool_]]:
    """Return the node of each token of sorted texts, numbered by levels, and where one begins.

    Both are (n, length); a text has the nodes of the one before it as long as both are alike.
    """
    is_new = np.ones(tokens.shape, bool)
    is_new[1:] = np.logical_or.accumulate(tokens[1:] != tokens[:-1], axis=1)
    is_new &= np.arange(tokens.shape[1]) <= ends[:, None]
    first = np.concatenate([[0], np.cumsum(is_new.sum(axis=0))[:-1]])
    nodes: Places = np.cumsum(is_new, axis=0) - 1 + first
    return nodes, is_new


def _attend(
    block: Any,
    words: torch.Tensor,
    above: torch.Tensor,
    memory: torch.Tensor,
    asked: torch.Tensor | None,
) -> torch.Tensor:
    """Run one block over the nodes of a level, (n, width); `memory` gets their keys and values.

    `above` (n, depth + 1) are the nodes on the path to each, itself last. With `asked` (n,) only
    these are returned.
    """
    attention, width = block.attn, words.shape[1]
    projected = functional.linear(
        block.ln_1(words), attention.in_proj_weight, attention.in_proj_bias
    )
    memory[above[:, -1]] = projected[:, width:].view(-1, 2, width)
    queries = projected[:, :width]
    if asked is not None:
        words, queries, above = words[asked], queries[asked], above[asked]
    heads = (attention.num_heads, width // attention.num_heads)
    keys, values = memory[above].view(*above.shape, 2, *heads).permute(2, 0, 3, 1, 4)
    told = functional.scaled_dot_product_attention(
        queries.view(-1, heads[0], 1, heads[1]), keys, values
    )
    words = words + block.ls_1(attention.out_proj(told.reshape(-1, width)))
    after: torch.Tensor = words + block.ls_2(block.mlp(block.ln_2(words)))
    return after
