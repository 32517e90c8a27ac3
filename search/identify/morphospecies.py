"""Morphospecies: unlabelled images like nothing labelled, grouped by look under provisional names.

Surveys sort specimens into morphospecies before anybody can name them (Oliver & Beattie 1996,
"Invertebrate morphospecies as surrogates for species", Conservation Biology 10).
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
import pyarrow as pa

from indexer.backends.exact import Exact
from indexer.backends.selection import Selection
from indexer.catalog.snapshot import Snapshot
from model.errors import Error
from model.progress import OnStep, Step, ignore
from model.taxon import RANKS, Taxon
from model.vectors import Features, Vectors
from search.answers import Answers
from search.classify.grouping import fit_cut, group
from search.classify.reference_set import Numbers, ReferenceSet, unit
from search.classify.taxon_tree import clade_at
from search.hits import SIMILAR, Hit, hits_of
from search.identify.candidate_taxa import unlabelled_rows
from search.identify.identifier import AnswerOptions, Identifier

COLUMNS = ("file_name", "label", "images", "nearest", "likeness", "image_id")
_KINDS = {"images": pa.int64(), "likeness": pa.float64()}
SCHEMA = pa.schema([(name, _KINDS.get(name, pa.string())) for name in COLUMNS])
UNPLACED = "Unidentified"
"""instead of a clade, where the images of a group are unknown at every rank"""
_TOGETHER = 1024  # images judged at once


@dataclass(frozen=True, slots=True)
class Member:
    """One image of a morphospecies."""

    hit: Hit
    label: str
    """the provisional name: "Parulidae sp. 1" """
    images: int
    """of the morphospecies"""
    nearest: str
    """the labelled taxon that the morphospecies is nearest to"""
    likeness: float
    """of the morphospecies to that taxon: cosine in the whitened space, -1 to 1"""

    def row(self) -> dict[str, object]:
        """Return it under COLUMNS, as a label file in which a name can be put for the label.

        The file name is the path below the folder that was indexed, as `--labels` knows it.
        """
        below = self.hit.source_id.partition("/")[2]
        alike = round(self.likeness, 4)
        values = (below, self.label, self.images, self.nearest, alike, self.hit.image_id)
        return dict(zip(COLUMNS, values, strict=True))


@dataclass(frozen=True, slots=True, repr=False)
class Morphospecies(Answers[Member]):
    """Images by morphospecies, the largest first, and of each the most typical image first."""

    SCHEMA = SCHEMA
    SHOWN: ClassVar = ("label", "images", "nearest", "likeness", "file_name")
    HEADINGS: ClassVar = ("", "provisional name", "images", "nearest", "likeness", "file name")

    alone: int
    """images like nothing labelled that resemble no other"""
    unlabelled: int
    """images without a label that were looked at"""

    @property
    def names(self) -> tuple[str, ...]:
        """The provisional names, that of most images first."""
        return tuple(dict.fromkeys(each.label for each in self))

    @property
    def meaning(self) -> str:
        """One line: how many morphospecies of how many images."""
        return (
            f"{len(self.names):,} morphospecies of {len(self):,} images, and {self.alone:,} images "
            f"like no other, among {self.unlabelled:,} unlabelled images"
        )

    def caption(self) -> str:
        """Return how many morphospecies there are."""
        return self.meaning

    def cells(self, item: Member) -> tuple[object, ...]:
        """Return the cells of an image under HEADINGS."""
        hit = item.hit
        return (
            *(hit.picture, item.label, item.images, item.nearest, item.likeness, hit.file_name),
        )


@dataclass(frozen=True, slots=True, eq=False)
class _Nearest:
    """The labelled taxa, and the mean of each one's specimens in the whitened space."""

    reference: ReferenceSet
    means: Features
    """(count, dim) unit rows"""

    def to(self, mean: Features) -> tuple[str, float]:
        """Return the name of the taxon that is nearest to a mean (dim,), and the cosine."""
        assert self.reference.tree is not None
        cosines = np.where(self.reference.sizes > 0, self.means @ mean, -np.inf)
        best = int(cosines.argmax())
        return self.reference.tree.taxa[best].name, float(cosines[best])


