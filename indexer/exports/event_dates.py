"""Dates of events: which text is one, as Darwin Core's eventDate demands it (ISO 8601)."""

import re
from datetime import datetime

_CAMERA = re.compile(r"(\d{4})([:/])(\d\d)\2(\d\d)(?!\d)")
_SHORT = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})(?![\d-])")
_BASIC = re.compile(r"((?:1[5-9]|20)\d\d)(0[1-9]|1[0-2])(0[1-9]|[12]\d|3[01])(?=T|/|$)")
_TIME = r"\d\d(?::?\d\d(?::?\d\d(?:[.,]\d+)?)?)?(?:Z|[+-]\d\d(?::?\d\d)?)?"
_ISO = re.compile(rf"(\d{{4}})(?:-(\d\d)(?:-(\d\d)(?:[T ]({_TIME}))?)?)?")
_SHORT_ENDS = (re.compile(r"\d\d"), re.compile(r"\d\d-\d\d"))


def iso_days(text: str) -> str:
    """Return a text in which days as cameras and people write them are days in ISO 8601.

    "2021:05:01", "2021/05/01", "2021-5-1" and "20210501" are 2021-05-01.
    """
    text = _CAMERA.sub(r"\1-\3-\4", text.strip())
    text = _BASIC.sub(r"\1-\2-\3", text) if _BASIC.match(text) else text
    return _SHORT.sub(lambda day: f"{day[1]}-{day[2]:0>2}-{day[3]:0>2}", text)


def event_date(text: str) -> str:
    """Return a date, a time or an interval of these in ISO 8601, "" for any other text.

    Cameras' "2021:05:01 06:00:00" and "2021/05/01" are understood; "2021-13" and "spring" are not.
    An interval's end may leave out the year, or year and month, of its beginning: "2021-05-01/03".
    """
    text = iso_days(text)
    since, slash, until = text.partition("/")
    since, until = since.strip(), until.strip()
    if not slash:
        return _moment(since)
    if any(end.fullmatch(until) for end in _SHORT_ENDS) and len(since) == 10:
        full = since[: 10 - len(until)] + until
        return f"{since}/{until}" if _moment(since) and since <= _moment(full) else ""
    began, ended = _moment(since), _moment(until)
    ordered = bool(began and ended) and began[:10] <= ended[: len(began[:10])].ljust(10, "~")
    return f"{began}/{ended}" if ordered else ""


def _moment(text: str) -> str:
    """Return a date or time with a T between them, "" where it is not on the calendar."""
    found = _ISO.fullmatch(text)
    if not found:
        return ""
    year, month, day, time = found.groups()
    try:
        datetime.fromisoformat(f"{year}-{month or '01'}-{day or '01'}T{time or '00'}")
    except ValueError:
        return ""
    return text.replace(" ", "T", 1)
