"""Preparing to identify: the reference set, the candidates, and the texts these take."""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TypedDict, Unpack

import numpy as np

import search.classify
import search.zero_shot
from indexer.catalog.snapshot import Snapshot
from indexer.store.derived import kept_or_made
from indexer.taxonomy.published_vectors import published_vectors
from indexer.taxonomy.store import Taxonomy
from indexer.taxonomy.text_matrix import TextMatrix
from model.encoder import Encoder
from model.errors import Error
from model.text_types import TextType, render
from model.vectors import Vectors
from search.classify.fitting import Classifier, Fitted, classifier_of, fit, novelty_of
from search.classify.kept_arrays import arrays_of, made_from
from search.classify.novelty import NOVELTY, Novelty
from search.classify.predictions import prior_of
from search.classify.reference_set import ReferenceSet
from search.classify.votes import voters_of
from search.identify.candidate_taxa import (
    OF_LABELS,
    OF_TAXONOMY,
    Choice,
    Floats,
    Taxa,
    check_names,
    labelled_reference,
    taxa_of,
    unlabelled_rows,
    weigh,
)
from search.identify.identifier import Identifier
from search.ranking.nearest import Nearest
from search.zero_shot.candidates import Candidates, candidates_of

KIND = "classifier"


@dataclass(frozen=True, slots=True, eq=False)
class Preparation:
    """All that identifying takes, but for the texts that may have to be encoded first."""

    encoder: Encoder
    reference: ReferenceSet | None
    taxa: Taxa
    """the candidates of zero-shot"""
    weights: Floats
    texts: TextMatrix
    """of the candidates; `texts.encode()` is the long work"""
    snapshot: Snapshot | None
    notes: tuple[str, ...] = ()
    unlabelled: Vectors | None = None
    """(u, dim) images of the collection without a taxon; None where candidates are limited"""

    def identifier(self) -> Identifier:
        """Encode missing texts and fit to the reference set, unless the collection keeps that."""
        candidates = self._candidates()
        if self.reference is None or self.snapshot is None:
            classifier = classifier_of(self.reference, candidates)
            return Identifier(classifier, self.encoder, self.snapshot)
        reference, folder = self.reference, self.snapshot.folder
        digest = self._digest(reference, candidates)
        prior = prior_of(candidates, reference.tree)
        arrays = kept_or_made(folder, KIND, digest, lambda: arrays_of(fit(reference, prior)))
        fitted = made_from(Fitted, arrays)
        unlabelled = self.unlabelled
        parts = b"" if unlabelled is None else np.ascontiguousarray(unlabelled).tobytes()
        arrays = kept_or_made(
            folder,
            NOVELTY,
            hashlib.sha256(digest.encode() + parts).hexdigest(),
            lambda: arrays_of(novelty_of(reference, fitted, unlabelled)),
        )
        novelty = made_from(Novelty, arrays) if arrays else None
        voters = voters_of(reference, fitted.whitening, fitted.probe)
        classifier = Classifier(reference, prior, fitted, voters, novelty)
        return Identifier(classifier, self.encoder, self.snapshot)

    def _candidates(self) -> Candidates:
        weights = None if (self.weights == 1).all() else self.weights.astype(np.float32)
        return candidates_of(self.texts.vectors(), self.taxa.table, weights)

    def _digest(self, reference: ReferenceSet, candidates: Candidates) -> str:
        """Return the sha256 of all that is fitted to: specimens, candidates, and the code."""
        taxa = reference.tree.taxa if reference.tree else ()
        digest = hashlib.sha256()
        for part in (
            *(reference.vectors, reference.classes, reference.prior),
            *(candidates.vectors, self.weights),
            "\0".join(taxon.key for taxon in taxa),
            "\0".join(self.texts.texts),
            *_sources(),
        ):
            content = part.encode() if isinstance(part, str) else np.ascontiguousarray(part).data
            digest.update(hashlib.sha256(content).digest())
        return digest.hexdigest()


def _sources() -> list[str]:
    """Return the code that fits: a file kept by another version of it does not count."""
    folders = [
        Path(folder) for room in (search.classify, search.zero_shot) for folder in room.__path__
    ]
    return [file.read_text("utf-8") for each in folders for file in sorted(each.glob("*.py"))]


class CandidateOptions(TypedDict, total=False):
    """Which taxa may be an answer, as keywords of `prepare`.

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
    **wanted: Unpack[CandidateOptions],
) -> Preparation:
    """Find the reference set and the candidates; see `CandidateOptions`.

    Candidates are the taxa that images are labelled with; those of the whole taxonomy where none
    is labelled, or where that is wanted. Raises Error where there is nothing to choose from,
    UnknownName where `within` or `exclude` name a clade that is none.
    """
    choice = _choice(wanted)
    whole_taxonomy = wanted.get("whole_taxonomy", False)
    reference, unlabelled = None, None
    unknown: list[frozenset[str]] = []
    connections = [each.cursor() for each in (snapshot, taxonomy) if each]
    taxa, weights = None, np.empty(0)
    if snapshot and nearest:
        taxa = taxa_of(snapshot.cursor(), OF_LABELS)
        some = weigh(snapshot.cursor(), taxa, choice)
        weights = some.weights
        unknown.append(some.unknown)
        reference = labelled_reference(snapshot, nearest(), taxa, weights)
        if reference and (weights == 1).all():  # else many are of labelled taxa that are left out
            unlabelled = nearest().exact.gather(unlabelled_rows(snapshot))
    if taxonomy and (whole_taxonomy or not taxa):
        taxa = taxa_of(taxonomy.cursor(), OF_TAXONOMY)
        some = weigh(taxonomy.cursor(), taxa, choice)
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
    return Preparation(made, reference, taxa, weights[kept], texts, snapshot, notes, unlabelled)


def _choice(wanted: CandidateOptions) -> Choice:
    weight, listed = wanted.get("checklist_weight", 0.0), wanted.get("checklist")
    if not 0 <= weight <= 1:
        raise Error(f"The prior weight of taxa absent from the checklist is 0 to 1, not {weight}.")
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
