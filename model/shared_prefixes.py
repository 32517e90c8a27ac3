"""Texts that begin alike share the work: each of their common beginnings is computed once.

CLIP's text mask is causal, so what a token becomes depends on the tokens before it alone. The
beginnings that texts share, such as "a photo of Animalia Chordata Aves", make a tree: its nodes
are computed level by level and leave their keys and values; then each text's own tail attends to
those of its path. That is exact (DESIGN: a lineage with a common name has 36 tokens, 10 its own).
"""

from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import torch
from torch.nn.functional import linear, scaled_dot_product_attention

from model.tokens import Tokens
from model.vectors import Features

CHUNK = 4096  # texts whose tree is in memory at once; 12 layers of width 512 keep 50 kB a node
TAILS = 64  # texts at a time, few enough that what they attend to stays near the processor
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
    texts, places = np.unique(tokens, axis=0, return_inverse=True)
    features = np.empty((len(texts), network.text_projection.shape[1]), np.float32)
    for start in range(0, len(texts), CHUNK):
        chunk = texts[start : start + CHUNK]
        features[start : start + CHUNK] = _of_sorted(network, chunk)
    found: Features = features[places.reshape(-1)]
    return found


def _of_sorted(clip: Any, texts: Tokens) -> Features:
    """Encode sorted texts, (n, length), no two alike: (n, dim)."""
    alike = np.logical_and.accumulate(texts[1:] == texts[:-1], axis=1).sum(axis=1)
    with_last = np.concatenate([[0], alike])[: len(texts)]
    shared = np.maximum(with_last, np.concatenate([alike, [0]])[: len(texts)])
    depths = np.arange(texts.shape[1])
    is_new = (depths >= with_last[:, None]) & (depths < shared[:, None])
    levels = is_new.sum(axis=0)
    nodes: Places = np.cumsum(is_new, axis=0) - 1 + np.cumsum(levels) - levels
    weight, blocks = clip.token_embedding.weight, clip.transformer.resblocks
    memory = weight.new_empty((len(blocks), int(levels.sum()), 2 * weight.shape[1]))
    for depth in np.flatnonzero(levels):
        rows = np.flatnonzero(is_new[:, depth])
        words = _words(clip, texts[rows, None, depth], np.array([depth]))
        above = torch.from_numpy(nodes[rows, :depth]).to(weight.device)
        first = int(nodes[rows[0], depth])
        for block, kept in zip(blocks, memory, strict=True):
            words, kept[first : first + len(rows)] = _attend(block, words, kept, above, None)
    lengths = texts.argmax(axis=1) + 1 - shared
    features = np.empty((len(texts), clip.text_projection.shape[1]), np.float32)
    order = np.argsort(lengths, kind="stable")
    for start in range(0, len(texts), TAILS):
        rows = order[start : start + TAILS]
        own = _tails(clip, texts[rows], nodes[rows], shared[rows], lengths[rows], memory)
        features[rows] = (clip.ln_final(own) @ clip.text_projection).float().cpu().numpy()
    return features


def _tails(
    clip: Any, texts: Tokens, nodes: Places, shared: Places, lengths: Places, memory: torch.Tensor
) -> torch.Tensor:
    """Return what the ends of texts become, (n, width), of which all but the tail is known."""
    steps, longest = np.arange(lengths.max()), int(shared.max())
    at = np.minimum(shared[:, None] + steps, texts.shape[1] - 1)
    words = _words(clip, np.take_along_axis(texts, at, axis=1), at)
    is_known = np.arange(longest) < shared[:, None]
    above = np.where(is_known, nodes[:, :longest], 0)
    causal = np.broadcast_to(steps <= steps[:, None], (len(texts), len(steps), len(steps)))
    known = np.broadcast_to(is_known[:, None], (len(texts), len(steps), longest))
    mask = torch.from_numpy(np.concatenate([known, causal], axis=2)[:, None]).to(words.device)
    path = torch.from_numpy(above).to(words.device)
    for block, kept in zip(clip.transformer.resblocks, memory, strict=True):
        words, _ = _attend(block, words, kept, path, mask)
    ends: torch.Tensor = words[torch.arange(len(texts)), torch.from_numpy(lengths - 1)]
    return ends


def _words(clip: Any, tokens: Tokens, at: Places) -> torch.Tensor:
    positions = clip.positional_embedding[torch.from_numpy(at)]
    known = torch.from_numpy(tokens).to(positions.device)
    words: torch.Tensor = clip.token_embedding(known) + positions
    return words


def _attend(
    block: Any,
    words: torch.Tensor,
    memory: torch.Tensor,
    above: torch.Tensor,
    mask: torch.Tensor | None,
) -> tuple[torch.Tensor, torch.Tensor]:
    """Run one block over (n, steps, width) words; return them and their keys and values.

    They attend to the nodes `above` (n, depth) in `memory` and then to themselves.
    """
    attention, (count, steps, width) = block.attn, words.shape
    projected = linear(block.ln_1(words), attention.in_proj_weight, attention.in_proj_bias)
    queries, own = projected[..., :width], projected[..., width:]
    before = memory.index_select(0, above.flatten()).view(count, -1, 2 * width)
    known = torch.cat([before, own], dim=1)
    heads = (attention.num_heads, width // attention.num_heads)
    keys, values = known.view(count, -1, 2, *heads).permute(2, 0, 3, 1, 4)
    queries = queries.reshape(count, steps, *heads).transpose(1, 2)
    told = scaled_dot_product_attention(queries, keys, values, mask).transpose(1, 2)
    words = words + block.ls_1(attention.out_proj(told.reshape(count, steps, width)))
    return words + block.ls_2(block.mlp(block.ln_2(words))), own[:, -1]
