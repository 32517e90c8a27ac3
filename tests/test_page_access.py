"""Every page as axe-core checks it, in light and in dark, and worked without a mouse."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from axe_playwright_python.base import AXE_SCRIPT
from browser import ask, eventually, served, tiles, wait_for_hits, wait_until_still, watched_page
from playwright.sync_api import Browser, Page
from two_species import TAXA, draw, lineage, write_labels

import taxalens
from model.plugins import plugin_names

# What Streamlit itself draws: no code of ours can mend it. Rule, and part of the target's HTML.
STREAMLITS: tuple[tuple[str, str], ...] = ()


@pytest.fixture(scope="module")
def collection(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve pictures of two species; four have no label but a machine's."""
    root = tmp_path_factory.mktemp("access")
    lines = []
    for colour in TAXA:
        for number in range(6):
            name = f"{colour}{number}.png"
            draw(root / "photos" / name, colour, number)
            said = lineage(colour) if number < 4 else ("",) * 7
            lines.append((name, *said, "AB"[number % 2], 50 + number, 10 + number))
    header = ("site", "decimalLatitude", "decimalLongitude")
    write_labels(root / "labels.csv", header, lines)
    here = root / "a.collection"
    taxalens.index(root / "photos", here, encoder="starter", labels=root / "labels.csv")
    with taxalens.open(here) as opened:
        opened.label().save()
    return here


def faults(page: Page) -> list[str]:
    """Return what axe-core finds serious or critical, and Streamlit does not draw."""
    page.evaluate(AXE_SCRIPT)
    found: list[dict[str, Any]] = page.evaluate(
        "axe.run(document, {resultTypes: ['violations']}).then(said => said.violations)"
    )
    assert page.evaluate("axe.version")
    return [
        f"{each['id']} ({each['impact']}): {node['html'][:400]} {node['failureSummary']}"
        for each in found
        if each["impact"] in ("serious", "critical")
        for node in each["nodes"]
        if not any(each["id"] == rule and part in node["html"] for rule, part in STREAMLITS)
    ]


def opened(page: Page) -> None:
    wait_until_still(page)


def a_query(page: Page) -> None:
    ask(page, "Felidae")
    wait_for_hits(page, "Felidae (family)")
    tiles(page).nth(0).click()
    wait_until_still(page)


def an_image(page: Page) -> None:
    ask(page, "Felidae")
    wait_for_hits(page, "Felidae (family)")
    tiles(page).nth(0).focus()
    page.keyboard.press("Enter")
    page.get_by_role("dialog", name="Image").get_by_text("species:").wait_for()
    wait_until_still(page)
    page.get_by_role("dialog", name="Image").locator(".tile").first.wait_for()


def a_zoom(page: Page) -> None:
    wait_for_hits(page, "12 images")
    tiles(page).nth(0).focus()
    page.keyboard.press("Space")
    page.locator(".zoom").wait_for()


def an_answer(page: Page, folder: Path) -> None:
    draw(folder / "one.png", "gold", 9)
    page.locator("input[type=file]").set_input_files(folder / "one.png")
    page.get_by_role("heading", name="1 photograph").wait_for()
    wait_until_still(page)


def a_review(page: Page) -> None:
    page.get_by_label("Your name").fill("Maria")
    page.get_by_label("Your name").press("Enter")
    page.get_by_text("machine unsure").click()
    page.get_by_text("a machine says").first.wait_for()
    tiles(page).first.focus()
    page.keyboard.press("?")
    page.get_by_text("blank: not an organism").wait_for()
    wait_until_still(page)


