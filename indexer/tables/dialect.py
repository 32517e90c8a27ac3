"""The dialect of a delimited text: its header decides, and the file's name where that cannot."""

import csv
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from indexer.tables.columns import is_known
from indexer.tables.encodings import UTF_8, Encoding

_HEAD = 1 << 18  # characters that the header lies in
_ROWS = 10  # that may stand above it: a title, empty lines
DELIMITERS = ",\t;|"


@dataclass(frozen=True, slots=True)
class Dialect:
    """How lines become cells; quotes are doubled inside of quotes."""

    delimiter: str = ","
    quote: str = '"'
    """ "" where quotes mean nothing"""
    encoding: Encoding = UTF_8
    skip: int = 0
    """lines before the first row"""


def dialect_of(path: Path, encoding: Encoding) -> tuple[Dialect, list[str]]:
    """Return the dialect of a text and the cells of its header; lines above that are skipped.

    The delimiter is the one that makes most known columns of a row among the first, else most
    columns of the first. A line "sep=;" counts. Raises OSError and UnicodeError.
    """
    with path.open(encoding=encoding.name, errors=encoding.errors, newline="") as file:
        lines = list(_lines(file.read(_HEAD)))
    above, delimiters = 0, DELIMITERS
    if lines and (said := lines[0].strip("\r\n\"'")).lower().startswith("sep=") and said[4:]:
        above, delimiters = 1, said[4]
    elif path.suffix.lower() in (".tsv", ".tab"):
        delimiters = "\t" + DELIMITERS.replace("\t", "")
    best: tuple[tuple[int, ...], str, int, list[str]] = ((-1,), delimiters[0], above, [])
    for delimiter in delimiters:
        for place, (skip, cells) in enumerate(islice(_rows(lines[above:], delimiter), _ROWS)):
            known = sum(map(is_known, cells))
            # A row below the first is the header only where it says what the first does not.
            worth = (known if not place or known > 1 else -1, -place, len(cells))
            if worth > best[0]:
                best = (worth, delimiter, above + skip, cells)
    _, delimiter, skip, header = best
    return Dialect(delimiter, '"', encoding, skip), header


def _lines(text: str) -> Iterator[str]:
    """Yield the lines of a text that end in LF, CR or both, with their ends."""
    start = 0
    while start < len(text):
        ends = [end for end in (text.find("\n", start), text.find("\r", start)) if end >= 0]
        end = min(ends, default=len(text) - 1) + 1
        if text[end - 1 : end + 1] == "\r\n":
            end += 1
        yield text[start:end]
        start = end


def _rows(lines: Sequence[str], delimiter: str) -> Iterator[tuple[int, list[str]]]:
    """Yield the rows that hold something, each with the lines before it."""
    reader = csv.reader(iter(lines), delimiter=delimiter)
    before = 0
    try:
        for cells in reader:
            if any(map(str.strip, cells)):
                yield before, cells
            before = reader.line_num
    except csv.Error:
        return
