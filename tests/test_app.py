"""The page, first run by Streamlit's own test runner, then in a browser as a user would."""

import csv
import json
import shutil
import socket
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import streamlit as st
from browser import WAIT, ask, chromium, handshake, served, shown, wait_for_hits, watched_page
from click.testing import CliRunner
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect
from streamlit.testing.v1 import AppTest

import taxalens
from model.encoder import Encoder
from ui.cli import main
from ui.views.search import HINT, plain

BEACON = "![](http://127.0.0.1:9/beacon.png)"
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
FELIDAE = ("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Panthera")
LIONS = {
    "Panthera leo/1.png": (*FELIDAE, "Panthera leo", "lion"),
    "Panthera leo/2.png": (*FELIDAE, "Panthera leo", "lion"),
    "Panthera tigris/1.png": (*FELIDAE, "Panthera tigris", "tiger"),
}
# What a label says is shown letter by letter, whatever Markdown or HTML would make of it.
HOSTILE = (
    BEACON,
    "<img src=http://127.0.0.1:9/image.png onerror=alert(1)>",
    "<script>document.title = 'run'</script>",
    "[a link](javascript:alert(1))",
    "www.example.org http://example.org/a_b me@example.org",
    ":material/search: :red[red] :dog: $a^2$ ~~a~~ -> <- -- >= **a** _a_ `a`",
)


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return taxalens.load_encoder("starter")


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory, encoder: Encoder) -> Path:
    """Five harmless pictures and some whose labels and folders try to break the page."""
    root = tmp_path_factory.mktemp("app")
    named = {f"hostile/{n}.png": ("",) * 7 + (text,) for n, text in enumerate(HOSTILE)}
    labels = {**LIONS, **named, "beacon/1.png": ("",) * 6 + ("Malus beacon", BEACON)}
    folders = [
        "Pica hudsonia/1.png",
        "Pica hudsonia/2.png",
        "<script>alert(1)/1.png",
        "![](x)/1.png",
    ]
    for number, name in enumerate([*labels, *folders]):
        draw_picture(root / "photos" / name, number)
    with (root / "labels.csv").open("w", newline="", encoding="utf-8") as file:
        lines = csv.writer(file)
        lines.writerow(("file_name", *RANKS, "common_name"))
        lines.writerows((name, *said) for name, said in labels.items())
    target = root / "small.collection"
    taxalens.index(root / "photos", target, encoder=encoder, labels=root / "labels.csv")
    return target


@pytest.fixture(scope="module", autouse=True)
def _close_catalogs() -> Iterator[None]:
    yield
    st.cache_resource.clear()  # DuckDB complains where one is open when Python ends


def draw_picture(path: Path, number: int) -> None:
    """Draw one that looks like no other number's."""
    colour = ("gold", "orange", "tomato", "navy", "black", "purple", "green", "brown")[number % 8]
    picture = Image.new("RGB", (96, 64 + 8 * number), "white")
    drawing = ImageDraw.Draw(picture)
    drawing.ellipse((8, 8, 40 + 3 * number, 56), fill=colour)
    drawing.line((0, 60 - 4 * number, 95, 5 * number), fill="grey", width=1 + number)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture.save(path)


def command_line(*arguments: object) -> list[tuple[str, str]]:
    """Return title and file name of the hits that `taxalens search` prints."""
    ran = CliRunner().invoke(main, ["search", *map(str, arguments), "--format", "json"])
    assert ran.exit_code == 0, ran.stderr
    return [
        (row["species"] or row["genus"] or row["label"], Path(row["file_name"]).name)
        for row in json.loads(ran.stdout)
    ]


# --- Streamlit's test runner ---------------------------------------------------------------------


def _script(folder: "Path") -> None:  # Streamlit runs its text alone, without our imports
    from ui.app import main

    main(folder)


def open_page(folder: Path, **query: str) -> AppTest:
    page = AppTest.from_function(_script, args=(folder,), default_timeout=WAIT)
    page.query_params.update(query)
    page.run()
    assert not page.exception
    return page


def files_of(page: AppTest) -> list[str]:
    """Return the last line under each picture, without what says how big the collection is."""
    return [caption.value.rpartition(" · ")[2] for caption in page.caption[1:]]


def test_an_empty_query_shows_the_hint(collection: Path) -> None:
    page = open_page(collection)
    assert [each.value for each in page.markdown] == [HINT]
    assert page.caption[0].value == plain("14 images in small.collection")
    page.text_input(key="query").set_value("  ").run()
    assert [each.value for each in page.markdown] == [HINT]


def test_hits_are_those_of_the_command_line(collection: Path) -> None:
    page = open_page(collection)
    page.text_input(key="query").set_value("a yellow circle").run()
    expected = command_line("a yellow circle", "-c", collection)
    assert files_of(page) == [plain(file) for _, file in expected]
    assert len(page.image) == len(expected) == 10


def test_a_taxon_shows_its_names_and_lineage(collection: Path) -> None:
    page = open_page(collection, query="Panthera leo")
    assert page.subheader[0].value == plain("Panthera leo (species) · 2 hits")
    assert page.markdown[0].value == "***Panthera leo*** · lion"
    assert page.caption[1].value.startswith("Animalia › Chordata › Mammalia › Carnivora › Felidae")


def test_labelled_hits_come_before_those_that_look_alike(collection: Path) -> None:
    page = open_page(collection, query="Felidae")
    assert [each.value for each in page.subheader] == [
        plain("Felidae (family) · 3 hits"),
        plain("Not labelled so, but alike · 7 hits"),
    ]


def test_the_number_of_hits_can_be_set(collection: Path) -> None:
    page = open_page(collection, query="a yellow circle")
    page.number_input[0].set_value(4).run()
    assert len(files_of(page)) == 4


