"""Pairs of pictures that may be copies of each other: by perceptual hash, and by nearest vectors.

A hash finds what was scaled, made grey, mirrored or saved again, at whatever cosine; a twentieth
cropped changes a fifth of its bits, but a copy's vector then is still among the nearest.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from indexer.backends import Rows
from indexer.catalog.snapshot import Snapshot
from indexer.inputs.perceptual_hash import MIRROR
from search.audit.label_classes import Numbers
from search.audit.near_duplicates import NearestOthers

CLOSE = 3  # bits in which the hashes of a picture and its copy differ: 4 at most in .999
CROPPED = 20  # the same where up to a twentieth of each side was cut off
ALIKE = 0.8  # cosine of such a copy: .87 in .95
_PER_IMAGE = 10  # candidates of one image that its hash finds
_CROWD = 64  # pictures of one hash: more are one scene, of which the nearest vectors are looked at
_BANDS, _BAND = 4, 16  # bits: of hashes that differ in CLOSE bits at least one band is the same
_TOGETHER = 1024  # hashes asked for at once
Hashes = npt.NDArray[np.uint64]


@dataclass(frozen=True, slots=True, eq=False)
class Candidates:
    """Pairs of places in a selection, the likeliest copies first."""

    pairs: Numbers
    """(n, 2) places, the smaller first"""
    mirrored: npt.NDArray[np.bool_]
    """(n,) whether one is likelier the mirror image of the other"""


def candidates_of(
    near: NearestOthers, contents: Numbers, hashes: Hashes, hashed: npt.NDArray[np.bool_]
) -> Candidates:
    """Return the pairs of different contents that may be copies, each once.

    `contents` (n,) are equal where the files are; `hashes` (n,) count where `hashed` (n,) is true.
    A pair whose vectors are near enough counts without hashes, too.
    """
    first = np.unique(contents, return_index=True)[1]  # of equal files one is enough
    stands = np.zeros(len(contents), np.bool_)
    stands[first] = True
    one, rank = np.nonzero((near.scores >= ALIKE) & stands[:, None])
    other = near.places[one, rank]
    known = hashed[one] & hashed[other]
    bits = np.where(known, _least_bits(hashes[one], hashes[other]), CROPPED)
    kept = stands[other] & (bits <= CROPPED)
    hashed_first = first[hashed[first]]
    by_hash = hashed_first[_close_pairs(hashes[hashed_first])]
    pairs = np.concatenate([np.stack([one, other], axis=1)[kept], by_hash])
    cosines = np.concatenate([near.scores[one, rank][kept], np.full(len(by_hash), ALIKE)])
    pairs = np.sort(pairs, axis=1)
    order = np.lexsort((-cosines, pairs[:, 1], pairs[:, 0]))
    pairs, cosines = pairs[order], cosines[order]
    fresh = np.r_[True, (np.diff(pairs, axis=0) != 0).any(axis=1)][: len(pairs)]
    pairs, cosines = pairs[fresh], cosines[fresh]
    left, right = hashes[pairs[:, 0]], hashes[pairs[:, 1]]
    plain, mirrored = _bits(left, right), _bits(left, right ^ np.uint64(MIRROR))
    known = hashed[pairs].all(axis=1)
    likely = np.lexsort((-cosines, np.where(known, np.minimum(plain, mirrored), CROPPED)))
    return Candidates(pairs[likely], (known & (mirrored < plain))[likely])


def hashes_of(snapshot: Snapshot, rows: Rows) -> tuple[Hashes, npt.NDArray[np.bool_]]:
    """Return the perceptual hash of each row, and whether it or an equal file has one."""
    found = snapshot.cursor().execute(_HASHES).fetchnumpy()
    hashes, hashed = np.zeros(len(rows), np.uint64), np.zeros(len(rows), np.bool_)
    place = np.searchsorted(rows, found["row"])
    inside = np.isin(found["row"], rows)
    hashes[place[inside]] = found["hash"][inside].astype(np.uint64)
    hashed[place[inside]] = True
    return hashes, hashed


def _close_pairs(hashes: Hashes) -> Numbers:
    """Return the pairs of places whose hashes, or one mirrored, differ in CLOSE bits, (n, 2)."""
    import faiss

    unique, inverse, counts = np.unique(hashes, return_inverse=True, return_counts=True)
    if not len(unique):
        return np.empty((0, 2), np.int64)
    index = faiss.IndexBinaryMultiHash(64, _BANDS, _BAND)
    index.add(unique.view(np.uint8).reshape(-1, 8))
    found = []
    for start in range(0, len(unique), _TOGETHER):
        own = np.arange(start, min(start + _TOGETHER, len(unique)))
        for asked in (unique[own], unique[own] ^ np.uint64(MIRROR)):
            ends, bits, others = index.range_search(asked.view(np.uint8).reshape(-1, 8), CLOSE + 1)
            ones = np.repeat(own, np.diff(ends.astype(np.int64)))
            order = np.lexsort((bits, ones))  # of each hash the closest
            ones, others = ones[order], others[order].astype(np.int64)
            nth = np.arange(len(ones)) - np.searchsorted(ones, ones)
            found.append(np.stack([ones, others], axis=1)[nth <= _PER_IMAGE])
    pairs = np.concatenate(found)
    pairs = np.unique(np.sort(pairs, axis=1), axis=0)
    pairs = pairs[(counts[pairs] <= _CROWD).all(axis=1)]
    return _spread(pairs, inverse, counts)


def _spread(pairs: Numbers, inverse: Numbers, counts: Numbers) -> Numbers:
    """Return the pairs of places of pairs of hashes; two of one hash are a pair, too."""
    order = np.argsort(inverse, kind="stable")
    starts = np.cumsum(counts) - counts
    ones, others = pairs[:, 0], pairs[:, 1]
    sizes = counts[ones] * counts[others]
    which = np.repeat(np.arange(len(pairs)), sizes)
    nth = np.arange(len(which)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    width = counts[others][which]
    left = order[starts[ones][which] + nth // width]
    right = order[starts[others][which] + nth % width]
    spread: Numbers = np.stack([left, right], axis=1)[left != right]
    return spread


def _bits(one: Hashes, other: Hashes) -> Numbers:
    bits: Numbers = np.bitwise_count(one ^ other).astype(np.int64)
    return bits


def _least_bits(one: Hashes, other: Hashes) -> Numbers:
    least: Numbers = np.minimum(_bits(one, other), _bits(one, other ^ np.uint64(MIRROR)))
    return least


_HASHES = """
SELECT "row", max(hashes.hash) OVER (PARTITION BY sha256) AS hash
FROM images LEFT JOIN hashes USING (image_id)
QUALIFY hash IS NOT NULL ORDER BY "row"
"""
