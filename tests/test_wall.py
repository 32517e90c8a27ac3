"""The wall in a browser by itself, called as Streamlit calls it: no key is lost."""

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Page

import ui.wall
from ui.wall.wall import NONE, Tile

_HERE = Path(ui.wall.__path__[0])
_LOAD = """async ([html, js]) => {
  const host = document.body.appendChild(document.createElement("div"))
  window.root = host.attachShadow({ mode: "open" })
  root.innerHTML = html
  const url = URL.createObjectURL(new Blob([js], { type: "text/javascript" }))
  window.draw = (await import(url)).default
  window.sent = []
}"""
_SHOW = """data => {
  const setTriggerValue = (name, value) => sent.push([name, structuredClone(value)])
  window.earlier = window.cleanup
  window.cleanup = draw({ parentElement: root, data, setTriggerValue, setStateValue: () => {} })
}"""


@pytest.fixture
def page(browser: Browser) -> Iterator[Page]:
    opened = browser.new_page()
    opened.evaluate(_LOAD, [(_HERE / f"wall.{kind}").read_text("utf-8") for kind in ("html", "js")])
    yield opened
    opened.close()


def show(page: Page, names: Sequence[str], done: int = 0) -> None:
    """Show tiles in a list that knows of so many acts."""
    tiles = [asdict(Tile(name, name, NONE, False, (), name, name)) for name in names]
    data: dict[str, Any] = {"tiles": tiles, "stamp": "", "selected": [], "done": done, "side": 100}
    page.evaluate(_SHOW, data | {"keys": ["v", "z"], "leave": ["v"], "pictures": False})


def press(page: Page, keys: str) -> None:
    for key in keys:
        page.keyboard.press(key)


def acts(page: Page) -> list[tuple[int, str, str]]:
    """Return number, key and pictures of each act that was said last."""
    said = page.evaluate("sent.length ? sent.at(-1)[1] : []")
    return [(act["number"], act["key"], "".join(act["ids"])) for act in said]


def focused(page: Page) -> str:
    return str(page.evaluate("root.activeElement?.dataset.id ?? ''"))


def test_keys_reach_a_wall_whose_earlier_call_was_overtaken(page: Page) -> None:
    show(page, "ab")
    page.evaluate("root.querySelector('.tile').focus()")
    show(page, "ab")
    page.evaluate("earlier()")  # as Streamlit does where two lists come at once
    press(page, "v")
    assert acts(page) == [(1, "v", "a")]


def test_a_wall_that_was_taken_away_hears_no_key(page: Page) -> None:
    show(page, "ab")
    press(page, "v")
    page.evaluate("root.host.remove(); cleanup(); sent.length = 0")
    press(page, "v")
    page.wait_for_timeout(700)  # nor does it say again what it said
    assert acts(page) == []


def test_a_tile_that_was_just_drawn_takes_the_focus_of_one_that_left(page: Page) -> None:
    show(page, "ab")
    page.evaluate("root.querySelector('.tile').focus()")
    show(page, "cd")
    assert focused(page) == "c"


def test_a_picture_that_came_back_is_acted_on_again(page: Page) -> None:
    show(page, "abc")
    press(page, "vz")
    assert acts(page) == [(1, "v", "a"), (2, "z", "b")]
    show(page, "abc", done=2)
    press(page, "a" + "v")
    assert acts(page) == [(3, "v", "abc")]


def test_an_older_list_gives_no_picture_back(page: Page) -> None:
    show(page, "abc")
    press(page, "v")
    show(page, "abc", done=0)
    press(page, "vv")
    assert acts(page) == [(1, "v", "a"), (2, "v", "b"), (3, "v", "c")]
    show(page, "bc", done=1)
    press(page, "v")
    assert acts(page)[-1] == (3, "v", "c")


def test_an_act_is_said_again_until_a_list_knows_of_it(page: Page) -> None:
    show(page, "ab")
    press(page, "v")
    page.evaluate("sent.length = 0")
    page.wait_for_function("sent.length > 0")
    assert acts(page) == [(1, "v", "a")]
    show(page, "b", done=1)
    page.evaluate("sent.length = 0")
    page.wait_for_timeout(700)
    assert acts(page) == []
