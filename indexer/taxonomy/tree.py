"""A tree as intervals: one walk gives every taxon a place and the end of its clade."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]
NONE = -1  # the parent of a root


@dataclass(frozen=True, slots=True)
class Walk:
    """The pre-order of a tree: b is in the clade of a if and only if lo(a) <= lo(b) < hi(a)."""

    lo: Places
    hi: Places
    levels: tuple[Places, ...]
    """the taxa of each depth, roots first"""


def walk(parents: Places, siblings: Places) -> Walk:
    """Walk a forest once: `parents` holds each taxon's parent, or NONE, and has no cycles.

    Among siblings the one with the smaller number in `siblings` comes first. Works level by
    level on whole arrays, so that a million taxa take a second.
    """
    levels = _levels(parents, np.lexsort((siblings, parents)))
    size = np.ones(len(parents), np.int64)
    for level in reversed(levels[1:]):
        np.add.at(size, parents[level], size[level])
    lo = np.zeros(len(parents), np.int64)
    for level in levels:
        before = np.cumsum(size[level]) - size[level]
        above = parents[level]
        first = np.flatnonzero(np.r_[True, above[1:] != above[:-1]])[: len(level)]
        elder = before - np.repeat(before[first], np.diff(np.r_[first, len(level)]))
        lo[level] = elder if level is levels[0] else lo[above] + 1 + elder
    return Walk(lo, lo + size, levels)


def in_cycles(parents: Places) -> tuple[Mask, Mask]:
    """Return which taxa are their own ancestors, and which stand below such a one."""
    end = len(parents)
    above = np.where(parents == NONE, end, parents)
    above = np.r_[above, end]
    for _ in range(max(1, end.bit_length())):
        above = above[above]  # twice as far up each time
    lost = above[:end] != end
    own = np.zeros(end, bool)
    own[above[:end][lost]] = True
    # After so many steps up, every cycle's taxa that something stands at are seen; walk them once.
    rim = np.flatnonzero(own)
    while len(rim):
        rim = parents[rim]
        rim = np.unique(rim[~own[rim]])
        own[rim] = True
    return own, lost & ~own


def _levels(parents: Places, order: Places) -> tuple[Places, ...]:
    depth = np.zeros(len(parents), np.int64)
    above = parents
    while (has := above != NONE).any():
        depth += has
        above = np.where(has, parents[above], NONE)
    by_depth = order[np.argsort(depth[order], kind="stable")]
    ends = np.cumsum(np.bincount(depth)) if len(parents) else np.empty(0, np.int64)
    return tuple(np.split(by_depth, ends[:-1])) if len(ends) else (by_depth,)
