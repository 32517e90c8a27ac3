"""Votes: nobody votes for itself, every taxon has the same weight, alone or together."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from search.classify.classifiers.probe import fit_affordable
from search.classify.leave_one_out import NEVER, folds_of, left_out
from search.classify.reference_set import reference_set
from search.classify.votes import COUNTED, Voters, Votes, Weights, fit_weights, voters_of
from search.classify.whitening import fit_whitening

WEIGHTS = Weights((20.0, 10.0, 1.0), (20.0, 10.0))


def gallery_of(raw: np.ndarray, taxa: np.ndarray, count: int = 0) -> Voters:
    reference = reference_set(raw, taxa, count)
    return voters_of(reference, fit_whitening(reference), fit_affordable(reference))


def vote(voters: Voters, images: np.ndarray, own: list[np.ndarray] | None = None) -> Votes:
    return voters.vote(images, own)


def specimens(taxa: int = 4, each: int = 6, dim: int = 12, seed: int = 0) -> tuple:
    random = np.random.default_rng(seed)
    centres = random.normal(size=(taxa, dim))
    numbers = np.repeat(np.arange(taxa), each)
    rows = centres[numbers] + random.normal(scale=0.6, size=(len(numbers), dim))
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    return unit.astype(np.float16).astype(np.float32), numbers


def test_the_taxon_that_an_image_is_like_has_most_of_the_votes() -> None:
    raw, taxa = specimens()
    for own, others in left_out(reference_set(raw, taxa), 10, by_scene=True):
        shares = gallery_of(others.vectors, others.classes, 4).vote(raw[own]).shares(WEIGHTS)
        np.testing.assert_allclose(shares.sum(axis=1), 1)
        assert (shares.argmax(axis=1) == taxa[own]).mean() > 0.7


@given(st.integers(0, 20), st.integers(0, 23))
def test_an_image_of_the_gallery_is_judged_as_if_it_were_not_there(seed: int, place: int) -> None:
    raw, taxa = specimens(seed=seed)
    gallery = gallery_of(raw, taxa, 4)
    votes = vote(gallery, raw[place : place + 1])
    assert place not in votes.nearest
    others = gallery.whitened[(taxa == taxa[place]) & (np.arange(24) != place)].astype(np.float32)
    centroid = others.sum(axis=0) / np.linalg.norm(others.sum(axis=0))
    expected = gallery.whitening.into(raw[place : place + 1])[0] @ centroid
    assert votes.centroid[0, taxa[place]] == pytest.approx(expected, abs=2e-3)


def test_those_that_are_named_do_not_vote_either() -> None:
    raw, taxa = specimens()
    gallery = gallery_of(raw, taxa, 4)
    mean = raw[:2].mean(axis=0, keepdims=True)
    mean /= np.linalg.norm(mean)
    free, bound = vote(gallery, mean), vote(gallery, mean, [np.array([0, 1])])
    assert {0, 1} <= set(free.nearest[0])
    assert not {0, 1} & set(bound.nearest[0])
    assert bound.centroid[0, 0] < free.centroid[0, 0]


def test_the_only_specimen_of_a_taxon_leaves_it_without_a_vote_on_itself() -> None:
    raw, taxa = specimens()
    taxa = np.r_[taxa[:-1], 4]
    shares = vote(gallery_of(raw, taxa, 5), raw[-1:]).shares(WEIGHTS)
    assert shares[0, 4] == 0
    assert shares.sum() == pytest.approx(1)


@given(st.integers(0, 20))
def test_votes_on_many_are_the_votes_on_each(seed: int) -> None:
    raw, taxa = specimens(seed=seed)
    gallery = gallery_of(raw, taxa, 4)
    images, _ = specimens(seed=seed + 100)
    together = vote(gallery, images).shares(WEIGHTS)
    alone = np.concatenate([vote(gallery, image[None]).shares(WEIGHTS) for image in images])
    np.testing.assert_allclose(together, alone, atol=1e-3)


def test_a_taxon_of_many_specimens_has_no_more_votes_than_one_of_few() -> None:
    raw, taxa = specimens(taxa=2, each=3)
    many = np.concatenate([raw, *[raw[3:]] * 9])
    numbers = np.concatenate([taxa, np.ones(27, np.int64)])
    image = raw[:3].mean(axis=0, keepdims=True) + raw[3:].mean(axis=0, keepdims=True)
    image /= np.linalg.norm(image)
    gallery = gallery_of(many, numbers, 2)
    alike = vote(gallery, image)
    assert np.abs(alike.kernel[0, 0] - alike.kernel[0, 1]) < 0.5


@given(arrays(np.int64, st.integers(1, 40), elements=st.integers(0, 5)))
def test_folds_part_every_taxon_evenly(taxa: np.ndarray) -> None:
    raw = np.eye(len(taxa), dtype=np.float32)
    folds = folds_of(reference_set(raw, taxa), 5, by_scene=True)
    for taxon in np.unique(taxa):
        own = folds[taxa == taxon]
        counts = np.bincount(own[own != NEVER], minlength=5)
        assert counts.max() - counts.min() <= 1
        assert (own == NEVER).all() if len(own) == 1 else (own != NEVER).all()


def test_a_burst_is_in_one_fold() -> None:
    raw, _ = specimens(taxa=1, each=6)
    burst = np.concatenate([raw, raw[:1] + 1e-3, raw[:1] - 1e-3])
    burst /= np.linalg.norm(burst, axis=1, keepdims=True)
    folds = folds_of(reference_set(burst, np.zeros(8, np.int64)), 10, by_scene=True)
    assert folds[0] == folds[6] == folds[7]
    assert len(set(folds)) == 6


VOICES = ("centroid", "kernel", "probe")


@pytest.mark.parametrize("told", VOICES)
def test_weights_are_those_that_make_the_truth_likeliest(told: str) -> None:
    truth = np.array([0, 1, 0, 1])
    telling = np.where(np.eye(2)[truth] > 0, 0.5, 0.1).astype(np.float32)
    heard, nobody = np.ones(4, np.bool_), np.zeros((4, 0))
    voices = [telling if name == told else telling[:, ::-1] for name in VOICES]
    votes = Votes(*voices, heard, nobody.astype(np.int64), nobody.astype(np.float32))
    weights = fit_weights([votes], truth).all
    assert [weight > 0 for weight in weights] == [name == told for name in VOICES]


def test_a_probe_has_no_say_on_an_image_that_taught_it() -> None:
    raw, taxa = specimens()
    gallery = gallery_of(raw, taxa, 4)
    images = np.concatenate([raw[:1], unit_mean(raw[:2])])
    votes = vote(gallery, images)
    assert votes.heard.tolist() == [False, True]
    loud = Weights((0.0, 0.0, 100.0), WEIGHTS.without_probe)
    plain = Weights((0.0, 0.0, 0.0), WEIGHTS.without_probe)
    np.testing.assert_array_equal(votes.logits(loud)[0], votes.logits(plain)[0])
    assert (votes.logits(loud)[1] != votes.logits(plain)[1]).any()


def test_a_copy_of_a_specimen_may_be_an_image_of_its_own() -> None:
    raw, taxa = specimens()
    taxa = np.r_[taxa[:-1], 4]  # the last is the only one of its taxon
    gallery = gallery_of(raw, taxa, 5)
    assert gallery.vote(raw[-1:]).shares(WEIGHTS)[0, 4] == 0
    assert gallery.vote(raw[-1:], itself_from=COUNTED).shares(WEIGHTS)[0].argmax() == 4


def unit_mean(rows: np.ndarray) -> np.ndarray:
    mean = rows.mean(axis=0, keepdims=True)
    return mean / np.linalg.norm(mean)
