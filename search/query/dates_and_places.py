"""Dates and places: conditions on the Darwin Core terms eventDate and decimal coordinates."""

import logging
import re

from indexer.catalog.sensitive_places import shown_columns
from indexer.catalog.snapshot import Snapshot
from indexer.catalog.typed_metadata import sql_identifier
from indexer.exports.event_dates import event_date, iso_days
from model.errors import Error
from search.query.conditions import Condition

DATE = "eventDate"
LATITUDES = ("decimalLatitude", "latitude")  # Darwin Core's, and Camtrap DP's
LONGITUDES = ("decimalLongitude", "longitude")
_LOG = logging.getLogger("taxalens")
# Of a column, in SQL: the beginning of its date in ISO 8601, and whether that is on the calendar.
_BEGAN = (
    r"split_part(regexp_replace(trim(CAST({0} AS VARCHAR)), "
    r"'^(\d{{4}})[:/](\d\d)[:/](\d\d)($|[^\d])', '\1-\2-\3\4'), '/', 1)"
)
_TIME = (  # as `event_date` understands it
    r"([01]\d|2[0-3])(:?[0-5]\d(:?[0-5]\d([.,]\d+)?)?)?(Z|[+-]([01]\d|2[0-3])(:?[0-5]\d)?)?"
)
_READABLE = (
    f"coalesce(regexp_full_match({_BEGAN}, '\\d{{{{4}}}}(-\\d\\d(-\\d\\d([T ]{_TIME})?)?)?') AND "
    f"TRY_CAST(left({_BEGAN} || '-01-01', 10) AS DATE) IS NOT NULL, false)"
)
_DATE = re.compile(r"\d{4}(-\d\d(-\d\d)?)?")
Place = tuple[float, float, float] | tuple[float, float, float, float]
"""latitude and longitude in degrees, radius in km; or south, west, north and east in degrees"""
_EARTH = 6371.0088  # km, the mean radius


def within_dates(snapshot: Snapshot, dates: str) -> Condition:
    """Return the condition on eventDate: "2021", "2021-05", "2021-05-01/2021-06", "2021/".

    Both ends are included; an image with an interval counts by its beginning. Cameras' "2021:05:01"
    and "2021/05/01" are days, here and in eventDate. A warning counts the images whose eventDate is
    not a date. Raises Error for anything that is no date, or where no image has one.
    """
    since, slash, until = iso_days(dates).partition("/")
    if not slash:
        until = since
    ends = [each for each in (since, until) if each]
    if not ends or not all(_DATE.fullmatch(each) and event_date(each) for each in ends):
        raise Error(f"{dates!r} is not a time; write 2021, 2021-05, 2021-05-01/2021-06 or 2021/.")
    shorter = min(map(len, ends))
    if len(ends) > 1 and since[:shorter] > until[:shorter]:
        raise Error(f"{dates!r} ends before it begins; write the earlier date first.")
    column = sql_identifier(_column(snapshot, DATE))
    _warn_of_unreadable(snapshot, column)
    # ISO 8601 dates sort as words, and the longer one begins with the shorter.
    began = _BEGAN.format(column)
    parts = [f"left({began}, {len(since)}) >= '{since}'"] if since else []
    parts += [f"left({began}, {len(until)}) <= '{until}'"] if until else []
    return _of_metadata(" AND ".join((_READABLE.format(column), *parts)))


def _warn_of_unreadable(snapshot: Snapshot, column: str) -> None:
    sql = f"SELECT count(*) FROM metadata WHERE {column} IS NOT NULL AND NOT {_READABLE}"
    ((count,),) = snapshot.query(sql.format(column))
    if count:
        _LOG.warning("%s images have an %s that cannot be read as a date.", f"{count:,}", DATE)


def near(snapshot: Snapshot, place: str | Place) -> Condition:
    """Return the condition on coordinates: within a distance of a point, or in a rectangle.

    (52.5, 13.4, 20) or "52.5,13.4,20" is 20 km around a point, along great circles (haversine).
    (52, 13, 53, 14) or "52,13,53,14" is from one corner, south and west, to the other; where west
    is more than east, over 180°. Latitudes and longitudes are in degrees, and generalised where
    the snapshot does not show exact places. Raises Error for anything that is no place, or where
    no image has one.
    """
    try:
        numbers = tuple(map(float, place.split(",") if isinstance(place, str) else place))
    except (TypeError, ValueError):
        numbers = ()
    if len(numbers) == 4:
        return _of_metadata(_in_rectangle(snapshot, numbers))
    if len(numbers) != 3:
        raise Error(
            f"{place!r} is not a place; write latitude,longitude,km: 52.5,13.4,20; or two corners: "
            "52,13,53,14."
        )
    latitude, longitude, km = numbers
    if not (abs(latitude) <= 90 and abs(longitude) <= 180 and km >= 0):
        raise Error(f"{place!r} is not on Earth: latitude to 90, longitude to 180, km from 0.")
    lat, lon = (f"radians({each})" for each in coordinates(snapshot))
    half = (
        f"pow(sin(({lat} - radians({latitude})) / 2), 2) + cos({lat}) * cos(radians({latitude})) "
        f"* pow(sin(({lon} - radians({longitude})) / 2), 2)"
    )
    known = f"{lat} + {lon} IS NOT NULL"  # least() passes over what is not known
    return _of_metadata(f"{known} AND 2 * {_EARTH} * asin(sqrt(least(1, {half}))) <= {km}")


def _in_rectangle(snapshot: Snapshot, corners: tuple[float, ...]) -> str:
    south, west, north, east = corners
    if not (-90 <= south <= north <= 90 and max(abs(west), abs(east)) <= 180):
        raise Error(
            f"{corners} is not a rectangle on Earth; write its south, west, north and east: "
            "52,13,53,14."
        )
    latitude, longitude = coordinates(snapshot)
    either = "AND" if west <= east else "OR"
    return (
        f"{latitude} BETWEEN {south} AND {north} "
        f"AND ({longitude} >= {west} {either} {longitude} <= {east})"
    )


def coordinates(snapshot: Snapshot) -> tuple[str, str]:
    """Return latitude and longitude in SQL over `metadata`, null where they are not known.

    Raises Error where no image has a column of each (`LATITUDES`, `LONGITUDES`).
    """
    shown = shown_columns(snapshot)
    found = (_column(snapshot, *names) for names in (LATITUDES, LONGITUDES))
    latitude, longitude = (
        f"TRY_CAST({shown.get(name, sql_identifier(name))} AS DOUBLE)" for name in found
    )
    return latitude, longitude


def dates(snapshot: Snapshot) -> str:
    """Return in SQL over `metadata` when an image was taken: "2021", "2021-05", "2021-05-01T12".

    It is null for anything that is not a date. Raises Error where no image has the term.
    """
    column = sql_identifier(_column(snapshot, DATE))
    return f"CASE WHEN {_READABLE.format(column)} THEN {_BEGAN.format(column)} END"


def _column(snapshot: Snapshot, *terms: str) -> str:
    """Return the first of the terms that is a column, as that is spelled."""
    known = {name.lower(): name for name, *_ in snapshot.query("DESCRIBE metadata")}
    for term in terms:
        if name := known.get(term.lower()):
            return str(name)
    raise Error(f"No image here has the Darwin Core term {terms[0]}, at which this filter looks.")


def _of_metadata(condition: str) -> Condition:
    return Condition(f'"row" IN (SELECT "row" FROM metadata WHERE {condition})')