STATES: dict[str, tuple[str, Callable[[Page], None]]] = {
    **{name: (name, opened) for name in plugin_names("ui.views") if name != "find"},
    "find": ("", opened),  # the first page has no path
    "a query": ("", a_query),
    "an image": ("", an_image),
    "a zoom": ("", a_zoom),
    "a review": ("label", a_review),
}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("state", STATES)
def test_axe_finds_nothing_serious(page: Page, url: str, state: str, scheme: Any) -> None:
    page.emulate_media(color_scheme=scheme)
    path, reach = STATES[state]
    page.goto(f"{url}/{path}")
    page.get_by_text("in a.collection").wait_for()
    reach(page)
    # Streamlit draws its light theme for a moment before the dark one.
    eventually(lambda: faults(page), [])


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_serious_in_an_answer(
    page: Page, url: str, tmp_path: Path, scheme: Any
) -> None:
    page.emulate_media(color_scheme=scheme)
    page.goto(f"{url}/identify")
    an_answer(page, tmp_path)
    eventually(lambda: faults(page), [])


def test_axe_finds_nothing_serious_without_a_collection(browser: Browser, tmp_path: Path) -> None:
    with (
        served(tmp_path / "new.collection", tmp_path / "app.txt") as here,
        watched_page(browser, here) as page,
    ):
        page.goto(here)
        page.get_by_label("Folder, archive or table of pictures").wait_for()
        opened(page)
        eventually(lambda: faults(page), [])


# --- without a mouse -----------------------------------------------------------------------------

_FOCUS = """() => {
    let found = document.activeElement
    while (found?.shadowRoot?.activeElement) found = found.shadowRoot.activeElement
    return `${found?.getAttribute("aria-label") ?? ""}|${found?.textContent ?? ""}`
}"""


def tab_to(page: Page, words: str, most: int = 80) -> None:
    """Press Tab until what has the focus is called so, or begins so."""
    passed = []
    for _ in range(most):
        page.keyboard.press("Tab")
        passed.append(page.evaluate(_FOCUS))
        if any(part.strip().startswith(words) for part in passed[-1].split("|")):
            return
    pytest.fail(f"Tab did not come to {words!r}, but to {passed}")


def test_find_label_and_identify_without_a_mouse(
    page: Page, url: str, collection: Path, tmp_path: Path
) -> None:
    page.goto(url)
    wait_for_hits(page, "12 images")
    tab_to(page, "Name or text")
    page.keyboard.type("Felidae")
    page.keyboard.press("Enter")
    wait_for_hits(page, "Felidae (family)")
    tab_to(page, "Panthera leo")  # a tile
    page.keyboard.press("ArrowRight")
    page.keyboard.press("x")
    page.get_by_text("1 selected").first.wait_for()
    wait_until_still(page)
    chosen = page.locator(".tile[aria-selected=true]").get_attribute("data-id")
    tab_to(page, "Label")
    page.keyboard.press("Enter")
    tab_to(page, "Your name")
    page.keyboard.type("Maria")
    page.keyboard.press("Enter")
    wait_until_still(page)
    tab_to(page, "Label")
    page.keyboard.type("my own words")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Label 1 image", disabled=False).wait_for()
    wait_until_still(page)
    tab_to(page, "Label 1 image")
    page.keyboard.press("Enter")
    page.get_by_text("1 image labelled my own words by Maria").wait_for()
    wait_until_still(page)
    with taxalens.open(collection) as opened_anew:
        assert chosen
        assert opened_anew[chosen].label == "my own words"
    tab_to(page, "Identify")
    page.keyboard.press("Enter")
    page.get_by_text("Drop photographs here").wait_for()
    wait_until_still(page)
    draw(tmp_path / "one.png", "gold", 9)
    tab_to(page, "upload")
    # Enter opens the browser's own dialog, which no test sees.
    page.locator("input[type=file]").set_input_files(tmp_path / "one.png")
    page.get_by_role("heading", name="1 photograph").wait_for()
    wait_until_still(page)
    tab_to(page, "Or correct it")
    page.keyboard.type("Pica hudsonia")
    page.keyboard.press("Enter")
    page.get_by_role("button", name="Take this").wait_for()
    wait_until_still(page)
    tab_to(page, "Take this")
    page.keyboard.press("Enter")
    page.get_by_test_id("stAlert").get_by_text("Pica hudsonia").wait_for()
