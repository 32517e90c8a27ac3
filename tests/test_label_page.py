"""The label page: reviewed by keys alone in a browser; every act is on disk, and taken back."""

import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from browser import (
    WAIT,
    eventually,
    served,
    tiles,
    wait_until_still,
    watched_page,
)
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from streamlit.testing.v1 import AppTest

import taxalens
from indexer.store.journal_file import JOURNAL

pytestmark = pytest.mark.usefixtures("close_catalogs")
UNLABELLED = 104


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Many pictures that a machine labelled by a few that a file does."""
    root = tmp_path_factory.mktemp("review")
    random = np.random.default_rng(0)
    lines = ["file_name,species"]
    for number in range(UNLABELLED + 12):
        tone = (230, 60) if number % 2 else (60, 230)
        pixels = random.integers(0, 60, (24, 24, 3)) + np.array([*tone, 20])
        (root / "photos").mkdir(exist_ok=True)
        picture = Image.fromarray(np.clip(pixels, 0, 255).astype(np.uint8))
        picture.resize((96, 96)).save(root / "photos" / f"{number:03}.png")
        if number < 12:
            lines.append(f"{number:03}.png,{'Pica pica' if number % 2 else 'Pica hudsonia'}")
    (root / "labels.csv").write_text("\n".join(lines))
    here = root / "review.collection"
    taxalens.index(root / "photos", here, encoder="starter", labels=root / "labels.csv")
    with taxalens.open(here) as opened:
        assert opened.label().save() == UNLABELLED
    return here


def labels(collection: Path) -> dict[str, tuple[str, str]]:
    """Return the label and the person of each picture."""
    with taxalens.open(collection) as opened:
        sql = "SELECT file_name, label, labelled_by FROM searchable"
        return {name: (label, by) for name, label, by in opened.snapshot.query(sql)}


def _script(folder: "Path") -> None:  # Streamlit runs its text alone, without our imports
    from ui.server.current import current_collection
    from ui.views.label import page

    page(current_collection(folder).get())


def test_nobody_labels_without_a_name(collection: Path) -> None:
    page = AppTest.from_function(_script, args=(collection,), default_timeout=WAIT).run()
    assert not page.exception
    assert page.info[0].value.startswith("Write your name")
    assert not page.get("bidi_component")
    page.text_input(key="person").set_value("Maria").run()
    assert not page.exception
    assert page.get("bidi_component") or page.success


def test_an_error_stays_until_the_next_act(collection: Path) -> None:
    page = AppTest.from_function(_script, args=(collection,), default_timeout=WAIT).run()
    page.text_input(key="person").set_value("Maria").run()
    page.session_state["label-review"].error = "Another command writes"
    for _ in range(2):  # as where the next event cuts a run short
        page.run()
        assert [each.value for each in page.error] == ["Another command writes"]
    next(each for each in page.button if each.label == "Finish").click().run()
    assert not page.error


@pytest.fixture
def page(browser: Browser, collection: Path, tmp_path: Path) -> Iterator[Page]:
    with (
        served(collection, tmp_path / "app.txt") as url,
        watched_page(browser, url) as opened,
    ):
        opened.goto(f"{url}/label")
        opened.get_by_label("Your name").fill("Maria")
        opened.get_by_label("Your name").press("Enter")
        opened.get_by_text("machine unsure").click()
        opened.get_by_text("a machine says").first.wait_for()
        wait_until_still(opened)
        tiles(opened).first.focus()
        yield opened


def finish(page: Page, collection: Path) -> None:
    wait_until_still(page)  # else a button may move from under the mouse
    page.get_by_role("button", name="Finish").click()
    eventually(lambda: (collection / JOURNAL).exists(), False)
    wait_until_still(page)


def test_a_hundred_images_by_keys_alone_and_all_of_it_undone(page: Page, collection: Path) -> None:
    start = labels(collection)
    for number in range(100):
        page.keyboard.press("v")
        done = page.get_by_text(re.compile(rf"· {number + 1} images? done"))
        expect(done).to_be_visible(timeout=WAIT * 1000)
    expect(page.get_by_text("4 to review")).to_be_visible()
    finish(page, collection)
    given = labels(collection)
    assert sum(by == "Maria" for _, by in given.values()) == 100
    assert all(label.startswith("Pica") for label, by in given.values() if by)
    tiles(page).first.focus()
    for number in range(100):
        page.keyboard.press("z")
        left = page.get_by_text(re.compile(rf"· {99 - number} images? done"))
        expect(left).to_be_visible(timeout=WAIT * 1000)
    expect(page.get_by_text(f"{UNLABELLED} to review")).to_be_visible(timeout=WAIT * 1000)
    finish(page, collection)
    assert labels(collection) == start


def test_a_cohort_is_set_to_what_it_looks_like(page: Page, collection: Path) -> None:
    heading = page.locator(".section").first.text_content() or ""
    count = page.locator(".tile").count()
    page.keyboard.press("a")
    chosen = page.locator(".tile[aria-selected=true]").count()
    assert 0 < chosen <= count
    page.keyboard.press("m")
    expect(page.get_by_text(f"{chosen} images done")).to_be_visible(timeout=WAIT * 1000)
    finish(page, collection)
    given = [label for label, by in labels(collection).values() if by]
    assert given == [heading.removeprefix("a machine says ")] * chosen
    page.get_by_role("button", name="Undo").click()
    expect(page.get_by_text("· 0 images done")).to_be_visible(timeout=WAIT * 1000)
    finish(page, collection)
    assert not any(by for _, by in labels(collection).values())


def test_own_labels_and_typed_ones_are_given(page: Page, collection: Path) -> None:
    page.get_by_role("button", name="Own labels").click()
    page.get_by_label("One a line").fill("magpie sp. 1\nblurred")
    page.get_by_label("One a line").press("Control+Enter")
    wait_until_still(page)
    page.keyboard.press("Escape")
    tiles(page).first.focus()
    page.keyboard.press("2")
    expect(page.get_by_text("1 image done")).to_be_visible(timeout=WAIT * 1000)
    wait_until_still(page)
    tiles(page).first.focus()
    page.keyboard.press("l")
    field = page.get_by_label("Label of 1 image")
    field.fill("Pica pica")
    field.press("Enter")
    page.get_by_role("button", name="Give it").click()
    expect(page.get_by_text("2 images done")).to_be_visible(timeout=WAIT * 1000)
    page.get_by_role("link", name="Find").click()  # which commits what was given
    page.get_by_text("newest first").wait_for()
    eventually(
        lambda: {label for label, by in labels(collection).values() if by},
        {"blurred", "Pica pica"},
    )
