"""Novelty: species that are not labelled are told from labelled ones, and lower the confidence."""

from functools import lru_cache

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.taxon import Taxon
from search.classify.calibration import share_new
from search.classify.classifiers.probe import fit_affordable
from search.classify.fitting import Classifier, classifier_of, fit
from search.classify.kept_arrays import arrays_of, made_from
from search.classify.leave_one_out import left_out
from search.classify.novelty import Novelty, smoothed
from search.classify.novelty_fitting import estimated_share
from search.classify.predictions import predict
from search.classify.reference_set import ReferenceSet, unit
from search.classify.taxon_tree import tree_of
from search.classify.votes import voters_of
from search.classify.whitening import fit_whitening
from search.identify.identifications import ANSWERED, NEW, UNKNOWN, Identification

DIM, EACH = 24, 8


def world(species: int, spread: float, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Specimens of twice as many species, EACH and EACH more of each, and their species."""
    random = np.random.default_rng(seed)
    centres = random.normal(size=(2 * species, DIM))
    numbers = np.repeat(np.arange(2 * species), 2 * EACH)
    noise = spread * random.normal(size=(len(numbers), DIM))
    return unit(centres[numbers] + noise), numbers


def taxon(number: int) -> Taxon:
    genus = f"Genus{number // 3}"
    lineage = ("Animalia", "Chordata", "Aves", "Passeriformes", "Corvidae", genus)
    return Taxon((*lineage, f"{genus} s{number}"))


def labelled(vectors: np.ndarray, numbers: np.ndarray, species: int) -> ReferenceSet:
    """The first EACH specimens of the first half of the species."""
    places = np.arange(len(numbers))
    some = (numbers < species) & (places % (2 * EACH) < EACH)
    tree = tree_of([taxon(number) for number in range(species)])
    return ReferenceSet(vectors[some], numbers[some], species, tree)


@lru_cache
def learnt(
    species: int = 12, spread: float = 0.5, seed: int = 0, share: float = 0.5
) -> tuple[Classifier, np.ndarray, np.ndarray]:
    """A classifier, unseen images of labelled species, and images of new ones."""
    vectors, numbers = world(species, spread, seed)
    unseen = np.arange(len(numbers)) % (2 * EACH) >= EACH
    known, new = vectors[unseen & (numbers < species)], vectors[unseen & (numbers >= species)]
    pool = np.concatenate([known, new[: int(len(new) * share / max(1 - share, 0.5))]])
    reference = labelled(vectors, numbers, species)
    return classifier_of(reference, None, unlabelled=pool.astype(np.float16)), known, new


def sure_of(classifier: Classifier, images: np.ndarray, share: float) -> np.ndarray:
    found = classifier.predict(images)
    assert classifier.backoff is not None
    backoff = classifier.backoff.open_to(share)
    return backoff.confidence(found.features, found.likeness, found.log_odds)[:, 6]


@settings(max_examples=12, deadline=None)
@given(species=st.integers(6, 14), spread=st.sampled_from([0.3, 0.5, 0.8]), seed=st.integers(0, 99))
def test_new_species_are_answered_less_surely(species: int, spread: float, seed: int) -> None:
    vectors, numbers = world(species, spread, seed)
    reference = labelled(vectors, numbers, species)
    (places, others), *_ = left_out(reference, EACH)
    classifier = classifier_of(others, None)
    found = classifier.predict(reference.vectors[places])
    right = [
        each == taxon(n) for each, n in zip(found.taxa, reference.classes[places], strict=True)
    ]
    known = sure_of(classifier, reference.vectors[places], 0.2)[np.array(right)]
    assert known.mean() > sure_of(classifier, vectors[numbers >= species], 0.2).mean()


def test_new_species_are_told_from_labelled_ones() -> None:
    classifier, known, new = learnt()
    novelty = classifier.novelty
    assert novelty is not None
    assert novelty.area > 0.9
    odds = [novelty.log_odds(images) for images in (known, new)]
    assert (odds[0] < 0).mean() > 0.8
    assert (odds[1] > 0).mean() > 0.8


@pytest.mark.parametrize(("share", "low", "high"), [(0.0, 0.0, 0.1), (0.5, 0.35, 0.65)])
def test_the_share_of_new_species_is_estimated(share: float, low: float, high: float) -> None:
    novelty = learnt(share=share)[0].novelty
    assert novelty is not None
    assert low <= novelty.unlabelled <= high
    assert novelty.share(0.3) == 0.3


def test_expectation_maximisation_finds_the_share_of_a_mixture() -> None:
    random = np.random.default_rng(0)
    scores = np.concatenate([random.normal(-2, 1, 7000), random.normal(2, 1, 3000)])
    odds = 4 * scores  # of two normal distributions, 4 standard deviations apart
    assert estimated_share(odds) == pytest.approx(0.3, abs=0.01)


def test_a_closed_world_is_as_it_was() -> None:
    classifier, known, _ = learnt()
    backoff = classifier.backoff
    assert backoff is not None
    assert backoff.open_to(0.0) is backoff
    assert backoff.open_to(0.004) is backoff  # which is told as 0 %
    found = classifier.predict(known)
    plain = backoff.confidence(found.features, found.likeness)
    np.testing.assert_array_equal(sure_of(classifier, known, 0.0), plain[:, 6])


def test_the_more_may_be_new_the_less_sure_a_species_is() -> None:
    classifier, _, new = learnt()
    means = [sure_of(classifier, new, share).mean() for share in (0.1, 0.3, 0.5, 0.9)]
    assert means == sorted(means, reverse=True)
    assert means[0] > means[-1] + 0.1


def test_few_new_ones_get_a_species_at_a_precision() -> None:
    classifier, known, new = learnt()
    assert classifier.backoff is not None
    cutoff = classifier.backoff.open_to(0.5).cutoff(0.9)[6]
    assert (sure_of(classifier, known, 0.5) >= cutoff).mean() > 0.7
    assert (sure_of(classifier, new, 0.5) >= cutoff).mean() <= 0.15


def families(of_family: int) -> ReferenceSet:
    """Three species of each of five families, and images that only their family is known of."""
    random = np.random.default_rng(0)
    centres = np.repeat(random.normal(size=(5, DIM)), 3, axis=0) + random.normal(size=(15, DIM))
    numbers = np.repeat(np.arange(15), EACH)
    rows = centres[np.r_[numbers, np.arange(of_family) % 3]]
    above = ("Animalia", "Chordata", "Aves", "Passeriformes")
    taxa = [
        Taxon((*above, f"Family{each // 3}", f"Genus{each}", f"Genus{each} s"))
        for each in range(15)
    ]
    if of_family:
        taxa.append(Taxon((*above, "Family0", "", "")))
    classes = np.r_[numbers, np.full(of_family, 15)]
    vectors = unit(rows + 0.8 * random.normal(size=(200, DIM))[: len(rows)])
    return ReferenceSet(vectors, classes, len(taxa), tree_of(taxa))


@pytest.mark.parametrize("of_family", [2, 3, 5])
def test_few_labels_of_a_family_alone_do_not_raise_the_cutoff_of_families(of_family: int) -> None:
    cutoffs = []
    for count in (0, of_family):
        backoff = classifier_of(families(count), None).backoff
        assert backoff is not None
        cutoffs.append(backoff.open_to(0.2).cutoff(0.9))
    family, species = 4, 6
    assert cutoffs[1][family] <= cutoffs[0][family] + 0.1 < cutoffs[0][species] + 0.1
    assert cutoffs[1][species] == pytest.approx(cutoffs[0][species], abs=0.1)


def test_answers_for_new_species_are_learnt_without_them() -> None:
    """Brute force: the species and all of its fold are taken away, the rest fitted anew."""
    vectors, numbers = world(6, 0.4)
    reference = labelled(vectors, numbers, 6)
    fitted = fit(reference, None)
    assert fitted.backoff is not None
    assert fitted.backoff.unlabelled is not None
    new = fitted.backoff.unlabelled.new
    for species in range(6):
        others = reference.among(reference.classes != species)
        own = np.flatnonzero(reference.classes[fitted.places] == species)
        images = reference.vectors[fitted.places[own]]
        voters = voters_of(others, fit_whitening(others), fit_affordable(others))
        votes = voters.vote(images)
        found = predict(others, votes.shares(fitted.weights), votes, None, None, fitted.mixing)
        np.testing.assert_allclose(new.features[own], found.features, atol=1e-2)
        right = [each.lineage[5] == taxon(species).lineage[5] for each in found.taxa]
        np.testing.assert_array_equal(new.right[own, 5], right)


def test_one_species_alone_is_fitted_without_another() -> None:
    vectors, numbers = world(6, 0.4)
    reference = labelled(vectors, numbers, 6)
    alone = fit(reference.among(reference.classes == 0), None)
    assert alone.backoff is None or alone.backoff.unlabelled is None


def test_a_score_is_smoothed_over_the_nearest() -> None:
    own, scores = np.array([0.0, 1.0, 0.0]), np.array([1.0, 1.0, 5.0, np.nan])
    near = np.array([[0, 1, 2], [0, 1, 2], [3, 0, 1]])
    cosines = np.array([[0.9, 0.9, -np.inf], [-np.inf] * 3, [0.9, 0.9, 0.9]])
    np.testing.assert_allclose(smoothed(own, near, cosines, scores), [0.7, 1.0, 0.7])


def test_odds_become_the_probability_that_a_species_is_new() -> None:
    odds = np.array([-1.0, 0.0, 1.0])
    np.testing.assert_allclose(share_new(odds, 0.5), 1 / (1 + np.exp(-odds)))
    assert share_new(odds, 0.2)[1] == pytest.approx(0.2)
    assert not share_new(odds, 0.0).any()


def test_what_is_fitted_is_the_same_as_arrays() -> None:
    classifier, known, _ = learnt()
    novelty = classifier.novelty
    assert novelty is not None
    again = made_from(Novelty, arrays_of(novelty))
    assert (again.score, again.areas) == (novelty.score, novelty.areas)
    np.testing.assert_array_equal(again.log_odds(known), novelty.log_odds(known))


def test_too_few_species_tell_nothing_of_new_ones() -> None:
    vectors, numbers = world(4, 0.5)
    assert classifier_of(labelled(vectors, numbers, 4), None).novelty is None


def test_a_new_species_is_an_answer_of_its_own() -> None:
    species, lineage = taxon(0), Taxon((*taxon(0).lineage[:5], "", ""))
    answers = [
        Identification("a", taxon=species, lineage=species, novelty=0.7),
        Identification("a", taxon=lineage, lineage=species, novelty=0.7),
        Identification("a", lineage=species, novelty=0.7),
        Identification("a", taxon=lineage, lineage=species, novelty=0.1),
        Identification("a", lineage=species),
        Identification("a", problem="It cannot be read."),
    ]
    assert [each.status for each in answers] == [ANSWERED, NEW, NEW, ANSWERED, UNKNOWN, ""]
    assert answers[1].row()["novelty"] == 0.7
