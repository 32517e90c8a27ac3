"""Reliability: how often answers are right, by confidence, on specimens that were left out."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from model.taxon import RANKS
from search.classify.reference_set import Flags, Numbers

if TYPE_CHECKING:
    import altair as alt

Floats = npt.NDArray[np.float64]
BINS = 10  # of one width


class Dot(NamedTuple):
    """Answers that are about as sure as each other, in a reliability diagram."""

    confidence: float
    """their mean, 0 to 1"""
    right: float
    """the share that is right, 0 to 1"""
    answers: int


@dataclass(frozen=True, slots=True, eq=False)
class Reliability:
    """The n answers that a calibration was fitted to, each without its own image and scene."""

    confidence: Floats
    """(n, 7) as calibrated"""
    right: Flags
    """(n, 7) whether the clade is the true one"""
    known: Flags
    """(n, 7) whether there is an answer at the rank, and its truth can be told"""
    weights: Floats | None = None
    """(n,) how much each answer counts; None is 1 for all"""

    def __len__(self) -> int:
        """Return the number of answers."""
        return len(self.confidence)

    def bins(self) -> dict[str, list[Dot]]:
        """Return by rank the bins of a reliability diagram that are not empty, least sure first.

        BINS of one width, as in Guo et al. 2017, "On Calibration of Modern Neural Networks",
        section 2: the mean confidence in each, the share that is right, and how many there are.
        """
        found: dict[str, list[Dot]] = {}
        for place, rank in enumerate(RANKS):
            known = self.known[:, place]
            sure, right = self.confidence[known, place], self.right[known, place]
            bins = np.minimum((sure * BINS).astype(np.int64), BINS - 1)
            weights = self._weights[known]
            dots = [
                Dot(
                    float(np.average(sure[own], weights=weights[own])),
                    float(np.average(right[own], weights=weights[own])),
                    int(own.sum()),
                )
                for own in (bins == number for number in np.unique(bins))
            ]
            if dots:
                found[str(rank)] = dots
        return found

    @property
    def _weights(self) -> Floats:
        return np.ones(len(self)) if self.weights is None else self.weights

    def describe(self, depths: Numbers, share: float = 0.0) -> list[str]:
        """Return a sentence for each rank at which answers are given, deepest first.

        `depths` (n,) are the ranks of the answers, -1 for none; `share` of the answers is for
        species that were left out whole.
        """
        lines = []
        for place in reversed(range(len(RANKS))):
            given = depths == place
            if many := int(given.sum()):
                right = np.average(self.right[given, place], weights=self._weights[given])
                if share:
                    part = self._weights[given].sum() / self._weights.sum()
                    lines.append(
                        f"{RANKS[place]}: the answer for {part:.0%} of the labelled images, each "
                        f"left out, {share:.0%} of them with their species; {right:.0%} right"
                    )
                else:
                    lines.append(
                        f"{RANKS[place]}: the answer for {many:,} of {len(depths):,} labelled "
                        f"images, each left out; {right:.0%} of them right (of taxa that are "
                        "labelled here)"
                    )
        return lines

    def plot(self) -> "alt.ConcatChart":
        """Return a reliability diagram for each rank."""
        from search.plots import reliability_plot

        title = f"right by confidence, {len(self):,} labelled images, each left out"
        return reliability_plot(self.bins(), title)

    def _repr_html_(self) -> str:
        """Return the diagrams as a notebook shows them."""
        from search.plots import svg

        return svg(self.plot())
