"""Time and place: how many images are of each year, of each day of the year, and of each place."""

from dataclasses import dataclass
from typing import Any

import duckdb
import numpy as np
import numpy.typing as npt

from indexer.backends.selection import Selection
from indexer.catalog.sensitive_places import shown_columns
from indexer.catalog.snapshot import Snapshot
from model.errors import Error
from search.browse.chosen import cursor_over
from search.query.dates_and_places import coordinates, dates

MOST_PLACES = 10_000  # on one map; of more, those of a cell of a grid are one
_GRIDS = (0.01, 0.1, 1.0)  # degrees


@dataclass(frozen=True, slots=True)
class Times:
    """When images were taken."""

    years: tuple[tuple[int, int], ...] = ()
    """each year with its images, ascending"""
    days: tuple[tuple[int, int], ...] = ()
    """each day of the year, 1 to 366, with its images, ascending"""
    undated: int = 0
    """images without a date"""


@dataclass(frozen=True, slots=True, eq=False)
class Places:
    """Where images were taken."""

    latitudes: npt.NDArray[np.float64]
    longitudes: npt.NDArray[np.float64]
    """(n,) degrees"""
    images: npt.NDArray[np.int64]
    """(n,) of each place"""
    unplaced: int
    """images without a place"""
    generalised: bool
    """whether places of threatened species are shown to a tenth of a degree"""


def times(snapshot: Snapshot, among: Selection) -> Times:
    """Return when the images of a selection were taken."""
    cursor, condition = cursor_over(snapshot, among)
    try:
        date = dates(snapshot)
    except Error:  # no column of dates
        return Times(undated=len(among))
    years = cursor.execute(_YEARS.format(date=date, condition=condition)).fetchall()
    days = cursor.execute(_DAYS.format(date=date, condition=condition)).fetchall()
    dated = sum(images for _, images in years)
    return Times(tuple(years), tuple(days), len(among) - dated)


def places(snapshot: Snapshot, among: Selection) -> Places:
    """Return where the images of a selection were taken, as far as the snapshot may show it."""
    cursor, condition = cursor_over(snapshot, among)
    try:
        latitude, longitude = coordinates(snapshot)
    except Error:  # no columns of coordinates
        nowhere = np.empty(0)
        return Places(nowhere, nowhere, np.empty(0, np.int64), len(among), False)
    found = _placed(cursor, _PLACES.format(latitude, longitude, condition))
    for grid in _GRIDS:
        if len(found["images"]) <= MOST_PLACES:
            break
        latitude, longitude = (f"round({each} / {grid}) * {grid}" for each in (latitude, longitude))
        found = _placed(cursor, _PLACES.format(latitude, longitude, condition))
    images = found["images"].astype(np.int64)
    return Places(
        found["latitude"],
        found["longitude"],
        images,
        len(among) - int(images.sum()),
        bool(shown_columns(snapshot)),
    )


def _placed(cursor: duckdb.DuckDBPyConnection, sql: str) -> dict[str, npt.NDArray[Any]]:
    found = cursor.execute(sql).fetchnumpy()
    return {name: np.asarray(values) for name, values in found.items()}


_YEARS = """
SELECT CAST(left(date, 4) AS INTEGER) AS year, count(*)
FROM (SELECT {date} AS date FROM metadata WHERE {condition}) WHERE date IS NOT NULL
GROUP BY year ORDER BY year
"""
_DAYS = """
SELECT dayofyear(CAST(left(date, 10) AS DATE)) AS day, count(*)
FROM (SELECT {date} AS date FROM metadata WHERE {condition}) WHERE length(date) >= 10
GROUP BY day ORDER BY day
"""
_PLACES = """
SELECT * FROM (
    SELECT {} AS latitude, {} AS longitude, count(*) AS images FROM metadata WHERE {}
    GROUP BY latitude, longitude
) WHERE abs(latitude) <= 90 AND abs(longitude) <= 180 ORDER BY images, latitude, longitude
"""
