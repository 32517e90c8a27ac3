"""The columns of a collection's metadata as terms of Darwin Core."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from indexer.exports.event_dates import event_date
from indexer.exports.image_rows import Images
from indexer.tables.darwin_core_terms import DYNAMIC, nearest_term, term_of, terms

OF_MEDIUM = (
    *("license", "rightsHolder", "creator", "created", "references", "title", "description"),
    "publisher",
)
_MEDIUM_BY_CASE = {name.lower(): name for name in OF_MEDIUM}
_DATE, _VERBATIM_DATE, _COUNT = "eventDate", "verbatimEventDate", "individualCount"
_SHOWN = 3  # values or columns in a note
_LISTED = 30


@dataclass(frozen=True, slots=True)
class Columns:
    """The term of each column, and a count of dates that cannot be read."""

    terms: Mapping[str, str]
    """by column; "" where it is none"""
    apart: frozenset[str] = frozenset()
    """columns that the user wants in dynamicProperties"""
    no_dates: Counter[str] = field(default_factory=Counter)

    @classmethod
    def of(cls, images: Images) -> "Columns":
        """Look up the columns of images."""
        apart = frozenset(name for name, term in images.mapped.items() if term == DYNAMIC)
        return cls({key: "" if key in apart else _term(key) for key in images.metadata_keys}, apart)

    def split(self, metadata: Mapping[str, str]) -> tuple[dict[str, str], dict[str, str]]:
        """Return metadata by term, and by column what no term holds.

        An eventDate is ISO 8601; what is written otherwise is verbatimEventDate. Of two columns
        that are one term the first counts. An individualCount of 1.0 is 1.
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
        if _COUNT in known:
            count = known.pop(_COUNT)
            whole = re.fullmatch(r"(\d+)(?:\.0*)?", count)
            (known if whole else others)[_COUNT] = whole[1] if whole else count
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
        self.no_dates[written] += 1

    def notes(self) -> Iterator[str]:
        """Yield what the export's owner has to know of the columns."""
        if self.no_dates:
            some = ", ".join(repr(text) for text, _ in self.no_dates.most_common(_SHOWN))
            yield (
                f"{self.no_dates.total():,} occurrences have an eventDate that is not a date "
                f"({some}): it is in {_VERBATIM_DATE}"
            )
        others = [name for name, term in self.terms.items() if not term and name not in self.apart]
        if others:
            told = ", ".join(map(_with_nearest, others[:_LISTED]))
            more = f" and {len(others) - _LISTED:,} more" if len(others) > _LISTED else ""
            yield (
                f"columns that are not Darwin Core terms are in {DYNAMIC}: {told}{more}; map "
                "names the term of one, COLUMN=TERM"
            )
        for column, term in self.terms.items():
            if term and term in terms() and terms()[term].of == "GeologicalContext":
                yield (
                    f"the column {column} is written as {term}, a term of geology; map "
                    f"{column}={DYNAMIC} keeps it apart"
                )


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
