"""The best of very many for each image: found in the blocks, or groups, that may hold them."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from model.vectors import Features
from search.zero_shot.candidates import NONE, Clades, Mask, Numbers
from search.zero_shot.products import Sums

_BLOCK = 32  # rows that are passed over if their best is not among the best
_FIRST = 3  # groups looked at beside k, at first
_LISTED = 32, 512  # groups that may be looked at; and where these do not suffice
_SAFE = 0.8  # a sum may be too low by a fifth at most
Exactly = Callable[[int, Numbers], Features]
"""The shares (m,) of candidates (m,) for an image, on the scale of the sums."""


@dataclass(frozen=True, slots=True, eq=False)
class Looked:
    """What a closer look at the groups with the largest sums showed of one image."""

    image: int
    groups: Numbers
    """(g,)"""
    members: Numbers
    """(m,) candidates, all of these groups"""
    shares: Features
    """(m,)"""
    sure: bool
    """whether the k best are surely among them"""


def look(
    sums: Sums, candidates: int, k: int, exactly: Exactly, share: float = 1.0
) -> Iterator[Looked]:
    """Look at as many groups of candidates as needed for each image, and yield them.

    The k-th best of those seen in a few groups is a bound: a group whose sum is below it holds
    none of the k best. All others are looked at, and those that hold more than a share of all as
    long as they are few; none but the first few where it takes too many to be sure.
    """
    pending = np.arange(sums.values.shape[1])
    much = share * sums.values.sum(axis=0) if share < 1 else np.full(len(pending), np.inf)
    for listed in _LISTED:
        values = sums.values if listed == _LISTED[0] else sums.values[:, pending]
        chosen = largest(values, max(listed, k + _FIRST))
        found = values[chosen, np.arange(len(pending))[:, None]]
        left = []
        for image, groups, rough in zip(pending.tolist(), chosen, found, strict=True):
            seen = _members(groups[: k + _FIRST], sums.size, candidates)
            shares = exactly(image, seen)
            bound = _SAFE * np.partition(shares, -k)[-k] if len(shares) >= k else 0.0
            sure = len(groups) == len(values) or bool(rough[-1] < bound)
            if not sure and listed != _LISTED[-1]:
                left.append(image)
                continue
            enough = min(bound, much[image]) if sure else np.inf  # else all that is seen is in vain
            needed = max(int(np.count_nonzero(rough >= enough)), k + _FIRST)
            if needed > k + _FIRST:
                more = _members(groups[k + _FIRST : needed], sums.size, candidates)
                shares = np.concatenate([shares, exactly(image, more)])
                seen = np.concatenate([seen, more])
            yield Looked(image, groups[:needed], seen, shares, sure)
        pending = np.array(left, np.int64)


def _members(groups: Numbers, size: int, candidates: int) -> Numbers:
    members = (groups[:, None] * size + np.arange(size)).ravel()
    return members[members < candidates] if size > 1 else members


def best_members(looks: Sequence[Looked], k: int) -> tuple[Numbers, Features]:
    """Return the k best candidates of each image and their shares, of equals the first: (n, k)."""
    places = np.empty((len(looks), k), np.int64)
    shares = np.empty((len(looks), k), np.float32)
    for seen in looks:
        order = np.lexsort((seen.members, -seen.shares))[:k]
        places[seen.image], shares[seen.image] = seen.members[order], seen.shares[order]
    return places, shares


def best_seen(looks: Sequence[Looked], cut: Clades, k: int) -> tuple[Numbers, Features]:
    """Return the k clades of each image with the largest sums over the members looked at, (n, k).

    For levels whose clades seldom have two members, as species: others matter as little as the
    candidates that were not looked at. For lack of named clades there are NONE, of value 0.
    """
    numbers = np.full((len(looks), k), NONE, np.int64)
    sums = np.zeros((len(looks), k), np.float32)
    for seen in looks:
        of_each = cut.at(seen.members)
        own = of_each != NONE
        clades, which = np.unique(of_each[own], return_inverse=True)
        found = np.bincount(which, seen.shares[own], len(clades)).astype(np.float32)
        order = np.argsort(-found, kind="stable")[:k]
        numbers[seen.image, : len(order)] = clades[order]
        sums[seen.image, : len(order)] = found[order]
    return numbers, sums


def largest(values: Features, k: int) -> Numbers:
    """Return the k' = min(k, rows) largest rows of each image of values (rows, n): (n, k').

    The largest come first; of equals the lower row.
    """
    rows, count = values.shape
    k = min(k, rows)
    if not k or not count:
        return np.empty((count, k), np.int64)
    whole = rows // _BLOCK * _BLOCK
    peaks = values[:whole].reshape(-1, _BLOCK, count).max(axis=1)
    if whole < rows:
        peaks = np.concatenate([peaks, values[whole:].max(axis=0, keepdims=True)])
    blocks = _columns(np.ascontiguousarray(peaks.T), k)
    members = (blocks[:, :, None] * _BLOCK + np.arange(_BLOCK)).reshape(count, -1)
    images = np.arange(count)[:, None]
    found = np.where(members < rows, values[np.minimum(members, rows - 1), images], -np.inf)
    chosen = _columns(found, k)
    order = np.argsort(-found[images, chosen], axis=1, kind="stable")
    numbers: Numbers = members[images, chosen[images, order]]
    return numbers


def best_of(values: Features, named: Mask, k: int) -> tuple[Numbers, Features]:
    """Return the k' largest named rows of each image and their values, as `largest` orders them.

    For lack of named rows there are NONE, of value 0. Makes the others' values negative.
    """
    values[~named] = -1
    numbers = largest(values, k)
    found = values[numbers, np.arange(values.shape[1])[:, None]]
    return np.where(found < 0, NONE, numbers), np.maximum(found, 0)


def _columns(values: Features, k: int) -> Numbers:
    """Return the k columns of each row with the largest values, in order; the first of equals."""
    if values.shape[1] <= k:
        return np.broadcast_to(np.arange(values.shape[1]), values.shape)
    least = np.partition(values, -k, axis=1)[:, -k, None]
    above, equal = values > least, values == least
    chosen = above | equal
    if np.count_nonzero(chosen) > len(values) * k:
        room = k - above.sum(axis=1, keepdims=True)
        chosen = above | (equal & (np.cumsum(equal, axis=1) <= room))
    return np.nonzero(chosen)[1].reshape(len(values), k)
