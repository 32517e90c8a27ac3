"""Where threatened species are: to a tenth of a degree in whatever is shown or compared."""

from dataclasses import replace
from pathlib import Path

import pytest
from colours import ColourEncoder
from hypothesis import example, given
from hypothesis import strategies as st
from pictures import run, write_picture
from planted import EACH, GROUPS, plant

from indexer.catalog.sensitive_places import (
    _THREATENED,
    GENERALISATIONS,
    WITHHELD,
    generalised,
    is_place,
    is_threatened,
    shown_columns,
    shown_metadata,
)
from indexer.labels.label_files import Label
from search.collection import Collection, open_collection
from search.query.filters import Filters

LION = GROUPS["gold"]
EXACT = f"{LION.latitude - 0.001},{LION.longitude - 0.001},{LION.latitude + 0.001},"
EXACT += f"{LION.longitude + 0.001}"  # a rectangle round the place itself
COARSE = "-2.31,34.89,-2.29,34.91"  # one round the nearest tenths of a degree


@pytest.fixture(scope="module")
def exact(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    encoder = ColourEncoder()
    return open_collection(plant(tmp_path_factory.mktemp("places"), encoder), encoder)


@pytest.fixture(scope="module")
def coarse(exact: Collection) -> Collection:
    """The same collection as the page opens it."""
    return Collection(replace(exact.snapshot, exact_places=False))


@pytest.mark.parametrize(
    ("column", "value", "threatened"),
    [
        ("iucnRedListCategory", "VU", True),
        ("iucnRedListCategory", "EN", True),
        ("iucnRedListCategory", "cr", True),
        ("iucnRedListCategory", "CR (PE)", True),
        ("iucnRedListCategory", "EN A2cd+4", True),
        ("gbif:iucn_red_list_category", "CRITICALLY_ENDANGERED", True),
        ("threatStatus", "Critically Endangered", True),
        ("conservation status", "vulnerable", True),
        ("iucnRedListCategory", "LC", False),
        ("iucnRedListCategory", "NT", False),
        ("iucnRedListCategory", "Near Threatened", False),
        ("iucnRedListCategory", "DD", False),
        ("iucnRedListCategory", "EX", False),
        ("iucnRedListCategory", "ENX", False),
        ("iucnRedListCategory", "", False),
        ("site", "VU", False),
    ],
)
def test_threatened_is_vulnerable_or_worse(column: str, value: str, threatened: bool) -> None:
    assert is_threatened({column: value}) == threatened


@given(st.floats(-180, 180))
@example(-2.3456)
@example(0.05)
@example(-0.05)
def test_a_generalised_place_is_a_tenth_of_a_degree_near_by(degrees: float) -> None:
    found = generalised(degrees)
    assert round(found, 1) == found
    assert abs(found - degrees) <= 0.05 + 1e-9
    assert generalised(found) == found


def test_metadata_of_a_threatened_species_lose_the_exact_place() -> None:
    said = {
        **{"decimalLatitude": "-2.3456", "dwc:decimalLongitude": "34.8765"},
        **{"verbatimCoordinates": "2°20'44\"S", "site": "A"},
    }
    assert shown_metadata(said | {"iucnRedListCategory": "LC"}) == said | {
        "iucnRedListCategory": "LC"
    }
    shown = shown_metadata(said | {"iucnRedListCategory": "VU"})
    assert "a tenth of a degree" in shown.pop(GENERALISATIONS)
    assert shown == {
        **{"decimalLatitude": "-2.3", "dwc:decimalLongitude": "34.9"},
        **{"verbatimCoordinates": WITHHELD, "site": "A", "iucnRedListCategory": "VU"},
    }


def test_sql_and_python_show_the_same_places(exact: Collection, coarse: Collection) -> None:
    shown = shown_columns(coarse.snapshot)
    assert set(shown) == {"decimalLatitude", "decimalLongitude"}
    assert shown_columns(exact.snapshot) == {}
    columns = ", ".join(shown.values())
    for row, *found in coarse.snapshot.query(f'SELECT "row", {columns} FROM metadata'):
        image_id = coarse.snapshot.image_ids([row])[row]
        said = shown_metadata(coarse[image_id].metadata)
        assert found == [float(said[name]) for name in shown]


@given(st.text(st.characters(codec="ascii", exclude_characters="\0"), max_size=12))
@example("VU")
@example("(en)")
@example("x EN")
def test_sql_and_python_agree_on_what_is_threatened(coarse: Collection, value: str) -> None:
    ((said,),) = coarse.snapshot.query(f"SELECT regexp_matches(?, '{_THREATENED}')", value)
    assert bool(said) == is_threatened({"iucnRedListCategory": value})


@pytest.mark.parametrize(
    "filters",
    [
        lambda box: Filters(near=box),
        lambda box: Filters(near=f"{_middle(box)},0.5"),
        lambda box: Filters(where=_sql(box)),
    ],
    ids=["rectangle", "circle", "sql"],
)
def test_no_filter_finds_a_threatened_species_at_its_exact_place(
    exact: Collection, coarse: Collection, filters: object
) -> None:
    assert callable(filters)
    assert [exact.count(filters(box)) for box in (EXACT, COARSE)] == [EACH, 0]
    assert [coarse.count(filters(box)) for box in (EXACT, COARSE)] == [0, EACH]
    crow = GROUPS["navy"]
    box = f"{crow.latitude - 0.001},{crow.longitude - 0.001},{crow.latitude + 0.001},"
    box += f"{crow.longitude + 0.001}"
    assert coarse.count(filters(box)) == EACH


def _middle(box: str) -> str:
    south, west, north, east = map(float, box.split(","))
    return f"{(south + north) / 2},{(west + east) / 2}"


def _sql(box: str) -> str:
    south, west, north, east = box.split(",")
    return (
        f"decimalLatitude BETWEEN {south} AND {north} "
        f"AND decimallongitude BETWEEN {west} AND {east}"
    )


def test_the_map_shows_tenths_of_a_degree(exact: Collection, coarse: Collection) -> None:
    places = coarse.places()
    assert places.generalised
    shown = set(zip(places.latitudes, places.longitudes, places.images, strict=True))
    assert (-2.3, 34.9, EACH) in shown
    assert (GROUPS["navy"].latitude, GROUPS["navy"].longitude, EACH) in shown
    assert (LION.latitude, LION.longitude, EACH) in set(
        zip(exact.places().latitudes, exact.places().longitudes, exact.places().images, strict=True)
    )
    assert places.unplaced == 0


def test_written_coordinates_are_no_facet_either(tmp_path: Path) -> None:
    labels = {}
    for name in "ab":
        write_picture(tmp_path / "p" / f"{name}.png", "red")
        said = {"verbatimCoordinates": f"2°{name}", "iucnRedListCategory": "VU"}
        labels[f"{name}.png"] = Label("", None, said)
    run(tmp_path / "p", tmp_path / "c", labels=labels)
    with open_collection(tmp_path / "c") as exact:
        assert "verbatimCoordinates" in {facet.column for facet in exact.facets()}
        coarse = Collection(replace(exact.snapshot, exact_places=False))
        assert "verbatimCoordinates" not in {facet.column for facet in coarse.facets()}
        assert coarse.count(Filters(where="\"verbatimCoordinates\" = '2°a'")) == 0
    assert is_place("verbatimCoordinates")


# --- Time and place ------------------------------------------------------------------------------


def test_times_are_counted_by_year_and_by_day(exact: Collection) -> None:
    times = exact.times()
    assert times.years == ((2019, EACH), (2021, 2 * EACH))
    assert times.days == tuple((121 + number, 3) for number in range(EACH))  # from the 1st of May
    assert times.undated == 0
    assert exact.times(Filters(within=("Panthera",))).years == ((2019, EACH - 1),)


@pytest.mark.parametrize(
    ("near", "expected"),
    [
        ("45,-111,46,-110", EACH),
        ((45, -111, 46, -110), EACH),
        ("-90,-180,90,180", 3 * EACH),
        ("-90,170,90,-100", EACH),  # over 180°
        ("-90,-100,90,170", 2 * EACH),
    ],
)
def test_a_rectangle_filters(exact: Collection, near: str, expected: int) -> None:
    assert exact.count(Filters(near=near)) == expected
    assert len(exact.search(text="red", k=50, near=near)) == expected
