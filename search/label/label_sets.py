"""Label sets as nodes of the tree: which labels one of which is right, and the taxon they share."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from model.taxon import RANKS, Taxon
from search.classify.calibration import Confidences
from search.classify.conformal import conformal_sets
from search.label.examples import ExampleClass

MOST_NAMED = 4  # labels of a set that a sentence lists


@dataclass(frozen=True, slots=True)
class LabelSet:
    """The labels of which one is right in the share of cases that was asked for."""

    labels: tuple[str, ...]
    """likeliest first"""
    clade: str = ""
    """the name of the deepest taxon that all are in, which is as sure; "" where there is none"""
    rank: str = ""
    """of that taxon"""

    def __str__(self) -> str:
        """Describe it: "Panthera leo or Panthera pardus; surely genus Panthera"."""
        named = self.labels[:MOST_NAMED]
        if more := len(self.labels) - len(named):
            said = f"{', '.join(named)} or {more:,} more"
        else:
            said = " or ".join(filter(None, (", ".join(named[:-1]), named[-1])))
        surely = self.clade and (self.clade,) != self.labels
        return f"{said}; surely {self.rank} {self.clade}" if surely else said


def label_sets(
    shares: Confidences, thresholds: Confidences, said: Sequence[ExampleClass]
) -> list[LabelSet]:
    """Return the conformal set of each image, by its probabilities of classes, (n, classes)."""
    chosen = conformal_sets(shares, thresholds)
    order = np.argsort(-shares, axis=1, kind="stable")
    taxa = [Taxon.from_key(each.taxon_key) if each.taxon_key else None for each in said]
    found = []
    for likeliest, inside in zip(order.tolist(), chosen, strict=True):
        places = [place for place in likeliest if inside[place]]
        clade, rank = _shared([taxa[place] for place in places])
        found.append(LabelSet(tuple(said[place].label for place in places), clade, rank))
    return found


def _shared(taxa: Sequence[Taxon | None]) -> tuple[str, str]:
    """Return the deepest taxon of the seven ranks that contains all, and its rank."""
    lineages = [taxon.lineage if taxon else () for taxon in taxa]
    clade, rank = "", ""
    for level, names in zip(RANKS, zip(*lineages, strict=False), strict=False):
        if len(set(names)) > 1:
            break
        if names[0]:
            clade, rank = names[0], str(level)
    return clade, rank