def test_an_error_is_a_sentence(tmp_path: Path) -> None:
    page = open_page(tmp_path)
    assert [each.value for each in page.error] == [
        plain(
            f"There is no collection at {tmp_path}; make one with: "
            f"taxalens index FOLDER -c {tmp_path}"
        )
    ]


def test_a_collection_that_grew_is_opened_anew(tmp_path: Path, encoder: Encoder) -> None:
    photos, here = tmp_path / "photos", tmp_path / "a.collection"
    draw_picture(photos / "1.png", 1)
    taxalens.index(photos, here, encoder=encoder)
    page = open_page(here)
    assert page.caption[0].value == plain("1 image in a.collection")
    draw_picture(photos / "2.png", 2)
    taxalens.index(photos, here, encoder=encoder)
    assert page.run().caption[0].value == plain("2 images in a.collection")


def test_a_collection_that_was_replaced_is_opened_anew(tmp_path: Path, encoder: Encoder) -> None:
    photos, here = tmp_path / "photos", tmp_path / "a.collection"
    draw_picture(photos / "1.png", 1)
    taxalens.index(photos, here, encoder=encoder)
    page = open_page(here)
    shutil.rmtree(here)
    draw_picture(photos / "2.png", 2)
    taxalens.index(photos, here, encoder=encoder)  # as many generations as the one before
    assert page.run().caption[0].value == plain("2 images in a.collection")


def test_a_picture_that_is_gone_does_not_hide_the_others(tmp_path: Path, encoder: Encoder) -> None:
    photos, here = tmp_path / "photos", tmp_path / "here.collection"
    for number in range(3):
        draw_picture(photos / f"{number}.png", number)
    taxalens.index(photos, here, encoder=encoder)
    (photos / "1.png").unlink()
    page = open_page(here, query="a circle")
    assert len(page.image) == 2
    assert [each.value for each in page.warning] == ["This picture cannot be read any more."]


# --- A browser -----------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def url(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with served(collection, tmp_path_factory.mktemp("log") / "app.txt") as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: Browser, url: str) -> Iterator[Page]:
    with watched_page(browser, url) as opened:
        yield opened


def test_a_search_shows_what_the_command_line_prints(
    page: Page, url: str, collection: Path
) -> None:
    page.goto(url)
    page.get_by_text("Type a taxon").wait_for()
    ask(page, "Felidae")
    wait_for_hits(page, "Not labelled so, but alike · 7 hits")
    assert shown(page) == command_line("Felidae", "-c", collection)
    assert page.url == f"{url}/?query=Felidae"


def test_a_deep_link_opens_with_its_search(page: Page, url: str) -> None:
    page.goto(f"{url}/?query=lion")
    wait_for_hits(page, "Panthera leo (species) · 2 hits")
    expect(page.get_by_label("Name or text")).to_have_value("lion")
    assert [title for title, _ in shown(page)[:2]] == ["Panthera leo"] * 2


def test_an_uploaded_picture_finds_itself(page: Page, url: str, collection: Path) -> None:
    picture = collection.parent / "photos" / "Pica hudsonia" / "2.png"
    page.goto(f"{url}/?query=lion")
    wait_for_hits(page, "Panthera leo")
    page.locator("input[type=file]").set_input_files(picture)
    wait_for_hits(page, "Images that look like 2.png · 10 hits")
    assert shown(page) == command_line("--image", picture, "-c", collection)
    assert page.get_by_text("score 1.000 · 2.png").count() == 1
    expect(page.get_by_label("Name or text")).to_have_value("")
    ask(page, "lion")  # of a text and a picture the one given last counts
    wait_for_hits(page, "Panthera leo (species) · 2 hits")


def test_an_upload_that_is_no_picture_says_why(page: Page, url: str, tmp_path: Path) -> None:
    (tmp_path / "note *1*.jpg").write_text("a note, not a picture")
    page.goto(url)
    page.locator("input[type=file]").set_input_files(tmp_path / "note *1*.jpg")
    alert = page.get_by_role("alert")
    alert.wait_for()
    assert (alert.text_content() or "").startswith(
        "note *1*.jpg cannot be used as a picture: not a picture"
    )


def test_hostile_names_are_shown_and_do_nothing(page: Page, url: str, collection: Path) -> None:
    page.goto(url)
    page.get_by_label("Hits").fill("50")
    page.get_by_label("Hits").press("Enter")
    query = f"{BEACON} and, unlike any name, <b>here</b>"
    ask(page, query)
    wait_for_hits(page, '<b>here</b>" · 14 hits')
    assert shown(page) == command_line(query, "-c", collection, "-k", 50)
    assert {title for title, _ in shown(page)} >= {*HOSTILE, "<script>alert(1)", "![](x)"}
    assert page.locator("main a").count() == 0
    assert page.title() == "taxalens"


@pytest.mark.parametrize(
    ("host", "origin", "status"),
    [
        ("127.0.0.1", "127.0.0.1", 101),
        ("localhost", "localhost", 101),
        ("127.0.0.1", "evil.example", 403),
        ("evil.example", "evil.example", 403),  # DNS rebinding: its name now points to here
    ],
)
def test_only_pages_of_this_machine_get_a_web_socket(
    url: str, host: str, origin: str, status: int
) -> None:
    assert handshake(url, host, origin) == status


@pytest.mark.skipif(sys.platform != "linux", reason="all of 127.0.0.0/8 is this machine on Linux")
def test_the_page_is_on_one_address_only(url: str) -> None:
    with socket.socket() as door:
        assert door.connect_ex(("127.0.0.2", int(url.rpartition(":")[2]))) != 0
