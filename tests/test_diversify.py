"""Diversify: near-duplicates of earlier hits, pages and kinds of match are dropped, too."""

from pathlib import Path

import numpy as np
import pytest
from colours import ColourEncoder
from galleries import unit
from pictures import run, write_picture

from indexer.labels.label_files import Label
from search.collection import open_collection
from search.ranking.diversify import SAME, Diversity, choose

NONE: list[object] = [None] * 9


def at(*angles: float) -> np.ndarray:
    """Unit vectors in a plane, at angles in degrees."""
    radians = np.radians(angles)
    return np.stack([np.cos(radians), np.sin(radians)], axis=1).astype(np.float16)


SCORES = np.array([0.9, 0.8, 0.7, 0.6], np.float32)
NO_SHOWN = at()[:0]


def test_a_near_duplicate_begins_at_its_cosine() -> None:
    near = float(np.degrees(np.arccos(SAME)))
    vectors = at(0, near - 1, near + 1, 2 * near + 5)
    assert choose(Diversity(distinct=True), SCORES, vectors, NONE, 4, NO_SHOWN, set()) == [0, 2, 3]


def test_hits_shown_before_count_for_near_duplicates() -> None:
    vectors = at(0, 30, 60, 90)
    assert choose(Diversity(distinct=True), SCORES, vectors, NONE, 4, at(31), set()) == [0, 2, 3]


def test_likeness_is_to_every_hit_before_and_not_only_the_last() -> None:
    vectors = at(0, 60, 1, 120)
    assert choose(Diversity(distinct=True), SCORES, vectors, NONE, 4, NO_SHOWN, set()) == [0, 1, 3]


def test_diverse_weighs_relevance_against_likeness() -> None:
    # By hand: .4 of relevance less .6 of likeness. After the first: -.33, -.46, -.3.
    scores = np.array([1.0, 0.7, 0.5, 0.0], np.float32)
    vectors = unit(np.stack([at(0)[0], at(10)[0], at(40)[0], at(60)[0]]))
    chosen = choose(Diversity(diverse=True), scores, vectors, NONE, 3, NO_SHOWN, set())
    assert chosen == [0, 2, 1]
    alike = unit(at(0, 10, 11, 90))
    assert choose(Diversity(diverse=True), scores, alike, NONE, 2, NO_SHOWN, set()) == [0, 3]


def test_a_group_is_taken_once_and_no_value_is_no_group() -> None:
    groups: list[object] = ["A", None, "A", None]
    taken: set[object] = {"B"}
    chosen = choose(Diversity("site"), SCORES, at(0, 1, 2, 3), groups, 4, NO_SHOWN, taken)
    assert chosen == [0, 1, 3]
    assert taken == {"A", "B"}


def test_candidates_are_more_than_what_is_shown() -> None:
    assert Diversity().candidates(7) == 7
    assert Diversity(diverse=True).candidates(7) == 35


@pytest.fixture
def sites(tmp_path: Path) -> Path:
    labels = {}
    for number in range(40):
        taxon = "Panthera leo" if number < 20 else ""
        name = f"{taxon}/{number}.png" if taxon else f"{number}.png"
        write_picture(tmp_path / "p" / name, f"#ff{number:02x}00")
        labels[name] = Label(taxon, None, {"site": "A" if number % 20 < 19 else "B"})
    run(tmp_path / "p", tmp_path / "c", labels=labels)
    return tmp_path / "c"


def test_a_group_shown_among_the_labelled_is_not_shown_again(sites: Path) -> None:
    opened = open_collection(sites, ColourEncoder())
    hits = opened.search("Panthera leo", k=9, group_by="site")
    assert sorted(hit.group for hit in hits) == ["A", "B"]


def test_more_candidates_are_fetched_until_k_are_shown(sites: Path) -> None:
    opened = open_collection(sites, ColourEncoder())
    hits = opened.search(text="red", k=2, group_by="site")
    assert sorted(hit.group for hit in hits) == ["A", "B"]  # B is beyond the first ten
