"""The pages Identify, Taxa and Collection, run by Streamlit's own test runner."""

import csv
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from browser import WAIT
from PIL import Image
from streamlit.testing.v1 import AppTest
from two_species import TAXA, draw, lineage, picture, write_labels

import taxalens
from model.plugins import load_plugin

pytestmark = pytest.mark.usefixtures("close_catalogs")
COUNTS = {"gold": 5, "navy": 3}


def png(colour: str, number: int) -> bytes:
    content = io.BytesIO()
    picture(colour, number).save(content, "PNG")
    return content.getvalue()


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight labelled pictures of two species, and a file that is no picture."""
    root = tmp_path_factory.mktemp("logic")
    lines = []
    for colour in TAXA:
        for number in range(COUNTS[colour]):
            draw(root / "photos" / f"{colour}{number}.png", colour, number)
            lines.append((f"{colour}{number}.png", *lineage(colour)))
    write_labels(root / "labels.csv", (), lines)
    (root / "photos" / "broken.png").write_bytes(b"no picture")
    here = root / "a.collection"
    taxalens.index(root / "photos", here, encoder="starter", labels=root / "labels.csv")
    return here


def _script(
    folder: "Path", name: str
) -> None:  # Streamlit runs its text alone, without our imports
    from model.plugins import load_plugin
    from ui.server.current import current_collection

    load_plugin("ui.views", name, noun="page").page(current_collection(folder).get())


def open_page(folder: Path, name: str, **query: str) -> AppTest:
    page = AppTest.from_function(_script, args=(folder, name), default_timeout=WAIT)
    page.query_params.update(query)
    page.run()
    assert not page.exception
    return page


def wall_of(page: AppTest) -> list[dict[str, Any]]:
    """Return the tiles that the first wall was given."""
    tiles: list[dict[str, Any]] = json.loads(page.get("bidi_component")[0].proto.json)["tiles"]
    return tiles


def named(page: AppTest) -> list[tuple[str, str]]:
    """Return the name of each tile and the line with its number of images."""
    return [
        (tile["name"], next(each for each in tile["lines"] if "image" in each))
        for tile in wall_of(page)
    ]


# --- taxa ----------------------------------------------------------------------------------------


def test_the_tree_begins_at_the_top(collection: Path) -> None:
    assert named(open_page(collection, "taxa")) == [("Animalia", "8 images")]


def test_children_stand_by_their_images_with_species_and_a_sample(collection: Path) -> None:
    page = open_page(collection, "taxa", taxon="Animalia|Chordata")
    assert named(page) == [("Mammalia", "5 images"), ("Aves", "3 images")]
    assert all("1 species" in tile["lines"] for tile in wall_of(page))
    with taxalens.open(collection) as opened:
        names = [opened[tile["id"]].file_name[:4] for tile in wall_of(page)]
    assert names == ["gold", "navy"]


def test_a_step_of_the_path_leads_up(collection: Path) -> None:
    page = open_page(collection, "taxa", taxon="Animalia|Chordata|Aves")
    page.button(key="Animalia|Chordata").click().run()
    assert [name for name, _ in named(page)] == ["Mammalia", "Aves"]
    page.button(key="taxon-top").click().run()
    assert [name for name, _ in named(page)] == ["Animalia"]
    assert not page.query_params


def test_a_species_has_nothing_below_it(collection: Path) -> None:
    key = "|".join(TAXA["gold"][:6]) + "|Panthera leo"
    page = open_page(collection, "taxa", taxon=key)
    assert any("Nothing stands below it" in each.value for each in page.markdown)
    assert not page.get("bidi_component")


def test_an_unknown_taxon_in_the_address_is_a_sentence(collection: Path) -> None:
    page = open_page(collection, "taxa", taxon="Plantae")
    assert "has no taxon with the key" in page.error[0].value


def test_gaps_are_species_below_the_number(collection: Path) -> None:
    page = open_page(collection, "taxa")
    page.get("button_group")[0].set_value("Gaps").run()
    assert named(page) == [("Pica hudsonia", "3 images")]
    page.number_input(key="taxa-least").set_value(6).run()
    assert [name for name, _ in named(page)] == ["Pica hudsonia", "Panthera leo"]
    page.number_input(key="taxa-least").set_value(2).run()
    assert any("0 taxa" in each.value for each in page.markdown)


def test_a_picture_is_looked_up_as_the_collection_gives_it(collection: Path) -> None:
    with taxalens.open(collection) as opened:
        assert [opened.look_up(each) for each in opened] == [opened[each] for each in opened]
        with pytest.raises(taxalens.UnknownName, match="no image with the id 'none'"):
            opened.look_up("none")


# --- collection ----------------------------------------------------------------------------------


def test_inputs_are_counted_by_status_and_reason(collection: Path) -> None:
    page = open_page(collection, "collection")
    table = next(each.value for each in page.dataframe if "inputs" in each.value)
    counted = dict(zip(table["status"], table["inputs"], strict=True))
    assert counted == {"embedded": 8, "failed": 1}
    assert any(each.label == "Retry" for each in page.button)


def test_a_folder_without_a_name_starts_no_job(collection: Path) -> None:
    from ui.widgets.jobs import jobs_of

    page = open_page(collection, "collection")
    page.text_input(key="add-source").set_value("  ")
    next(each for each in page.button if each.label == "Add").click().run()
    assert [each.value for each in page.warning] == ["Name a folder."]
    assert jobs_of(collection.resolve()).last is None


def test_the_page_tells_the_encoder_and_its_limits(collection: Path) -> None:
    page = open_page(collection, "collection")
    facts = next(each.value for each in page.dataframe if "fact" in each.value)
    assert "8" in {str(each) for each in facts["value"]}
    said = " ".join(each.value for each in page.markdown)
    assert "starter" in said
    assert "does not replace them" in said


# --- identify ------------------------------------------------------------------------------------


def identified(collection: Path, *pictures: tuple[str, bytes]) -> AppTest:
    page = open_page(collection, "identify")
    page.file_uploader(key="identify-pictures").set_value(
        [(name, content, "image/png") for name, content in pictures]
    ).run()
    assert not page.exception
    return page


def answers(page: AppTest) -> Callable[[str], list[str]]:
    """Return the CSV that the page offers, by column."""
    view = load_plugin("ui.views", "identify", noun="page")
    _, found = page.session_state["identify-answers"]
    lines = list(
        csv.DictReader(io.StringIO(view._csv(found, page.session_state["identify-own"]).decode()))
    )
    return lambda column: [line[column] for line in lines]


def test_without_a_photograph_the_page_says_how_it_answers(collection: Path) -> None:
    page = open_page(collection, "identify")
    assert not page.slider
    assert any("deepest rank" in each.value for each in page.markdown)


def test_a_correction_goes_beside_the_answer(collection: Path) -> None:
    page = identified(collection, ("one.png", png("gold", 9)), ("two.png", png("navy", 9)))
    assert page.subheader[0].value.startswith("2 photographs")
    assert answers(page)("accepted") == ["", ""]
    page.text_input(key="correct-1").set_value("Corvus corax").run()
    page.button(key="take-1").click().run()
    assert answers(page)("accepted") == ["", "Corvus corax"]
    assert answers(page)("file_name") == ["one.png", "two.png"]


def test_precision_moves_along_the_ladder_and_asks_nothing_anew(collection: Path) -> None:
    page = identified(collection, ("one.png", png("gold", 9)))
    before = page.session_state["identify-answers"]
    page.slider(key="identify-precision").set_value(0.5).run()
    assert not page.exception
    assert page.session_state["identify-answers"] is before


def test_the_reliability_diagram_is_drawn_when_it_is_asked_for(tmp_path: Path) -> None:
    lines = []
    random = np.random.default_rng(0)
    for colour in TAXA:
        for number in range(20):
            path = tmp_path / "photos" / f"{colour}{number}.png"
            path.parent.mkdir(exist_ok=True)
            coarse = Image.fromarray(random.integers(0, 255, (12, 12, 3), np.uint8))
            drawn = coarse.resize((96, 96), Image.Resampling.BICUBIC)  # else all are one scene
            drawn.paste(colour, (2 * number, 30, 2 * number + 45, 75))
            drawn.save(path)
            lines.append((path.name, *lineage(colour)))
    write_labels(tmp_path / "labels.csv", (), lines)
    here = tmp_path / "a.collection"
    taxalens.index(tmp_path / "photos", here, encoder="starter", labels=tmp_path / "labels.csv")
    page = identified(here, ("one.png", png("gold", 30)))
    assert not page.get("vega_lite_chart")
    page.session_state["identify-reliability"] = True
    page.run()
    assert not page.exception
    (chart,) = page.get("vega_lite_chart")
    _, found = page.session_state["identify-answers"]
    ranks = [each["title"] for each in json.loads(chart.proto.spec)["concat"]]
    assert ranks == list(found.calibration.reliability.bins())


def test_a_file_that_is_no_picture_is_a_sentence_beside_the_others(collection: Path) -> None:
    page = identified(collection, ("one.png", png("gold", 9)), ("two.png", b"no picture"))
    assert any("picture" in each.value for each in page.warning)
    assert page.subheader[0].value.startswith("2 photographs")