def morphospecies(
    snapshot: Snapshot,
    exact: Exact,
    identifier: Identifier,
    among: Selection,
    progress: OnStep | None = None,
) -> Morphospecies:
    """Group the unlabelled images of a selection that are likely of species without a label.

    A group is named after the deepest clade that more than half of its images are identified as.
    Raises Error where the labels cannot tell new species from labelled ones.
    """
    classifier = identifier.classifier
    reference, fitted = classifier.reference, classifier.fitted
    if not (reference and reference.tree and fitted and classifier.novelty):
        raise Error(
            "Too few species are labelled to tell new ones from them; label two images or more of "
            "five species."
        )
    rows = np.intersect1d(unlabelled_rows(snapshot, None), among.array, assume_unique=True)
    new = list(_new(exact, identifier, rows, progress or ignore))
    places = np.array([place for place, _ in new], np.int64)
    if not len(places):
        return Morphospecies((), 0, len(rows))
    vectors = fitted.whitening.into(exact.gather(rows[places]))
    groups = group(vectors, fit_cut(reference))
    members = [np.flatnonzero(groups == number) for number in np.unique(groups)]
    large = sorted((each for each in members if len(each) > 1), key=lambda each: -len(each))
    clades = [[new[place][1] for place in each] for each in large]
    names = provisional_names(clades, [label for (label,) in snapshot.query(_LABELS)])
    nearest = _Nearest(reference, unit(reference.means(fitted.whitening.into(reference.vectors))))
    found: list[Member] = []
    for name, each in zip(names, large, strict=True):
        mean = unit(vectors[each].mean(axis=0))
        typical = vectors[each] @ mean
        order = np.argsort(-typical, kind="stable")
        hits = hits_of(snapshot, (typical[order], rows[places[each[order]]]), SIMILAR)
        found += [Member(hit, name, len(each), *nearest.to(mean)) for hit in hits]
    return Morphospecies(tuple(found), len(places) - len(found), len(rows))


def _new(
    exact: Exact, identifier: Identifier, rows: Numbers, report: OnStep
) -> Iterator[tuple[int, Taxon | None]]:
    """Yield the place of each row whose species is likely new, and the clade that it is in."""
    asked = AnswerOptions()
    backoff = identifier.backoff(asked)
    for start in range(0, len(rows), _TOGETHER):
        vectors: Vectors = exact.gather(rows[start : start + _TOGETHER])
        judged = identifier.judge(vectors, asked, backoff)
        for place in range(len(vectors)):
            if judged.is_new(place):
                yield start + place, judged.taxon(place)
        report(Step("images to look at", "images", start + len(vectors), len(rows)))


def provisional_names(groups: Sequence[Sequence[Taxon | None]], labels: Iterable[str]) -> list[str]:
    """Return a name for each group of images, by the clades of these; none that is a label yet."""
    highest = Counter[str]()
    for match in filter(None, map(_PROVISIONAL.fullmatch, labels)):
        highest[match[1]] = max(highest[match[1]], int(match[2]))
    names = []
    for clade in map(_shared, groups):
        highest[clade] += 1
        names.append(f"{clade} sp. {highest[clade]}")
    return names


def _shared(taxa: Sequence[Taxon | None]) -> str:
    """Return the deepest clade that more than half of the taxa are in."""
    for depth in reversed(range(len(RANKS) - 1)):
        named = Counter(
            clade_at(taxon, depth).name for taxon in taxa if taxon and taxon.lineage[depth]
        )
        for name, size in named.most_common(1):
            if 2 * size > len(taxa):
                return name
    return UNPLACED


_LABELS = "SELECT DISTINCT label FROM images WHERE label LIKE '% sp. %'"
_PROVISIONAL = re.compile(r"(.+) sp\. (\d{1,9})")
