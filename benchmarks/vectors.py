"""Made-up vectors that behave like BioCLIP's: the galleries and queries of `bench-search`.

An image is the mean of all, plus one direction for each taxon above it, plus its context (where and
how it was taken), plus its own; each drawn from a normal law with the spectrum of genuine vectors.
Energies (squared lengths) are chosen so that cosines of genuine BioCLIP 2 vectors come out: .59
between any two, .62 in an order, .65 in a family, .75 in a genus, .78 to the nearest of 1,029.
One image in eight is another shot of the one before it.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]

DIM = 512
BLOCK = 65_536
_MEAN = 0.585
_ENERGIES = (0.005, 0.008, 0.012, 0.02, 0.03, 0.09, 0.05)  # kingdom … species
_CHILDREN = (0, 6, 5, 5, 7, 6, 5)  # the mean number of children above each rank
_OWN = 0.2
_CONTEXTS = 400
_BURST = 0.125
_SAME, _OTHER = np.float32(0.9), np.float32(0.4)  # how much of it the shot before shows too
_TEXT_OWN, _TEXT_OTHER = 0.38, 0.12  # cosine of a taxon's text with its images, and with others


@dataclass(frozen=True, slots=True)
class World:
    """A tree of taxa with directions; images and texts are drawn from it."""

    lineages: Ints
    """(species, 7): the node at each rank; species are numbered in pre-order"""
    centres: Floats
    """(species, DIM) where the images of each lie, not of unit length, not rotated"""
    contexts: Floats
    """(_CONTEXTS, DIM)"""
    rotation: Floats
    text_cone: Floats
    seed: int

    def images(self, rows: int, seed: int = 1) -> Iterator[tuple[Floats, Ints]]:
        """Yield blocks of unit vectors (n, DIM) and the species of each; no order of taxa."""
        for random, species, shot in self._shots(rows, seed):
            n = len(species)
            own = random.standard_normal((n, DIM), np.float32) * _spectrum() * np.float32(_OWN**0.5)
            burst = (shot != np.arange(n))[:, None]
            own = np.where(burst, _SAME * own[shot] + _OTHER * own, own)
            context = random.integers(0, _CONTEXTS, n)[shot]
            made = self.centres[species] + self.contexts[context] + own
            yield _unit(made @ self.rotation), species

    def images_of(self, species: Ints, own: float, seed: int = 1) -> Floats:
        """Return an image of each of some species, (n, DIM); `own` is the energy of its own."""
        random = np.random.default_rng((self.seed, seed))
        noise = random.standard_normal((len(species), DIM), np.float32) * _spectrum()
        context = self.contexts[random.integers(0, _CONTEXTS, len(species))]
        made = self.centres[species] + context + noise * np.float32(own**0.5)
        return _unit(made @ self.rotation)

    def species(self, rows: int, seed: int = 1) -> Iterator[Ints]:
        """Yield the species of the images, block by block, without drawing the images."""
        for _, species, _ in self._shots(rows, seed):
            yield species

    def _shots(self, rows: int, seed: int) -> Iterator[tuple[np.random.Generator, Ints, Ints]]:
        """Yield of each block what draws on, the species, and the image that each repeats."""
        weights = 1 / np.arange(1, len(self.centres) + 1) ** 0.9
        weights = np.random.default_rng(self.seed).permutation(weights)
        ends = np.cumsum(weights / weights.sum())
        for number, start in enumerate(range(0, rows, BLOCK)):
            random = np.random.default_rng((self.seed, seed, number))
            n = min(BLOCK, rows - start)
            species = np.searchsorted(ends, random.random(n)).clip(max=len(ends) - 1)
            burst = random.random(n) < _BURST
            burst[0] = False
            shot = np.maximum.accumulate(np.where(burst, 0, np.arange(n)))
            yield random, species[shot].astype(np.int64), shot

    def texts(self, n: int, seed: int = 2) -> tuple[Floats, Ints]:
        """Return n text vectors (n, DIM) of species drawn like images, and these species."""
        species = next(self.species(n, seed))
        random = np.random.default_rng((self.seed, seed))
        mean = self.centres.mean(axis=0)
        towards = _unit(self.centres[species] - mean)
        # What a text shares with every image, with its own, and with no image at all.
        shared = _TEXT_OTHER / _MEAN**0.5
        own = (_TEXT_OWN - _TEXT_OTHER) / float(sum(_ENERGIES)) ** 0.5
        own = min(own, 0.75)
        noise = _unit(random.standard_normal((n, DIM), np.float32) * _spectrum())
        made = shared * _unit(mean[None]) + own * towards + 0.35 * noise
        rest = np.sqrt(np.maximum(0, 1 - (made**2).sum(axis=1, keepdims=True)))
        return _unit((made + rest * self.text_cone) @ self.rotation), species


def world(species: int, share: float = 0.85, seed: int = 0) -> World:
    """Draw a tree with so many species; `share` of what is not an image's own follows it.

    The rest follows contexts that know nothing of taxa.
    """
    random = np.random.default_rng(seed)
    spectrum = _spectrum()
    lineages = np.empty((species, len(_ENERGIES)), np.int64)
    lineages[:, -1] = np.arange(species)
    centres = np.zeros((species, DIM), np.float32)
    mean = random.standard_normal(DIM).astype(np.float32)
    centres += mean / np.linalg.norm(mean) * _MEAN**0.5
    nodes = species
    for rank in reversed(range(len(_ENERGIES))):
        if rank < len(_ENERGIES) - 1:
            nodes = max(2, nodes // _CHILDREN[rank + 1])
            cuts = np.sort(random.choice(species, nodes - 1, replace=False)) if nodes > 1 else []
            # A child's cuts must hold: a parent's are taken from its children's.
            starts = np.unique(lineages[:, rank + 1], return_index=True)[1]
            cuts = starts[np.unique(np.searchsorted(starts, cuts).clip(max=len(starts) - 1))]
            lineages[:, rank] = np.searchsorted(cuts, np.arange(species), side="right")
        directions = random.standard_normal((lineages[-1, rank] + 1, DIM), np.float32)
        centres += directions[lineages[:, rank]] * spectrum * (share * _ENERGIES[rank]) ** 0.5
    energy = (1 - share) * sum(_ENERGIES)
    contexts = random.standard_normal((_CONTEXTS, DIM), np.float32) * spectrum * energy**0.5
    rotation = np.linalg.qr(random.standard_normal((DIM, DIM)))[0].astype(np.float32)
    cone = random.standard_normal(DIM).astype(np.float32)
    return World(lineages, centres, contexts, rotation, cone / np.linalg.norm(cone), seed)


def _spectrum() -> Floats:
    """Standard deviations that sum, squared, to 1: those of bioclip2_1k.parquet, by a law."""
    place = np.arange(DIM)
    variance = np.exp(-place / 85) * (1 + 1.2 * np.exp(-place / 4)) + 5 * (place == 0)
    deviation: Floats = np.sqrt(variance / variance.sum()).astype(np.float32)
    return deviation


def _unit(rows: Floats) -> Floats:
    unit: Floats = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit
