"""Space, and the map of Find: Streamlit's own test runner first, then a browser."""

import json
import math
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import parse_qs, urlsplit

import numpy as np
import pytest
from browser import WAIT, eventually, served, shown, wait_until_still, watched_page
from planted import EACH, GROUPS, plant
from playwright.sync_api import Browser, Page, expect
from streamlit.testing.v1 import AppTest

import taxalens
from model.errors import Error
from search.browse.time_and_place import Places
from search.collection import Collection, open_collection
from search.query.filters import Filters
from ui.widgets.brush import lasso_of, read_lasso, read_rectangle, rectangle_of
from ui.widgets.charts import PALETTE, colour_of, place_map, scatter
from ui.widgets.coastlines import coastlines

if TYPE_CHECKING:
    from playwright.sync_api import FloatRect

pytestmark = pytest.mark.usefixtures("close_catalogs")
Corners = list[tuple[float, float]]


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return plant(tmp_path_factory.mktemp("page-space"), taxalens.load_encoder("starter"))


@pytest.fixture(scope="module")
def opened(collection: Path) -> Iterator[Collection]:
    with open_collection(collection) as opened:
        yield opened


def lasso_round(opened: Collection, colour: str) -> Corners:
    """Return a rectangle round the points of a colour; the groups must lie apart."""
    points = opened.points()
    names = [Path(hit.source_id).name for hit in opened.shown(points.rows)]
    group = points.positions[[name.startswith(colour) for name in names]]
    (left, bottom), (right, top) = group.min(axis=0) - 0.02, group.max(axis=0) + 0.02
    corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
    assert len(points.inside(corners)) == EACH
    return [(float(x), float(y)) for x, y in corners]


def words(corners: Corners) -> str:
    return ";".join(f"{x:.4g},{y:.4g}" for x, y in corners)


# --- Charts --------------------------------------------------------------------------------------


def test_each_series_is_one_group_with_its_own_images(opened: Collection) -> None:
    points = opened.points()
    groups = opened.groups(points, "species")
    chart = scatter(points, groups, [])
    drawn = {}
    for series in chart["series"][1:]:
        table = chart["dataset"][series["datasetIndex"]]["source"]
        for each in table.to_pylist():
            drawn[each["id"]] = (series["name"], series["itemStyle"]["color"], each["x"], each["y"])
    assert len(drawn) == EACH * len(GROUPS)
    places = dict(zip(points.image_ids, points.positions.tolist(), strict=True))
    for image_id, (name, colour, x, y) in drawn.items():
        species = opened[image_id].taxon
        assert name == (species.name if species else "not known")
        assert colour == colour_of(groups, groups.names.index(name))
        assert [x, y] == places[image_id]
    assert len({colour for _, colour, *_ in drawn.values()}) == len(GROUPS) + 1
    assert len(set(PALETTE)) == len(PALETTE)
    assert set(chart["legend"]["data"]) == {name for name, *_ in drawn.values()}


def test_a_map_has_places_coastlines_and_what_was_drawn(opened: Collection) -> None:
    line = rectangle_of("40,-120,50,20")
    chart = place_map(opened.places(Filters(near="40,-120,50,20")), line)
    assert chart["xAxis"]["min"] <= -120
    assert chart["xAxis"]["max"] >= 20
    assert chart["series"][0]["data"][0] == chart["series"][0]["data"][-1] == [-120, 40]
    table = chart["dataset"][-1]["source"].to_pylist()
    assert {each["name"] for each in table} == {
        f"{group.latitude:g}, {group.longitude:g}: {EACH} images"
        for group in (GROUPS["navy"], GROUPS["lime"])
    }
    nowhere = Places(np.empty(0), np.empty(0), np.empty(0, np.int64), 3, False)
    assert place_map(nowhere, ())["xAxis"]["min"] == -180


def test_coastlines_are_where_land_meets_the_sea() -> None:
    line = coastlines()
    known = line[~np.isnan(line).any(axis=1)]
    assert len(known) > 5000
    assert np.abs(known).max(axis=0).tolist() <= [180, 90]
    for longitude, latitude in ((-5.6, 36.0), (18.5, -34.1), (-9.5, 38.7)):  # capes
        near = np.hypot(known[:, 0] - longitude, known[:, 1] - latitude).min()
        assert near < 1.5, (longitude, latitude)


def test_what_is_drawn_is_read_and_written_alike() -> None:
    polygon = {"brush_type": "polygon", "coord_range": [[0.12345, 0], [1, 0.5], [0, -1]]}
    box = {"brush_type": "rect", "coord_range": [[-1, 1], [0, 0.5]]}
    assert read_lasso([]) == ""
    assert lasso_of(read_lasso([box, polygon])) == [(0.1235, 0), (1, 0.5), (0, -1)]
    assert lasso_of(read_lasso([polygon, box])) == [(-1, 0), (1, 0), (1, 0.5), (-1, 0.5)]
    circle = [[math.cos(n / 99), math.sin(n / 99)] for n in range(700)]
    assert len(lasso_of(read_lasso([polygon | {"coord_range": circle}]))) <= 200
    world = {"brush_type": "rect", "coord_range": [[-200, 30.12349], [-95, 50]]}
    assert read_rectangle([world]) == "-90,-180,50,30.123"
    assert rectangle_of(read_rectangle([world]))[0] == (-180, -90)
    assert rectangle_of("52.5,13.4,20") == ()
    assert read_rectangle([polygon]) == ""
    for wrong in ("a", "1;2", "1,2,3", "nan,1"):
        with pytest.raises(Error, match="is not a lasso"):
            lasso_of(wrong)


# --- Streamlit's test runner ---------------------------------------------------------------------


def _script(folder: "Path") -> None:  # Streamlit runs its text alone, without our imports
    from ui.server.current import current_collection
    from ui.views.space import page

    page(current_collection(folder).get())


def open_space(folder: Path, **query: str | list[str]) -> AppTest:
    page = AppTest.from_function(_script, args=(folder,), default_timeout=WAIT)
    page.query_params.update(query)
    page.run()
    assert not page.exception
    return page


def tiles_of(page: AppTest) -> list[str]:
    (found,) = page.get("bidi_component")
    data = json.loads(found.proto.json)
    return sorted(tile["title"] for tile in data["tiles"])


def test_the_address_says_colours_filters_and_lasso(collection: Path, opened: Collection) -> None:
    page = open_space(collection, colour="kingdom", lasso=words(lasso_round(opened, "navy")))
    assert page.selectbox(key="space-colour").value == "kingdom"
    assert [each.value for each in page.subheader] == [f"{EACH} images inside the lasso"]
    assert tiles_of(page) == [f"navy{number}.png" for number in range(EACH)]
    page.selectbox(key="space-colour").set_value("family").run()
    assert page.query_params["colour"] == "family"
    assert page.subheader[0].value == f"{EACH} images inside the lasso"
    next(each for each in page.button if each.label == "Clear the lasso").click().run()
    assert "lasso" not in page.query_params
    assert not page.subheader


def test_another_filter_is_another_space(collection: Path, opened: Collection) -> None:
    lasso = words(lasso_round(opened, "navy"))
    page = open_space(collection, lasso=lasso, near="40,-120,50,-100")
    page.button(key="chip-near-near 40,-120,50,-100").click().run()
    assert not page.query_params


def test_what_is_wrong_is_a_sentence(collection: Path) -> None:
    for query, said in (
        ({"lasso": "1,2,3"}, "is not a lasso"),
        ({"layout": "spiral"}, "Unknown layout"),
        ({"near": "91,0,92,0"}, "is not a rectangle on Earth"),
    ):
        page = open_space(collection, **query)
        assert said in page.error[0].value.replace("\\", "")


def test_umap_is_offered_until_it_is_made(collection: Path) -> None:
    page = open_space(collection, layout="umap")
    said = [each.label for each in page.button] + [each.value for each in page.info]
    assert any("Lay out by UMAP" in each or "taxalens[umap]" in each for each in said)


# --- A browser -----------------------------------------------------------------------------------


# Whether a canvas has pixels of more than two colours.
DRAWN = """canvas => {
  const { width, height } = canvas
  const pixels = new Uint32Array(
    canvas.getContext("2d").getImageData(0, 0, width, height).data.buffer)
  return new Set(pixels).size > 2
}"""


def wait_until_drawn(page: Page, charts: int) -> None:
    """Wait for the end of a run, and for its charts, which are drawn after it."""
    wait_until_still(page)
    canvases = page.locator("canvas")
    expect(canvases).to_have_count(charts, timeout=WAIT * 1000)
    for chart in range(charts):
        eventually(partial(canvases.nth(chart).evaluate, DRAWN), True)


def tool(page: Page, chart: int, from_right: int) -> "FloatRect":
    """Choose what to draw with on a chart; return where the chart lies."""
    canvas = page.locator("canvas").nth(chart)
    canvas.scroll_into_view_if_needed()
    box = canvas.bounding_box()
    assert box
    page.mouse.click(box["x"] + box["width"] - from_right, box["y"] + 25)
    return box


def draw(page: Page, corners: Corners) -> None:
    page.mouse.move(*corners[0])
    page.mouse.down()
    for corner in corners[1:]:
        page.mouse.move(*corner, steps=3)
    page.mouse.up()


def on_screen(box: "FloatRect", corners: Corners) -> Corners:
    """Return points of Space as pixels: its axes go from -1.05 to 1.05."""
    left, width = box["x"] + 4, box["width"] - 8
    top, height = box["y"] + 30, box["height"] - 64
    return [(left + (x + 1.05) / 2.1 * width, top + (1.05 - y) / 2.1 * height) for x, y in corners]


