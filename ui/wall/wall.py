"""The wall's face in Python: tiles go in; the selection, acts and pictures come out."""

import base64
import binascii
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from threading import Lock
from typing import Any

import streamlit as st

from search.hits import SIMILAR, Hit

PERSON, MACHINE, NONE = "person", "machine", "none"
_HERE = Path(__file__).parent
_SIDE = 150  # pixels of a tile at least


@dataclass(frozen=True, slots=True)
class Tile:
    """One picture of a wall; every text is shown as it is."""

    id: str
    """of the image, whose thumbnail is at /thumb/{id}"""
    name: str
    who: str
    """who gave the name: PERSON (solid frame), MACHINE (dashed) or NONE"""
    italic: bool
    lines: tuple[str, ...]
    alt: str
    title: str
    section: str = ""
    """the heading above it, shown once where it begins"""


@dataclass(slots=True)
class _Ledger:
    """Of one wall in one session: the number of the last act that was done."""

    done: int = 0
    lock: Lock = field(default_factory=Lock)


@dataclass(frozen=True, slots=True)
class Act:
    """A key that was pressed, and the pictures that it is about.

    The browser keeps an act, and sends it again, until it is settled: the next key ends this run
    wherever it calls Streamlit, and starts another.
    """

    key: str
    ids: tuple[str, ...]
    number: int
    ledger: _Ledger

    def settle(self, do: Callable[["Act"], None]) -> None:
        """Do it once, whichever run comes first; `do` must not call Streamlit."""
        with self.ledger.lock:
            if self.number > self.ledger.done:
                try:
                    do(self)
                finally:
                    self.ledger.done = self.number


@dataclass(frozen=True, slots=True)
class Picture:
    """A picture that was dropped on the wall or pasted."""

    name: str
    content: bytes


@dataclass(frozen=True, slots=True)
class WallState:
    """What a person did at a wall since the last run."""

    selected: tuple[str, ...] | None
    """ids in the order of selection; None where nobody has selected anything yet"""
    opened: str
    """the id of the picture to open; "" for none"""
    acts: tuple[Act, ...]
    """in their order, those that are not settled"""
    picture: Picture | None


def wall(
    tiles: Sequence[Tile],
    *,
    key: str,
    stamp: str = "",
    selected: Sequence[str] = (),
    keys: str = "",
    leave: str = "",
    done: int = 0,
    pictures: bool = False,
    side: int = _SIDE,
) -> WallState:
    """Show pictures that can be selected by mouse, finger and keyboard.

    Where `stamp` is another than before, `selected` becomes the selection. `keys` are those that
    make an act; after one of `leave` its pictures fade at once, until tiles come that know of it:
    `done` is the number of `acts_done` before the tiles were chosen. `pictures` may be dropped or
    pasted where it is set.
    """
    ledger = _ledger(key)
    data = {
        "tiles": [asdict(tile) for tile in tiles],
        "stamp": stamp,
        "selected": list(selected),
        "keys": list(keys),
        "leave": list(leave),
        "pictures": pictures,
        "side": side,
        "done": done,
        "run": time.time_ns(),  # so that the browser hears of each run
    }
    answer = _component()(
        key=key,
        data=data,
        on_selected_change=_nothing,
        on_open_change=_nothing,
        on_acts_change=_nothing,
        on_picture_change=_nothing,
    )
    ids = {tile.id for tile in tiles}
    chosen = answer.get("selected")
    return WallState(
        None if chosen is None else tuple(each for each in chosen if each in ids),
        str(answer.get("open") or ""),
        tuple(
            Act(each["key"], tuple(each["ids"]), each["number"], ledger)
            for each in answer.get("acts") or ()
            if each["number"] > ledger.done
        ),
        _picture(answer.get("picture")),
    )


def acts_done(key: str) -> int:
    """Return the number of the last act that was done at a wall; 0 for none."""
    return _ledger(key).done


def tile_of(hit: Hit, lines: Sequence[str] = (), section: str = "") -> Tile:
    """Return an image as a tile: its name, who gave it, and a lineage to be read aloud."""
    lineage = " › ".join(name for name in hit.taxon.lineage if name) if hit.taxon else ""
    common = hit.taxon.common_name if hit.taxon else ""
    by_machine = bool(hit.identification) and hit.title.startswith(f"{hit.identification} (machine")
    who = MACHINE if by_machine else PERSON if hit.title != "unlabelled" else NONE
    italic = who == PERSON and bool(hit.taxon and str(hit.taxon.rank) in ("genus", "species"))
    shown = tuple(line for line in (common, *lines) if line)
    said = ", ".join(part for part in (hit.title, common, lineage) if part)
    return Tile(hit.image_id, hit.title, who, italic, shown, said, hit.file_name, section)


def match_lines(hit: Hit) -> tuple[str, ...]:
    """Return a hit's score, and how it matched."""
    how = "looks alike" if hit.match == SIMILAR else hit.match
    return (f"score {hit.score:.3f} · {how}", hit.file_name)


def _ledger(key: str) -> _Ledger:
    ledger: _Ledger = st.session_state.setdefault(f"{key}-ledger", _Ledger())
    return ledger


def _nothing() -> None:
    """Make a state or trigger known; the run that follows reads it."""


def _picture(sent: Any) -> Picture | None:
    try:
        return Picture(str(sent["name"]), base64.b64decode(sent["data"])) if sent else None
    except (KeyError, TypeError, binascii.Error):
        return None


@cache
def _component() -> Callable[..., Any]:
    texts = [(_HERE / f"wall.{kind}").read_text(encoding="utf-8") for kind in ("html", "css", "js")]
    return st.components.v2.component("taxalens.wall", html=texts[0], css=texts[1], js=texts[2])
