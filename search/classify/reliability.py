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
            dots = [
                Dot(float(sure[own].mean()), float(right[own].mean()), int(own.sum()))
                for own in (bins == number for number in np.unique(bins))
            ]
            if dots:
                found[str(rank)] = dots
        return found

    def describe(self, depths: Numbers) -> list[str]:
        """Return a sentence for each rank at which answers are given, deepest first.

        `depths` (n,) are the ranks of the answers, -1 for none.
        """
        lines = []
        for place in reversed(range(len(RANKS))):
            given = depths == place
            if many := int(given.sum()):
                share = self.right[given, place].mean()
                lines.append(
                    f"{RANKS[place]}: the answer for {many:,} of {len(depths):,} labelled images, "
                    f"each left out; {share:.0%} of them right (of taxa that are labelled here)"
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
