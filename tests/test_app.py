"""The page, first run by Streamlit's own test runner, then in a browser as a user would."""

import csv
import json
import os
import re
import shutil
import socket
import sys
from pathlib import Path

import pytest
from browser import (
    WAIT,
    ask,
    eventually,
    handshake,
    selected,
    shown,
    tiles,
    wait_for_hits,
    wait_until_still,
)
from click.testing import CliRunner
from PIL import Image, ImageDraw
from playwright.sync_api import Browser, Page, expect
from streamlit.testing.v1 import AppTest

import taxalens
from model.encoder import Encoder
from ui.cli import main
from ui.widgets.text import plain

pytestmark = pytest.mark.usefixtures("close_catalogs")
BEACON = "![](http://127.0.0.1:9/beacon.png)"
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
FELIDAE = ("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Panthera")
FELIDAE_KEY = "Animalia|Chordata|Mammalia|Carnivora|Felidae"
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
        lines.writerow(("file_name", *RANKS, "common_name", "site"))
        for number, (name, said) in enumerate(labels.items()):
            lines.writerow((name, *said, *[""] * (8 - len(said)), "AB"[number % 2]))
    target = root / "small.collection"
    taxalens.index(root / "photos", target, encoder=encoder, labels=root / "labels.csv")
    return target


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


def open_page(folder: Path, **query: str | list[str]) -> AppTest:
    page = AppTest.from_function(_script, args=(folder,), default_timeout=WAIT)
    page.query_params.update(query)
    page.run()
    assert not page.exception
    return page


def wall_of(page: AppTest) -> list[dict[str, str]]:
    """Return the tiles that the wall was given."""
    tiles: list[dict[str, str]] = json.loads(page.get("bidi_component")[0].proto.json)["tiles"]
    return tiles


def pairs(page: AppTest) -> list[tuple[str, str]]:
    return [(tile["name"], tile["title"]) for tile in wall_of(page)]


def heading(page: AppTest) -> str:
    return str(page.subheader[0].value)


def test_the_page_opens_on_the_collection_itself(collection: Path) -> None:
    page = open_page(collection)
    assert page.caption[0].value == plain("taxalens · 14 images in small.collection")
    assert heading(page) == "14 images"
    assert len(wall_of(page)) == 14
    page.text_input(key="find-words").set_value("  ").run()
    assert heading(page) == "14 images"


def test_hits_are_those_of_the_command_line(collection: Path) -> None:
    page = open_page(collection)
    page.text_input(key="find-words").set_value("a yellow circle").run()
    assert pairs(page)[:10] == command_line("a yellow circle", "-c", collection)
    assert page.query_params["q"] == "a yellow circle"


def test_a_taxon_shows_its_names_lineage_and_why(collection: Path) -> None:
    first = wall_of(open_page(collection, q="Panthera leo"))[0]
    assert (first["name"], first["who"], first["italic"]) == ("Panthera leo", "person", True)
    assert first["lines"][0] == "lion"
    assert "Animalia › Chordata › Mammalia › Carnivora › Felidae" in first["alt"]
    assert first["section"] == "Labelled so"


def test_labelled_hits_come_before_those_that_look_alike(collection: Path) -> None:
    page = open_page(collection, q="Felidae")
    sections = [tile["section"] for tile in wall_of(page)]
    assert sections == ["Labelled so"] * 3 + ["Not labelled so, but alike"] * 9
    assert heading(page) == plain("Felidae (family) · 3 labelled so · 12 images ranked")


def test_names_complete_with_their_counts(collection: Path) -> None:
    page = open_page(collection, q="Panth")
    offered = [each.label for each in page.button if str(each.key).startswith("name-")]
    assert offered == [
        "Panthera · genus · 3",
        "Panthera leo · species · 2",
        "Panthera tigris · species · 1",
    ]
    page.button(key="name-Panthera tigris").click().run()
    assert page.query_params["q"] == "Panthera tigris"
    assert pairs(page)[0] == ("Panthera tigris", "1.png")


def test_filters_narrow_and_are_taken_out(collection: Path) -> None:
    page = open_page(collection, where=["site = 'A'"], within=[FELIDAE_KEY])
    assert heading(page) == "2 images"
    assert sorted(pairs(page)) == [("Panthera leo", "1.png"), ("Panthera tigris", "1.png")]
    page.button(key="chip-where-site = 'A'").click().run()
    assert heading(page) == "3 images"
    page.button(key="chip-within-within Felidae").click().run()
    assert heading(page) == "14 images"
    assert not page.query_params


