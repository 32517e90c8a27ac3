"""Charts as ECharts describes them: points with a lasso, a map with a rectangle, bars."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from search.browse.colours import NOTHING, OTHERS, Groups
from search.browse.space import Points
from search.browse.time_and_place import Places
from ui.widgets.coastlines import coastlines
from ui.widgets.text import count

Chart = dict[str, Any]
Line = Sequence[tuple[float, float]]
Numbers = npt.NDArray[np.floating[Any]]

# Told apart on black and on white, and by most of those who see few colours.
PALETTE = (
    *("#3b7dd8", "#e8743b", "#2f9e62", "#c94f9b", "#d6a916", "#27a6b8"),
    *("#d64545", "#8a6fe0", "#94702f", "#86b33a"),
)
_RAMP = ("#6a78d1", "#3f97c4", "#3fae8f", "#86bf5a", "#d9b93c", "#e8743b")  # low to high
_GREY = {OTHERS: "#8a8f98", NOTHING: "#b9bec6"}
_MARK = "#e53935"  # what was circled
_LARGE = 1000  # points that are drawn as one path
_LEAST = 4.0  # degrees of a map


def colour_of(groups: Groups, place: int) -> str:
    """Return the colour of a group."""
    colours = _RAMP if groups.ordered else PALETTE
    return _GREY.get(groups.names[place]) or colours[place % len(colours)]


def scatter(points: Points, groups: Groups, lasso: Line) -> Chart:
    """Return points in the colours of their groups, each with its picture, and a lasso."""
    ids, names = np.array(points.image_ids, object), np.array(points.names, object)
    chart = _plane(lasso)
    # ECharts would look at every point at each step of a lasso; Python does it once, at the end.
    size = 7 if len(points.rows) < _LARGE else 5
    for place in reversed(range(len(groups.names))):  # what is rare or unknown lies below
        chosen = groups.of == place
        x, y = points.positions[chosen].T
        table = pa.table({"x": x, "y": y, "id": ids[chosen], "name": names[chosen]})
        _add(chart, groups.names[place], table, colour_of(groups, place), size)
    chart["xAxis"] |= {"show": False, "min": -1.05, "max": 1.05}
    chart["yAxis"] |= {"show": False, "min": -1.05, "max": 1.05}
    chart["grid"] = {"left": 4, "right": 4, "top": 30, "bottom": 34}
    data = [name for name in groups.names if (groups.of == groups.names.index(name)).any()]
    chart["legend"] = {"type": "scroll", "bottom": 0, "data": data}
    chart["tooltip"] = _tooltip(
        '<img src="/thumb/{@id}?size=160" alt="" style="display:block;max-width:160px;'
        'max-height:160px;margin:auto">{@name}'
    )
    return chart


def place_map(places: Places, rectangle: Line) -> Chart:
    """Return places over coastlines, larger where more images are, and a rectangle."""
    chart = _plane(rectangle)
    chart["brush"]["toolbox"] = ["rect", "clear"]
    outline = coastlines()
    land = pa.table({"longitude": outline[:, 0], "latitude": outline[:, 1]})
    chart["dataset"].append({"source": land})
    chart["series"].append(
        {
            "type": "line",
            "name": "",
            "datasetIndex": 0,
            "encode": {"x": "longitude", "y": "latitude"},
            "showSymbol": False,
            "silent": True,
            "tooltip": {"show": False},
            "lineStyle": {"color": "#8a8f98", "width": 0.6},
        }
    )
    spots = zip(places.latitudes, places.longitudes, places.images, strict=True)
    table = {
        "x": places.longitudes,
        "y": places.latitudes,
        "images": places.images,
        "name": [f"{lat:g}, {lon:g}: {count(int(n), 'image')}" for lat, lon, n in spots],
    }
    _add(chart, "images", pa.table(table), PALETTE[1], 7)
    if 0 < len(places.images) < _LARGE:
        chart["visualMap"] = {
            "show": False,
            "type": "continuous",
            "seriesIndex": len(chart["series"]) - 1,
            "dimension": "images",
            "min": 1,
            "max": max(2, int(places.images.max())),
            "inRange": {"symbolSize": [6, 18], "color": [PALETTE[1]], "opacity": [0.8]},
        }
    corners = np.array(rectangle, float).reshape(-1, 2)
    for axis, values, drawn, end in (
        ("xAxis", places.longitudes, corners[:, 0], 180.0),
        ("yAxis", places.latitudes, corners[:, 1], 90.0),
    ):
        low, high = _reach(np.concatenate((values, drawn)), end)
        ends = {"showMinLabel": False, "showMaxLabel": False}
        chart[axis] |= {
            "min": low,
            "max": high,
            "axisLabel": {"formatter": "{value}°", "hideOverlap": True} | ends,
            "axisLine": {"onZero": False},
            "splitLine": {"show": False},
        }
    chart["grid"] = {"left": 4, "right": 14, "top": 30, "bottom": 4, "containLabel": True}
    chart["tooltip"] = _tooltip("{@name}")
    return chart


def bars(values: Sequence[tuple[str, int]], name: str) -> Chart:
    """Return how many images there are of each of some values, one of which can be chosen."""
    return {
        "animation": False,
        "grid": {"left": 4, "right": 8, "top": 28, "bottom": 4, "containLabel": True},
        "title": {"text": name, "textStyle": {"fontSize": 13}, "left": 0, "top": 0},
        "xAxis": {"type": "category", "data": [value for value, _ in values]},
        "yAxis": {"type": "value", "minInterval": 1, "splitNumber": 2},
        "tooltip": {"trigger": "axis"},
        "series": [
            {
                "type": "bar",
                "name": "images",
                "data": [images for _, images in values],
                "itemStyle": {"color": PALETTE[0]},
                "selectedMode": "single",
            }
        ],
    }


def _plane(line: Line) -> Chart:
    """Return a plane that one can draw on, with what was drawn."""
    closed = [list(corner) for corner in [*line, *line[:1]]]
    return {
        "animation": False,
        "dataset": [],
        "series": [
            {
                "type": "line",
                "name": "",
                "data": closed,
                "showSymbol": False,
                "silent": True,
                "tooltip": {"show": False},
                "z": 10,
                "lineStyle": {"color": _MARK, "width": 1.5},
                "areaStyle": {"opacity": 0},
            }
        ],
        "xAxis": {"type": "value", "scale": True},
        "yAxis": {"type": "value", "scale": True},
        "dataZoom": [
            {"type": "inside", "xAxisIndex": 0, "filterMode": "none"},
            {"type": "inside", "yAxisIndex": 0, "filterMode": "none"},
        ],
        "toolbox": {"right": 0, "top": 0, "itemSize": 18},
        "brush": {
            "toolbox": ["polygon", "rect", "clear"],
            "xAxisIndex": 0,
            "yAxisIndex": 0,
            "seriesIndex": 0,  # the line: no point has to be looked at
            "transformable": False,
            "throttleType": "debounce",
            "throttleDelay": 200,
            "outOfBrush": {},
            "brushStyle": {"color": "rgba(229, 57, 53, 0.12)", "borderColor": _MARK},
        },
    }


def _add(chart: Chart, name: str, table: pa.Table, colour: str, size: int) -> None:
    chart["dataset"].append({"source": table})
    chart["series"].append(
        {
            "type": "scatter",
            "name": name,
            "datasetIndex": len(chart["dataset"]) - 1,
            "encode": {"x": "x", "y": "y"},
            "symbolSize": size,
            "large": len(table) >= _LARGE,
            "largeThreshold": _LARGE,
            "itemStyle": {"color": colour, "opacity": 0.8},
        }
    )


def _tooltip(template: str) -> Chart:
    return {"trigger": "item", "formatter": template, "confine": True, "enterable": False}


def _reach(values: Numbers, end: float) -> tuple[float, float]:
    """Return the part of an axis that shows the values and something around them."""
    if not len(values):
        return -end, end
    low, high = float(values.min()), float(values.max())
    around = max((high - low) * 0.15, (_LEAST - (high - low)) / 2, 0.5)
    return max(-end, np.floor(low - around)), min(end, np.ceil(high + around))
