"""More of this, less of that; several pictures of one specimen; each thing shown once."""

from pathlib import Path

import numpy as np
import pytest
from colours import ColourEncoder
from galleries import unit
from hypothesis import given
from hypothesis import strategies as st
from pictures import run, write_picture

from indexer.backends.exact import Exact
from indexer.labels.label_files import Label
from model.errors import BadInput, Error
from search.collection import Collection, open_collection
from search.query.vector_arithmetic import mixed
from search.ranking.diversify import SAME, Diversity, choose


@pytest.fixture
def opened(collection: Path) -> Collection:
    return open_collection(collection, ColourEncoder())


def names(hits: object) -> list[str]:
    return [hit.source_id.removeprefix("photos/") for hit in hits]


def test_plus_and_minus_move_what_is_found(opened: Collection) -> None:
    def place(name: str, **parts: object) -> int:
        return names(opened.search(text="green", k=8, **parts)).index(name)

    assert place("red.png", plus=("red", 9)) == 0
    assert place("red.png", plus=("red", 9)) < place("red.png")
    assert place("unsorted/green.png", minus=("green", 9)) > place("unsorted/green.png")
    heavier = [place("red.png", plus=("red", weight)) for weight in (0, 0.5, 1, 2, 9)]
    assert heavier == sorted(heavier, reverse=True)


def test_a_part_may_be_a_name_or_a_picture(opened: Collection, photos: Path) -> None:
    hits = opened.search(text="green", plus=[(photos / "red.png", 9.0)], minus=["Panthera leo"])
    assert names(hits)[0] == "red.png"
    assert hits.meaning.endswith("plus 9 × " + str(photos / "red.png") + ", minus Panthera leo")
    with pytest.raises(BadInput, match=r"There is no picture file none\.png"):
        opened.search(text="green", plus=("none.png", 2))
    with pytest.raises(Error, match="leaves nothing to search by"):
        opened.search(text="green", minus="green")


def test_a_taxon_keeps_its_labelled_images_first(opened: Collection) -> None:
    mixed_up = opened.search("Panthera leo", k=8, plus=("blue", 9))
    assert {hit.source_id for hit in mixed_up[:2]} == {
        hit.source_id for hit in opened.search("Panthera leo", k=2)
    }


@given(st.integers(0, 2**32 - 1), st.floats(0.1, 10))
def test_a_part_counts_by_how_far_its_cosines_spread(seed: int, narrow: float) -> None:
    random = np.random.default_rng(seed)
    vectors = unit(random.normal(size=(500, 16)))
    one, other = unit(random.normal(size=(2, 16)))
    made = mixed(one[None], [(narrow, other[None])], Exact([vectors]))[0].astype(np.float32)
    assert np.linalg.norm(made) == pytest.approx(1, abs=2e-3)
    spread = [(vectors.astype(np.float32) @ each.astype(np.float32)).std() for each in (one, other)]
    expected = one / spread[0] + narrow * other / spread[1]
    np.testing.assert_allclose(made, expected / np.linalg.norm(expected), atol=5e-3)


def test_several_pictures_of_one_specimen_ask_for_what_they_share(
    opened: Collection, photos: Path
) -> None:
    both = opened.search(image=[photos / "red.png", photos / "unsorted/blue.png"], k=8)
    assert both.meaning == "images that look like red.png, blue.png"
    assert len(both) == 8
    one = opened.search(image=photos / "red.png", k=8)
    assert names(one)[0] == "red.png"
    scores = {hit.source_id: hit.score for hit in both}
    assert one[0].score > scores["photos/red.png"]


def test_pages_follow_each_other(opened: Collection) -> None:
    for query in ("Panthera leo", "red"):
        whole = opened.search(query, k=8).items
        pages = [hit for skip in (0, 3, 6) for hit in opened.search(query, k=3, skip=skip)]
        assert pages == list(whole)
    assert len(opened.search("red", k=3, skip=50)) == 0


@pytest.fixture
def burst(tmp_path: Path) -> Collection:
    """Four shots of one scene and two others, at two sites."""
    scenes = {"a1": "red", "a2": "red", "a3": "red", "a4": "red", "b": "orange", "c": "blue"}
    labels = {}
    for name, colour in scenes.items():
        write_picture(tmp_path / "p" / f"{name}.png", colour)
        labels[f"{name}.png"] = Label("", None, {"site": "A" if name < "a3" else "B"})
    labels["c.png"] = Label("", None, {})
    run(tmp_path / "p", tmp_path / "c", labels=labels)
    return open_collection(tmp_path / "c", ColourEncoder())


def stems(hits: object) -> list[str]:
    return [Path(hit.source_id).stem for hit in hits]


def test_distinct_shows_nothing_twice(burst: Collection) -> None:
    found = stems(burst.search(text="red", k=3, distinct=True))
    assert len(found) == 3
    assert [name[0] for name in found] == ["a", "b", "c"]


def test_group_by_shows_the_best_of_each_value(burst: Collection) -> None:
    found = stems(burst.search(text="red", k=6, group_by="site"))
    assert len(found) == 3  # A, B, and the one that has none
    assert found[-1] == "c"
    with pytest.raises(Error, match=r"There is no column 'sight' to group by; there is .*site"):
        burst.search(text="red", group_by="sight")


def test_diverse_shows_what_is_unlike_the_rest(burst: Collection) -> None:
    plain, diverse = (stems(burst.search(text="red", k=3, diverse=each)) for each in (False, True))
    assert [name[0] for name in plain] == ["a", "a", "a"]
    assert diverse[0][0] == "a"
    assert len({name[0] for name in diverse}) == 3


@given(st.integers(1, 40), st.integers(1, 10), st.integers(0, 2**32 - 1), st.booleans())
def test_diversity_keeps_its_promises(n: int, k: int, seed: int, diverse: bool) -> None:
    random = np.random.default_rng(seed)
    vectors = unit(random.normal(size=(n, 3)))
    scores = -np.sort(-random.random(n)).astype(np.float32)
    groups: list[object] = [None if each == 0 else int(each) for each in random.integers(0, 5, n)]
    diversity = Diversity("site", distinct=True, diverse=diverse)
    chosen = choose(diversity, scores, vectors, groups, k, vectors[:0], set())
    assert len(chosen) == len(set(chosen)) <= k
    if not diverse:
        assert chosen == sorted(chosen)
    known = [groups[place] for place in chosen if groups[place] is not None]
    assert len(known) == len(set(known))
    likeness = vectors[chosen].astype(np.float32) @ vectors[chosen].astype(np.float32).T
    assert (likeness[~np.eye(len(chosen), dtype=bool)] < SAME).all()
    if len(chosen) < k:  # nothing more could be shown
        for place in set(range(n)) - set(chosen):
            like = vectors[chosen].astype(np.float32) @ vectors[place].astype(np.float32)
            assert (groups[place] is not None and groups[place] in known) or like.max() >= SAME


def test_a_page_that_is_none_is_refused(opened: Collection) -> None:
    with pytest.raises(Error, match="skip is the number of hits to leave out, 0 or more"):
        opened.search("red", k=3, skip=-1)


def test_the_syntax_of_the_command_line_is_words_to_the_library(opened: Collection) -> None:
    assert "2*red" in opened.search("Panthera leo", plus="2*red").meaning
    with pytest.raises(BadInput, match="A weight is a number"):
        opened.search("Panthera leo", plus=[("red", "2")])  # type: ignore[list-item]
