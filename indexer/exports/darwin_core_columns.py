"""The columns of a collection's metadata as terms of Darwin Core."""

import json
import math
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from indexer.exports.event_dates import event_date
from indexer.exports.image_rows import Images
from indexer.tables.darwin_core_terms import DYNAMIC, nearest_term, term_of, terms
from model.sizes import counted

OF_MEDIUM = (
    *("license", "rightsHolder", "creator", "created", "references", "title", "description"),
    "publisher",
)
_MEDIUM_BY_CASE = {name.lower(): name for name in OF_MEDIUM}
_DATE, _VERBATIM_DATE, _COUNT = "eventDate", "verbatimEventDate", "individualCount"
_COORDINATES = {
    "decimalLatitude": ("verbatimLatitude", 90),
    "decimalLongitude": ("verbatimLongitude", 180),
}
"""where a coordinate goes that is none, and its limit in degrees"""
_METRES = (
    *("coordinateUncertaintyInMeters", "minimumElevationInMeters", "maximumElevationInMeters"),
    *("minimumDepthInMeters", "maximumDepthInMeters"),
)
_CALENDAR = {"year": (1, 9999), "month": (1, 12), "day": (1, 31)}
_SHOWN = 3  # values or columns in a note
_LISTED = 30


@dataclass(frozen=True, slots=True)
class Columns:
    """The term of each column, and counts of values that their term does not allow."""

    terms: Mapping[str, str]
    """by column; "" where it is none"""
    apart: frozenset[str] = frozenset()
    """columns that the user wants in dynamicProperties"""
    refused: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    """values that are not what their term demands, by the term and where they are written"""

    @classmethod
    def of(cls, images: Images) -> "Columns":
        """Look up the columns of images."""
        apart = frozenset(name for name, term in images.mapped.items() if term == DYNAMIC)
        return cls({key: "" if key in apart else _term(key) for key in images.metadata_keys}, apart)

    def split(self, metadata: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return metadata by term, and by column what no term holds.

        A value that its term does not allow is not written under it: an eventDate that is not
        ISO 8601 is verbatimEventDate, both coordinates are verbatim where one is not a number of
        degrees, other counts, dates and numbers are dynamicProperties. Of two columns that are one
        term the first counts. An individualCount of 1.0 is 1.
        """
        known: dict[str, str] = {}
        others: dict[str, str] = {}
        for column, value in metadata.items():
            term = self.terms.get(column, "")
            if term and value and known.setdefault(term, value) == value:
                continue
            if value:
                others[column] = value
        if written := known.get(_DATE, ""):
            self._date(written, known, others)
        if _COUNT in known and (whole := re.fullmatch(r"(\d+)(?:\.0*)?", known[_COUNT])):
            known[_COUNT] = whole[1]
        for term in [term for term, value in known.items() if not _is_allowed(term, value)]:
            others[term] = known.pop(term)
            self._refuse(term, DYNAMIC, others[term])
        self._coordinates(known)
        if (given := known.pop(DYNAMIC, "")) and not _merged(given, others):
            others[DYNAMIC] = given
        return known, others

    def _date(self, written: str, known: dict[str, str], others: dict[str, str]) -> None:
        date = event_date(written)
        if date == written:
            return
        if known.setdefault(_VERBATIM_DATE, written) != written and not date:
            others[_DATE] = written
        if date:
            known[_DATE] = date
            return
        del known[_DATE]
        self._refuse(_DATE, _VERBATIM_DATE, written)

    def _coordinates(self, known: dict[str, str]) -> None:
        """Keep coordinates that are both degrees on Earth; else write what was said as verbatim."""
        wrong = [
            term
            for term, (_, most) in _COORDINATES.items()
            if term in known and not -most <= _number(known[term]) <= most
        ]
        for term in _COORDINATES if wrong else ():
            verbatim = _COORDINATES[term][0]
            if value := known.pop(term, ""):
                known.setdefault(verbatim, value)
                if term in wrong:
                    self._refuse(term, verbatim, value)

    def _refuse(self, term: str, place: str, value: str) -> None:
        self.refused.setdefault((term, place), Counter())[value] += 1

    def notes(self) -> Iterator[str]:
        """Yield what the export's owner has to know of the columns."""
        for (term, place), values in self.refused.items():
            some = ", ".join(repr(text) for text, _ in values.most_common(_SHOWN))
            have = "has" if values.total() == 1 else "have"
            article = "an" if term[0] in "aeiou" else "a"
            yield (
                f"{counted(values.total(), 'image')} {have} {article} {term} that is not "
                f"{_demand(term)} ({some}): it is in {place}"
            )
        others = [name for name, term in self.terms.items() if not term and name not in self.apart]
        if others:
            told = ", ".join(map(_with_nearest, others[:_LISTED]))
            more = f" and {len(others) - _LISTED:,} more" if len(others) > _LISTED else ""
            yield (
                f"columns that are not Darwin Core terms are in {DYNAMIC}: {told}{more}; map "
                "COLUMN=TERM writes a column as a term"
            )
        for column, term in self.terms.items():
            if term and term in terms() and terms()[term].of == "GeologicalContext":
                yield (
                    f"the column {column} is written as {term}, a term of geology; map "
                    f"{column}={DYNAMIC} keeps it apart"
                )


def _is_allowed(term: str, value: str) -> bool:
    """Whether a value is what its term demands, of eventDate and coordinates apart."""
    match term:
        case "individualCount":
            return value.isascii() and value.isdecimal()
        case "dateIdentified":
            return bool(event_date(value))
        case "year" | "month" | "day":
            least, most = _CALENDAR[term]
            return value.isascii() and value.isdecimal() and least <= int(value) <= most
        case "coordinateUncertaintyInMeters":
            return _number(value) > 0
    return term not in _METRES or not math.isnan(_number(value))


def _number(value: str) -> float:
    """Return a finite number; NaN, which no comparison holds of, for any other text."""
    try:
        number = float(value)
    except ValueError:
        return math.nan
    return number if math.isfinite(number) and value.isascii() and "_" not in value else math.nan


def _demand(term: str) -> str:
    if term in (_DATE, "dateIdentified"):
        return "a date"
    if term in _COORDINATES:
        return f"a number of degrees up to {_COORDINATES[term][1]}"
    return "a whole number in its range" if term in (_COUNT, *_CALENDAR) else "a number of metres"


def _term(column: str) -> str:
    return term_of(column) or _MEDIUM_BY_CASE.get(column.lower(), "")


def _with_nearest(column: str) -> str:
    near = nearest_term(column)
    return f"{column} (nearest: {near})" if near else column


def _merged(given: str, others: dict[str, str]) -> bool:
    """Add properties that are an object of JSON to others; tell whether they are."""
    try:
        properties = json.loads(given)
    except (ValueError, RecursionError):
        return False
    if not isinstance(properties, dict):
        return False
    for name, value in properties.items():
        others.setdefault(str(name), value if isinstance(value, str) else json.dumps(value))
    return True