def query(page: Page) -> dict[str, list[str]]:
    return parse_qs(urlsplit(page.url).query)


def test_a_lasso_leads_to_the_wall_and_survives_reload_and_back(
    page: Page, url: str, opened: Collection
) -> None:
    page.goto(f"{url}/space")
    page.get_by_text("18 images, those alike").wait_for()
    wait_until_drawn(page, 4)
    box = tool(page, 0, 93)
    lasso = lasso_round(opened, "lime")
    draw(page, on_screen(box, [*lasso, lasso[0]]))
    expected = {f"lime{number}.png" for number in range(EACH)}
    eventually(lambda: {name for _, name in shown(page)}, expected)
    assert "lasso" in query(page)
    page.reload()
    eventually(lambda: {name for _, name in shown(page)}, expected)
    wait_until_still(page)
    page.get_by_text(f"{EACH} selected").wait_for()
    page.get_by_role("button", name="Clear the lasso").click()
    eventually(lambda: shown(page), [])
    page.go_back()
    eventually(lambda: {name for _, name in shown(page)}, expected)


def test_a_point_shows_its_picture(page: Page, url: str, opened: Collection) -> None:
    page.goto(f"{url}/space")
    page.get_by_text("18 images, those alike").wait_for()
    wait_until_drawn(page, 4)
    box = page.locator("canvas").nth(0).bounding_box()
    assert box
    points = opened.points()
    far = int(np.abs(points.positions).max(axis=1).argmax())  # one that lies alone
    ((x, y),) = on_screen(box, [(float(points.positions[far, 0]), float(points.positions[far, 1]))])
    with page.expect_request(lambda each: f"/thumb/{points.image_ids[far]}" in each.url):
        page.mouse.move(x - 1, y)
        page.mouse.move(x, y)
    expect(page.locator(f"img[src*='{points.image_ids[far]}']")).to_be_visible(timeout=WAIT * 1000)


def test_a_rectangle_on_the_map_filters_and_survives_a_reload(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_role("heading", name="18 images").wait_for()
    wait_until_still(page)
    page.get_by_text("Map", exact=True).click()
    wait_until_drawn(page, 1)
    box = tool(page, 0, 58)
    right, bottom = box["x"] + box["width"], box["y"] + box["height"]
    middle = box["x"] + box["width"] / 2
    draw(page, [(middle, box["y"] + 40), (right - 16, bottom - 30)])
    page.get_by_role("heading", name="12 images").wait_for()  # all but the crows, in the west
    (near,) = query(page)["near"]
    south, west, north, east = map(float, near.split(","))
    assert -110 < west < 11
    assert south < -2.3
    assert north > 48.1
    assert east > 34.9
    page.reload()
    page.get_by_role("heading", name="12 images").wait_for()
    assert query(page)["near"] == [near]
    wait_until_still(page)
    page.get_by_role("button", name="✕ near").click()
    page.get_by_role("heading", name="18 images").wait_for()


@pytest.mark.parametrize("options", [(), ("--exact-places",)])
def test_threatened_species_are_shown_to_a_tenth_of_a_degree_unless_asked(
    browser: Browser, collection: Path, tmp_path: Path, options: tuple[str, ...]
) -> None:
    lion = GROUPS["gold"]
    exact = f"{lion.latitude - 0.01},{lion.longitude - 0.01},{lion.latitude + 0.01},"
    exact += f"{lion.longitude + 0.01}"
    with (
        served(collection, tmp_path / "app.txt", "app", *options) as url,
        watched_page(browser, url) as page,
    ):
        page.goto(f"{url}/?near={exact}")
        found = EACH if options else 0
        page.get_by_role("heading", name=f"{found} images").wait_for()
        page.goto(f"{url}/space")
        page.get_by_text("at the top right of the map filters").wait_for()
        wait_until_still(page)
        said = page.get_by_text("Threatened species are shown to 0.1°")
        assert said.count() == (0 if options else 1)


def _opened(folder: "Path", exact: bool) -> None:
    from ui.server.current import current_collection
    from ui.widgets.lightbox import open_image

    collection = current_collection(folder, exact).get()
    (name,) = collection.snapshot.query(
        "SELECT image_id FROM searchable WHERE file_name = 'gold0.png'"
    )
    open_image(collection, name[0])


@pytest.mark.parametrize(("exact", "latitude"), [(True, "-2.3456"), (False, "-2.3")])
def test_an_open_image_says_as_much(collection: Path, exact: bool, latitude: str) -> None:
    page = AppTest.from_function(_opened, args=(collection, exact), default_timeout=WAIT).run()
    assert not page.exception
    said = dict(page.dataframe[0].value[["column", "value"]].to_numpy().tolist())
    assert said["decimalLatitude"] == latitude
    assert said["iucnRedListCategory"] == "VU"
