"""The terms of Darwin Core, however a column spells them."""

import csv
import re
from functools import cache
from pathlib import Path
from typing import NamedTuple

from rapidfuzz import process

DYNAMIC = "dynamicProperties"
_NEAR = 75  # of 100: below it a suggestion is a guess


class Term(NamedTuple):
    """A term of Simple Darwin Core, the class that it describes, and its vocabulary's IRI."""

    name: str
    of: str
    """"Taxon", "Event", "Location" …; "" for terms of the record"""
    vocabulary: str


@cache
def terms() -> dict[str, Term]:
    """Return the recommended terms of Simple Darwin Core by name, in the standard's order.

    Source: darwin_core_terms.csv beside this file, the names of tdwg/dwc at 2026-08-15.
    """
    path = Path(__file__).with_suffix(".csv")
    with path.open(encoding="utf-8", newline="") as file:
        return {term.name: term for term in map(Term._make, list(csv.reader(file))[1:])}


def term_of(column: str) -> str:
    """Return the term that a column is called by, in any case, "" for any other column.

    "Decimal Latitude", "decimal_latitude" and "dwc:decimallatitude" are decimalLatitude.
    """
    return _by_letters().get(_letters(column), "")


def nearest_term(column: str) -> str:
    """Return the term that is spelled most like a column, "" where none is near."""
    found = process.extractOne(_letters(column), list(_by_letters()), score_cutoff=_NEAR)
    return _by_letters()[found[0]] if found else ""


@cache
def _by_letters() -> dict[str, str]:
    return {_letters(name): name for name in terms()}


def _letters(column: str) -> str:
    return re.sub(r"^(?:dwc|dcterms|dc):|[ _.-]", "", column.strip().lower())
