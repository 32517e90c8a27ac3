"""Dates and places: conditions on the Darwin Core terms eventDate and decimal coordinates."""

import logging
import re

from indexer.catalog.snapshot import Snapshot
from indexer.exports.event_dates import event_date, iso_days
from model.errors import Error
from search.query.conditions import Condition

DATE, LATITUDE, LONGITUDE = "eventDate", "decimalLatitude", "decimalLongitude"
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
Place = tuple[float, float, float]
"""latitude and longitude in degrees, radius in km"""
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
    column = _column(snapshot, DATE)
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
    """Return the condition on coordinates: (52.5, 13.4, 20) or "52.5,13.4,20" is 20 km around.

    Latitude and longitude in degrees; distances are those of a great circle (haversine). Raises
    Error for anything that is no place, or where no image has one.
    """
    try:
        latitude, longitude, km = map(float, place.split(",") if isinstance(place, str) else place)
    except (TypeError, ValueError):
        raise Error(
            f"{place!r} is not a place; write latitude,longitude,km: 52.5,13.4,20."
        ) from None
    if not (abs(latitude) <= 90 and abs(longitude) <= 180 and km >= 0):
        raise Error(f"{place!r} is not on Earth: latitude to 90, longitude to 180, km from 0.")
    lat, lon = (
        f"radians(TRY_CAST({_column(snapshot, each)} AS DOUBLE))" for each in (LATITUDE, LONGITUDE)
    )
    half = (
        f"pow(sin(({lat} - radians({latitude})) / 2), 2) + cos({lat}) * cos(radians({latitude})) "
        f"* pow(sin(({lon} - radians({longitude})) / 2), 2)"
    )
    known = f"{lat} + {lon} IS NOT NULL"  # least() passes over what is not known
    return _of_metadata(f"{known} AND 2 * {_EARTH} * asin(sqrt(least(1, {half}))) <= {km}")


def _column(snapshot: Snapshot, term: str) -> str:
    known = [name for name, *_ in snapshot.query("DESCRIBE metadata")]
    for name in known:
        if name.lower() == term.lower():
            return f'"{name}"'
    raise Error(f"No image here has the Darwin Core term {term}, at which this filter looks.")


def _of_metadata(condition: str) -> Condition:
    return Condition(f'"row" IN (SELECT "row" FROM metadata WHERE {condition})')
