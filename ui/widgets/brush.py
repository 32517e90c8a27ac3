"""What was drawn on a chart: a lasso or a rectangle, as the address writes it."""

from collections.abc import Callable, Mapping, Sequence
from math import isfinite
from typing import Any

import streamlit as st

from model.errors import Error
from ui.widgets.charts import Chart, Line

_MOST = 200  # corners: a longer address is none
Read = Callable[[Sequence[Mapping[str, Any]]], str]


def drawable(
    chart: Chart, name: str, said: str, read: Read, write: Callable[[str], None], **shown: Any
) -> None:
    """Show a chart that one can draw on; `said` is what the address says was drawn.

    `read` makes words of what is drawn now, which `write` keeps. A chart keeps what was drawn on
    it as long as it keeps its key, so another page of the history gets another one.
    """
    state = st.session_state
    if state.get(f"{name}-said", "") != said:
        state[f"{name}-said"] = said
        state[f"{name}-number"] = state.get(f"{name}-number", 0) + 1
    key = f"{name}-{state.get(f'{name}-number', 0)}"

    def drawn() -> None:
        words = read(state[key]["selection"]["areas"])
        if words != state.get(f"{name}-said", ""):
            state[f"{name}-said"] = words
            write(words)

    st.echarts_chart(chart, key=key, on_select=drawn, **shown)


def read_lasso(areas: Sequence[Mapping[str, Any]]) -> str:
    """Return the corners of what was drawn last, a lasso or a rectangle, "" for nothing."""
    if not areas:
        return ""
    corners = areas[-1]["coord_range"]
    if areas[-1]["brush_type"] == "rect":
        (left, right), (bottom, top) = corners
        corners = [(left, bottom), (right, bottom), (right, top), (left, top)]
    step = -(-len(corners) // _MOST)
    return ";".join(f"{x:.4g},{y:.4g}" for x, y in corners[::step])


def lasso_of(words: str) -> Line:
    """Return the corners that an address says; raises Error for anything else."""
    try:
        corners = [tuple(map(float, each.split(","))) for each in words.split(";") if each]
        line = [(x, y) for x, y in corners]
    except ValueError:
        raise Error(f"{words!r} is not a lasso; draw one round some points.") from None
    if not all(isfinite(x) and isfinite(y) for x, y in line) or len(line) > _MOST:
        raise Error(f"{words!r} is not a lasso; draw one round some points.")
    return line


def read_rectangle(areas: Sequence[Mapping[str, Any]]) -> str:
    """Return a rectangle on a map as the filter `near` takes it: south, west, north, east."""
    boxes = [area["coord_range"] for area in areas if area["brush_type"] == "rect"]
    if not boxes:
        return ""
    (west, east), (south, north) = (sorted(each) for each in boxes[-1])
    west, east = max(west, -180.0), min(east, 180.0)
    south, north = max(south, -90.0), min(north, 90.0)
    return ",".join(f"{each:.3f}".rstrip("0").rstrip(".") for each in (south, west, north, east))


def rectangle_of(near: str) -> Line:
    """Return the corners of a rectangle that the filter `near` says; of a circle nothing."""
    try:
        numbers = [float(each) for each in near.split(",")]
    except ValueError:
        return ()
    if len(numbers) != 4:
        return ()
    south, west, north, east = numbers
    return ((west, south), (east, south), (east, north), (west, north))
