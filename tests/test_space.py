"""Images as points: where they lie, their colours, and which are inside a lasso."""

from pathlib import Path

import numpy as np
import pytest
from colours import ColourEncoder
from hypothesis import given
from hypothesis import strategies as st
from pictures import write_picture
from planted import EACH, GROUPS, plant

import taxalens
from model.errors import Error, UnknownName
from search.browse import space
from search.browse.colours import BY_WHO, NOTHING, OTHERS
from search.browse.space import Points
from search.collection import Collection, open_collection
from search.query.filters import Filters

Corners = list[tuple[float, float]]


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    return open_collection(plant(tmp_path_factory.mktemp("space"), ColourEncoder()))


def files(opened: Collection, rows: np.ndarray) -> list[str]:
    return [Path(hit.source_id).name for hit in opened.shown(rows)]


def of_colour(opened: Collection, points: Points, colour: str) -> np.ndarray:
    """Return the places among points of the pictures of a colour."""
    names = files(opened, points.rows)
    return np.array([place for place, name in enumerate(names) if name.startswith(colour)])


def around(positions: np.ndarray, margin: float = 0.01) -> Corners:
    (left, bottom), (right, top) = positions.min(axis=0) - margin, positions.max(axis=0) + margin
    return [(left, bottom), (right, bottom), (right, top), (left, top)]


def test_a_lasso_round_a_group_holds_exactly_its_images(opened: Collection) -> None:
    points = opened.points()
    assert len(points.rows) == points.images == EACH * len(GROUPS)
    assert np.abs(points.positions).max() == pytest.approx(1)
    for colour in GROUPS:
        group = of_colour(opened, points, colour)
        inside = points.inside(around(points.positions[group]))
        assert sorted(files(opened, inside)) == sorted(f"{colour}{n}.png" for n in range(EACH))


def test_ids_and_names_are_those_of_their_points(opened: Collection) -> None:
    points = opened.points()
    for row, image_id, name in zip(points.rows, points.image_ids, points.names, strict=True):
        hit = opened[image_id]
        assert [hit.image_id] == [each.image_id for each in opened.shown(np.array([row]))]
        assert name == (hit.label or "unlabelled")


def test_points_are_of_the_filters_and_the_same_each_time(opened: Collection) -> None:
    within = Filters(within=("Panthera",))
    points = opened.points(within)
    assert {name[:4] for name in files(opened, points.rows)} == {"gold"}
    with open_collection(opened.snapshot.folder) as again:
        np.testing.assert_array_equal(again.points(within).positions, points.positions)
    assert len(opened.points(Filters(where="weight > 99")).rows) == 0


@pytest.mark.parametrize("images", [1, 2])
def test_few_images_are_points_too(opened: Collection, images: int) -> None:
    points = opened.points(Filters(where=f"file_name < 'gold{images}'"))
    assert points.positions.shape == (images, 2)
    assert np.isfinite(points.positions).all()