def test_a_value_of_a_column_becomes_sql(collection: Path) -> None:
    page = open_page(collection)
    values = page.get("button_group")
    site = next(each for each in values if each.label == "site")
    assert [each.content for each in site.proto.options] == ["A · 5", "B · 5"]
    page.text_input(key="filter-sql").set_value("site = 'B'").run()
    assert page.query_params["where"] == "site = 'B'"
    assert [each.value for each in page.code] == ["site = 'B'"]
    assert heading(page) == "5 images"


def test_a_filter_that_is_wrong_is_a_sentence(collection: Path) -> None:
    page = open_page(collection, where=["nothing = 1"])
    assert "is no condition that can be asked here" in page.error[0].value.replace("\\", "")
    assert page.button(key="chip-where-nothing = 1")


def test_more_and_less_like_are_chips(collection: Path) -> None:
    page = open_page(collection, q="Felidae")
    page.text_input(key="find-term").set_value("a black circle")
    page.slider(key="find-weight").set_value(2.0)
    next(each for each in page.button if each.label == "Less like it").click().run()
    assert page.query_params["minus"] == "2*a black circle"
    expected = command_line("Felidae", "--minus", "2*a black circle", "-c", collection)
    assert pairs(page)[:10] == expected


def test_hits_are_one_of_each_value_of_a_column(collection: Path) -> None:
    page = open_page(collection, q="Felidae")
    page.selectbox(key="find-group").set_value("site").run()
    assert page.query_params["group"] == "site"
    expected = command_line("Felidae", "--group-by", "site", "-k", 60, "-c", collection)
    assert 2 < len(expected) < 12
    assert pairs(page) == expected


