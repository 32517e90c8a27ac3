"""Preparing to identify: what votes, what names there are, and the texts these take."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypedDict, Unpack

import numpy as np

from indexer.catalog.snapshot import Snapshot
from indexer.taxonomy.published_vectors import published_vectors
from indexer.taxonomy.store import Taxonomy
from indexer.taxonomy.text_matrix import TextMatrix
from model.encoder import Encoder
from model.errors import Error
from model.text_types import TextType, render
from search.identifying.choosing import (
    OF_LABELS,
    OF_TAXONOMY,
    Choice,
    Floats,
    Taxa,
    check_names,
    chosen,
    specimens_of,
    taxa_of,
)
from search.identifying.identifier import Identifier
from search.identifying.judging import Specimens
from search.identifying.teaching import judge_of
from search.ranking.nearest import Nearest
from search.zero_shot.candidates import Candidates, Numbers, candidates_of


@dataclass(frozen=True, slots=True, eq=False)
class Preparation:
    """All that identifying takes, but for the texts that may have to be encoded first."""

    encoder: Encoder
    specimens: Specimens | None
    rows: Numbers
    taxa: Taxa
    """the candidates of zero-shot"""
    weights: Floats
    texts: TextMatrix
    """of the candidates; `texts.encode()` is the long work"""
    snapshot: Snapshot | None
    notes: tuple[str, ...] = ()

    def identifier(self) -> Identifier:
        """Encode what texts are missing, learn from the specimens, and return what identifies."""
        candidates = self._candidates()
        judge = judge_of(self.specimens, candidates)
        return Identifier(judge, self.encoder, self.snapshot, self.rows)

    def _candidates(self) -> Candidates:
        weights = None if (self.weights == 1).all() else self.weights.astype(np.float32)
        return candidates_of(self.texts.vectors(), self.taxa.table, weights)


class Wanted(TypedDict, total=False):
    """What may be an answer, as keywords of `prepare`.

    `within` and `exclude` name clades, `checklist` the taxa that occur: any other counts
    `checklist_weight` times as much, by default nothing. With `whole_taxonomy` any taxon of the
    taxonomy may be one, not those alone that images are labelled with.
    """

    within: str | Sequence[str]
    exclude: str | Sequence[str]
    checklist: Sequence[str] | None
    checklist_weight: float
    whole_taxonomy: bool


def prepare(
    encoder: Callable[[], Encoder],
    snapshot: Snapshot | None = None,
    nearest: Callable[[], Nearest] | None = None,
    taxonomy: Taxonomy | None = None,
    **wanted: Unpack[Wanted],
) -> Preparation:
    """Find what votes and what candidates there are; see `Wanted`.

    Candidates are the taxa that images are labelled with; those of the whole taxonomy where none
    is labelled, or where that is wanted. Raises Error where there is nothing to choose from,
    UnknownName where `within` or `exclude` name a clade that is none.
    """
    choice = _choice(wanted)
    whole_taxonomy = wanted.get("whole_taxonomy", False)
    specimens, rows = None, np.empty(0, np.int64)
    unknown: list[frozenset[str]] = []
    connections = [each.cursor() for each in (snapshot, taxonomy) if each]
    taxa, weights = None, np.empty(0)
    if snapshot and nearest:
        taxa = taxa_of(snapshot.cursor(), OF_LABELS)
        some = chosen(snapshot.cursor(), taxa, choice)
        weights = some.weights
        unknown.append(some.unknown)
        specimens, rows = specimens_of(snapshot, nearest(), taxa, weights)
    if taxonomy and (whole_taxonomy or not taxa):
        taxa = taxa_of(taxonomy.cursor(), OF_TAXONOMY)
        some = chosen(taxonomy.cursor(), taxa, choice)
        weights = some.weights
        unknown.append(some.unknown)
    lost: frozenset[str] = frozenset.intersection(*unknown) if unknown else frozenset()
    check_names(connections, choice, lost)
    if not taxa:
        raise Error(
            "There is no taxon to identify anything as: label some images, or pass a "
            "taxonomy=NAME or labels=FILE."
        )
    kept = np.flatnonzero(weights > 0)
    if not len(kept):
        raise Error("No taxon is left to identify anything as; ask for a wider clade or list.")
    taxa = taxa.some(kept) if len(kept) < len(taxa) else taxa
    made = encoder()
    said = [render(taxon, TextType.TAXON_COM) for part in taxa.parts() for taxon in part]
    published = published_vectors(taxonomy.cursor(), made) if taxonomy else None
    texts, notes = TextMatrix(made, said, published=published), _notes(sorted(lost))
    return Preparation(made, specimens, rows, taxa, weights[kept], texts, snapshot, notes)


def _choice(wanted: Wanted) -> Choice:
    weight, listed = wanted.get("checklist_weight", 0.0), wanted.get("checklist")
    if not 0 <= weight <= 1:
        raise Error(f"The weight of what a checklist has not is 0 to 1, not {weight}.")
    within, exclude = (
        (names,) if isinstance(names, str) else tuple(names)
        for names in (wanted.get("within", ()), wanted.get("exclude", ()))
    )
    return Choice(within, exclude, None if listed is None else tuple(listed), weight)


def _notes(unknown: list[str]) -> tuple[str, ...]:
    if not unknown:
        return ()
    shown = ", ".join(unknown[:10]) + (", …" if len(unknown) > 10 else "")
    return (f"{len(unknown)} names of the checklist are of no taxon here: {shown}",)