def test_of_many_images_a_sample_is_drawn_ever_the_same(
    opened: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(space, "MOST", 7)
    drawn = [open_collection(opened.snapshot.folder).points() for _ in range(2)]
    assert [len(points.rows) for points in drawn] == [7, 7]
    assert [points.images for points in drawn] == [18, 18]
    assert drawn[0].rows.tolist() == sorted(set(drawn[1].rows.tolist()))
    assert drawn[0].rows.tolist() != list(range(7))


def test_an_unknown_layout_or_colouring_is_an_error(opened: Collection) -> None:
    with pytest.raises(UnknownName, match="Unknown layout 'spiral'"):
        opened.points(layout="spiral")
    with pytest.raises(UnknownName, match="cannot be coloured by 'nothing'"):
        opened.groups(opened.points(), "nothing")


# --- Colours -------------------------------------------------------------------------------------


def named(opened: Collection, by: str) -> dict[str, str]:
    """Return the group of each file."""
    points = opened.points()
    groups = opened.groups(points, by)
    names = [groups.names[place] for place in groups.of]
    return dict(zip(files(opened, points.rows), names, strict=True))


def test_each_colour_is_one_taxon(opened: Collection) -> None:
    found = named(opened, "family")
    assert found["gold0.png"] == "Felidae"
    for colour, group in GROUPS.items():
        said = [found[f"{colour}{number}.png"] for number in range(EACH)]
        assert said == [*[group.lineage[4]] * (EACH - 1), NOTHING]


def test_label_state_years_and_numbers_colour_images(opened: Collection) -> None:
    assert {"species", "kingdom", BY_WHO, "eventDate", "weight"} <= set(opened.colourings)
    assert not {"decimalLatitude", "image_id", "row"} & set(opened.colourings)
    state = named(opened, BY_WHO)
    assert [state["gold0.png"], state["gold5.png"]] == ["people", "nobody"]
    years = named(opened, "eventDate")
    assert [years[f"{colour}0.png"] for colour in GROUPS] == ["2019", "2021", "2021"]
    assert named(opened, "weight")["lime3.png"] == "3"


def test_many_values_are_others_and_many_numbers_ranges(tmp_path: Path) -> None:
    lines = ["file_name,code,size,note"]
    for number in range(30):
        write_picture(tmp_path / "p" / f"{number}.png", "red")
        code = f"c{number % 12}" if number else ""
        lines.append(f"{number}.png,{code},{number if number else ''},x")
    (tmp_path / "l.csv").write_text("\n".join(lines))
    taxalens.index(
        tmp_path / "p", tmp_path / "c", encoder=ColourEncoder(), labels=tmp_path / "l.csv"
    )
    with open_collection(tmp_path / "c") as opened:
        points = opened.points()
        codes = opened.groups(points, "code")
        assert codes.names[-2:] == (OTHERS, NOTHING)
        assert len(codes.names) == 12
        assert np.bincount(codes.of).sum() == 30
        sizes = opened.groups(points, "size")
        assert sizes.ordered
        assert sizes.names[-1] == NOTHING
        for name, place in zip(files(opened, points.rows), sizes.of, strict=True):
            number = int(name.removesuffix(".png"))
            if number:
                low, _, high = sizes.names[place].partition(" to ")
                assert float(low) <= number <= float(high)
            else:
                assert sizes.names[place] == NOTHING


# --- A lasso -------------------------------------------------------------------------------------

within = st.floats(-1, 1, width=32)
PLANE = st.lists(st.tuples(within, within), min_size=1, max_size=30)


def inside(places: Corners, lasso: Corners) -> list[bool]:
    positions = np.array(places, np.float32)
    points = Points(np.arange(len(places)), positions, (), (), len(places))
    return np.isin(points.rows, points.inside(lasso)).tolist()


@given(PLANE, within, within, within, within)
def test_a_rectangle_holds_what_is_between_its_sides(
    places: Corners, a: float, b: float, c: float, d: float
) -> None:
    (left, right), (low, high) = sorted((a, b)), sorted((c, d))
    corners = [(left, low), (right, low), (right, high), (left, high)]
    apart = [(x, y) for x, y in places if x not in (a, b) and y not in (c, d)] or [(2.0, 2.0)]
    expected = [left < x < right and low < y < high for x, y in apart]
    assert inside(apart, corners) == expected
    assert inside(apart, corners[::-1]) == expected
    assert inside(apart, corners[2:] + corners[:2]) == expected


def test_a_lasso_may_be_hollow_and_needs_no_corner() -> None:
    horseshoe = [(0, 0), (9, 0), (9, 9), (6, 9), (6, 3), (3, 3), (3, 9), (0, 9)]
    assert inside([(1, 8), (4.5, 8), (8, 8), (4.5, 1)], horseshoe) == [True, False, True, True]
    assert inside([(1, 8)], []) == [False]
    assert inside([(1, 8)], [(0, 0), (2, 9)]) == [False]


# --- UMAP ----------------------------------------------------------------------------------------


def test_without_a_layout_by_umap_a_sentence_says_how_to_make_one(opened: Collection) -> None:
    assert not opened.is_laid_out
    with pytest.raises(Error, match="run `taxalens layout`"):
        opened.points(layout="umap")


@pytest.mark.filterwarnings("ignore")  # of numba
def test_umap_keeps_groups_apart_until_images_are_added(tmp_path: Path) -> None:
    pytest.importorskip("umap", reason="the extra umap is not installed")
    here = plant(tmp_path, ColourEncoder(), each=9)
    with open_collection(here) as opened:
        assert opened.lay_out() == 27
        assert opened.is_laid_out
        points = opened.points(layout="umap")
        for colour in GROUPS:
            group = of_colour(opened, points, colour)
            ids = points.inside(around(points.positions[group]))
            assert {name[:4] for name in files(opened, ids)} == {colour}
        cats = opened.points(Filters(within=("Panthera",)), "umap")
        places = np.isin(points.rows, cats.rows)
        np.testing.assert_array_equal(points.positions[places], cats.positions)
    (kept,) = (here / "derived").glob("umap-*.kept")
    whole = kept.read_bytes()
    kept.write_bytes(whole[:-1])
    with open_collection(here) as opened:
        assert not opened.is_laid_out  # what is damaged is not believed
    kept.write_bytes(whole)
    write_picture(tmp_path / "photos" / "new.png", "red")
    taxalens.index(tmp_path / "photos", here, encoder=ColourEncoder())
    with open_collection(here) as opened:
        assert not opened.is_laid_out