def test_pages_of_an_answer_follow_each_other(
    collection: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("ui.views.find.SIZE", 5)
    parts = [pairs(open_page(collection, q="Felidae", page=str(n))) for n in (1, 2, 3)]
    assert [len(each) for each in parts] == [5, 5, 2]
    expected = command_line("Felidae", "-c", collection, "-k", 14)
    assert [each for part in parts for each in part] == expected
    beyond = open_page(collection, q="Felidae", page="9")
    assert [each.value for each in beyond.info] == ["There is no page 9; turn to one below."]


def test_without_a_collection_the_page_offers_to_make_one(tmp_path: Path) -> None:
    page = open_page(tmp_path / "none.collection")
    assert not page.error
    assert page.text_input(key="add-source").label == "Folder, archive or table of pictures"
    assert "starter" in page.selectbox[0].options
    assert "Make the demo" in [each.label for each in page.button]


def test_an_error_is_a_sentence(collection: Path, tmp_path: Path) -> None:
    broken = shutil.copytree(collection, tmp_path / "broken.collection")
    for vectors in (broken / "segments").glob("*.npy"):
        vectors.unlink()
    page = open_page(broken)
    assert len(page.error) == 1
    assert "is missing or not" in page.error[0].value


def test_a_collection_that_grew_or_was_replaced_is_opened_anew(
    tmp_path: Path, encoder: Encoder
) -> None:
    photos, here = tmp_path / "photos", tmp_path / "a.collection"
    draw_picture(photos / "1.png", 1)
    taxalens.index(photos, here, encoder=encoder)
    page = open_page(here)
    assert heading(page) == "1 image"
    draw_picture(photos / "2.png", 2)
    taxalens.index(photos, here, encoder=encoder)
    assert heading(page.run()) == "2 images"
    shutil.rmtree(here)
    draw_picture(photos / "3.png", 3)
    taxalens.index(photos, here, encoder=encoder)  # fewer generations than the one before
    assert heading(page.run()) == "3 images"


# --- A browser -----------------------------------------------------------------------------------


def test_a_search_shows_what_the_command_line_prints(
    page: Page, url: str, collection: Path
) -> None:
    page.goto(url)
    page.get_by_role("heading", name="14 images").wait_for()
    ask(page, "Felidae")
    wait_for_hits(page, "Felidae (family)")
    eventually(lambda: shown(page)[:10], command_line("Felidae", "-c", collection))
    assert page.url == f"{url}/?q=Felidae"
    loaded = "all => all.every(each => each.complete && each.naturalWidth > 0)"
    page.locator(".tile img").first.scroll_into_view_if_needed()
    expect(page.locator(".tile.broken")).to_have_count(0)
    assert page.locator(".tile img").evaluate_all(f"all => ({loaded})(all.slice(0, 3))")


def test_a_deep_link_a_reload_and_back_restore_everything(page: Page, url: str) -> None:
    page.goto(f"{url}/?q=lion&where=site%20=%20%27A%27")
    wait_for_hits(page, "Panthera leo")
    expect(page.get_by_label("Name or text")).to_have_value("lion")
    tiles(page).nth(1).click()
    page.wait_for_url("**sel=**")
    chosen = selected(page)
    page.reload()
    wait_for_hits(page, "Panthera leo")
    expect(page.get_by_text("1 selected").first).to_be_visible()
    eventually(lambda: selected(page), chosen)
    ask(page, "tiger")
    wait_for_hits(page, "tigris")
    page.go_back()
    wait_for_hits(page, "Panthera leo")
    expect(page.get_by_label("Name or text")).to_have_value("lion")


def test_words_typed_with_pauses_keep_the_spaces_between_them(page: Page, url: str) -> None:
    page.goto(url)
    field = page.get_by_label("Name or text")
    field.focus()
    page.keyboard.type("a yellow ", delay=120)
    wait_for_hits(page, "A yellow")
    page.keyboard.type("circle", delay=30)
    page.wait_for_url("**/?q=a+yellow+circle")
    wait_for_hits(page, "A yellow circle")
    expect(field).to_have_value("a yellow circle")


def test_a_suggestion_is_chosen_by_keyboard(page: Page, url: str) -> None:
    page.goto(url)
    page.get_by_label("Name or text").fill("Panthera t")
    button = page.get_by_role("button", name="Panthera tigris · species · 1")
    button.wait_for()
    for _ in range(12):
        page.keyboard.press("Tab")
        if "Panthera tigris" in page.evaluate("document.activeElement.textContent"):
            break
    page.keyboard.press("Enter")
    wait_for_hits(page, "Panthera tigris (species)")


def test_pictures_are_selected_by_mouse_and_keys(page: Page, url: str) -> None:
    page.goto(f"{url}/?order=taxon")
    wait_for_hits(page, "14 images")
    tiles(page).nth(13).wait_for()  # the wall is drawn after the run
    names = [name for _, name in shown(page)]
    tiles(page).nth(0).click()
    tiles(page).nth(2).click(modifiers=["Shift"])
    eventually(lambda: selected(page), names[:3])
    tiles(page).nth(1).click(modifiers=["ControlOrMeta"])
    eventually(lambda: selected(page), [names[0], names[2]])
    page.keyboard.press("Escape")
    eventually(lambda: selected(page), [])
    page.keyboard.press("Home")
    page.keyboard.press("Shift+ArrowRight")
    eventually(lambda: selected(page), names[:2])
    page.keyboard.press("Control+a")
    eventually(lambda: selected(page), names)
    wait_until_still(page)  # what is offered for a selection moves the wall
    one, other = (tiles(page).nth(n).bounding_box() for n in (0, 3))
    assert one
    assert other
    page.mouse.move(one["x"] + one["width"] + 4, one["y"] + 3)
    page.mouse.down()
    page.mouse.move(other["x"] + 20, other["y"] + 20, steps=5)
    page.mouse.up()
    eventually(lambda: selected(page), names[1:4])


def test_arrows_in_a_field_leave_the_wall_alone(page: Page, url: str) -> None:
    page.goto(url)
    wait_for_hits(page, "14 images")
    page.get_by_label("Name or text").focus()
    for key in ("ArrowRight", "ArrowDown", "Space", "1"):
        page.keyboard.press(key)
    eventually(lambda: selected(page), [])
    expect(page.locator(".zoom")).to_be_hidden()


def test_space_zooms_and_enter_opens(page: Page, url: str) -> None:
    page.goto(f"{url}/?q=lion")
    wait_for_hits(page, "Panthera leo")
    tiles(page).nth(0).focus()
    page.keyboard.press("Space")
    expect(page.locator(".zoom")).to_be_visible()
    page.keyboard.press("Escape")
    expect(page.locator(".zoom")).to_be_hidden()
    page.keyboard.press("Enter")
    dialog = page.get_by_role("dialog", name="Image")
    dialog.get_by_text("species: Panthera leo").wait_for()
    dialog.get_by_text("a file or folder").wait_for()
    page.keyboard.press("Escape")
    tiles(page).nth(1).dblclick()
    dialog.get_by_text("species: Panthera leo").wait_for()
    wait_until_still(page)
    dialog.get_by_role("button", name="Search with this").click()
    page.wait_for_url("**like=**")
    wait_for_hits(page, "Images that look like")


def test_a_picture_is_uploaded_dropped_and_pasted(page: Page, url: str, collection: Path) -> None:
    picture = collection.parent / "photos" / "Pica hudsonia" / "2.png"
    expected = command_line("--image", picture, "-c", collection)
    page.goto(f"{url}/?q=lion")
    wait_for_hits(page, "Panthera leo")
    page.get_by_role("button", name="Picture").click()
    page.locator("input[type=file]").set_input_files(picture)
    wait_for_hits(page, "Images that look like 2.png")
    eventually(lambda: shown(page)[:10], expected)
    expect(page.get_by_label("Name or text").first).to_have_value("")
    for event, holder in (("drop", "dataTransfer"), ("paste", "clipboardData")):
        page.goto(f"{url}/?q=lion")
        wait_for_hits(page, "Panthera leo")
        page.locator(".wall").evaluate(
            """(wall, [event, holder, bytes]) => {
                const file = new File([new Uint8Array(bytes)], event + ".png", {type: "image/png"})
                const moved = new DataTransfer()
                moved.items.add(file)
                const made = new Event(event, {bubbles: true, composed: true, cancelable: true})
                Object.defineProperty(made, holder, {value: moved})
                wall.dispatchEvent(made)
            }""",
            [event, holder, list(picture.read_bytes())],
        )
        wait_for_hits(page, f"Images that look like {event}.png")
        eventually(lambda: shown(page)[:10], expected)


def test_an_upload_that_is_no_picture_says_why(page: Page, url: str, tmp_path: Path) -> None:
    (tmp_path / "note *1*.jpg").write_text("a note, not a picture")
    page.goto(url)
    page.get_by_role("button", name="Picture").click()
    page.locator("input[type=file]").set_input_files(tmp_path / "note *1*.jpg")
    alert = page.get_by_role("alert").filter(has_text="note *1*.jpg")
    expect(alert).to_contain_text("not a picture")


def test_hostile_names_are_shown_and_do_nothing(page: Page, url: str, collection: Path) -> None:
    page.goto(url)
    query = f"{BEACON} and, unlike any name, <b>here</b>"
    ask(page, query)
    wait_for_hits(page, "<b>here</b>")
    eventually(lambda: shown(page), command_line(query, "-c", collection, "-k", 50))
    names = {name for name, _ in shown(page)}
    assert names >= {*HOSTILE, "<script>alert(1)", "![](x)"}
    assert page.locator("main a").count() == 0
    assert page.title() == "taxalens"


def test_selected_images_are_exported_in_every_format(page: Page, url: str) -> None:
    page.goto(f"{url}/?q=Felidae")
    wait_for_hits(page, "Felidae")
    tiles(page).nth(0).click()
    tiles(page).nth(2).click(modifiers=["Shift"])
    wait_until_still(page)
    page.get_by_role("button", name="Export").click()
    for name in ("csv", "parquet", "pybioclip", "darwin-core"):
        page.get_by_label("Format").click()
        page.get_by_role("option", name=re.compile(f"^{name}:")).click()
        wait_until_still(page)
        page.get_by_role("button", name="Export 3 selected images").click()
        button = page.get_by_role("button", name=f"Download {name}")
        button.wait_for()
        with page.expect_download() as downloading:
            button.click()
        content = downloading.value.path().read_bytes()
        assert len(content) > 100
    page.get_by_label("Format").click()
    page.get_by_role("option", name=re.compile("^camtrap-dp:")).click()
    wait_until_still(page)
    page.get_by_role("button", name="Export 3 selected images").click()
    page.get_by_text("3 images without the day that they were taken").wait_for()


def test_sessions_at_once_get_their_own_answers(browser: Browser, url: str) -> None:
    questions = {
        "Panthera leo": "Panthera leo (species)",
        "tiger": "Panthera tigris (species)",
        "Felidae": "Felidae (family)",
        "Mammalia": "Mammalia (class)",
        "Pica hudsonia": "Pica hudsonia (species)",
        "red fruit": 'Images that look like "red fruit"',
        "Animalia": "Animalia (kingdom)",
        "a black circle": 'Images that look like "a black circle"',
    }
    sessions, turns = (20, len(questions)) if os.environ.get("TAXALENS_TRUST") == "long" else (8, 3)
    # Tabs of one context share its cache. Each of `browser.new_page` has its own, and would load
    # Streamlit's scripts from nothing, all at the same time: that took a minute of a busy machine.
    context = browser.new_context()
    pages = [context.new_page() for _ in range(sessions)]
    for page in pages:
        page.goto(url, timeout=WAIT * 1000)
        page.get_by_role("heading", name="14 images").wait_for(timeout=WAIT * 1000)
    for turn in range(turns):
        asked = [list(questions)[(place + turn) % len(questions)] for place in range(sessions)]
        for page, words in zip(pages, asked, strict=True):
            page.goto(f"{url}/?q={words}", wait_until="commit")
        for page, words in zip(pages, asked, strict=True):
            heading = page.get_by_role("heading", name=questions[words])
            heading.wait_for(timeout=WAIT * 1000)
            field = page.get_by_label("Name or text").first
            expect(field).to_have_value(words, timeout=WAIT * 1000)
    context.close()


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
