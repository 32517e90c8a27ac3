"""Rows of spreadsheets: the first sheet with a header, numbers and dates as people write them."""

import datetime
import re
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import closing
from itertools import islice
from pathlib import Path
from typing import Any

from indexer.tables.columns import is_known
from indexer.tables.delimited import Row
from model.errors import BadInput

SUFFIXES = (".xlsx", ".xlsm", ".xlsb", ".ods", ".xls")
_MOST_BYTES = 2 << 30  # unpacked
_MOST_CELLS = 50_000_000  # between the first and the last one, also empty ones: 1.6 GB
_ROWS = 10  # that may stand above the header
_CELL = re.compile(rb'<c r="([A-Z]{1,3})(\d{1,7})"')
_CHUNK = 1 << 20
# An unknown version or compression is a NotImplementedError, a password a RuntimeError.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError)


def sheet_rows(path: Path) -> tuple[list[str], Iterator[Row], str]:
    """Return the header, the rows below it, and a sentence where sheets or rows are left out.

    Raises BadInput for what is no spreadsheet, has a password, or would not fit in memory.
    """
    from python_calamine import CalamineError, CalamineWorkbook, PasswordError

    try:
        _refuse_bomb(path)
        with closing(CalamineWorkbook.from_path(path)) as book:
            sheets = [book.get_sheet_by_name(each.name) for each in book.sheets_metadata]
    except PasswordError as error:
        raise BadInput(f"{path} has a password; save it without one.") from error
    except (CalamineError, OSError, ValueError, *_DAMAGED) as error:
        raise BadInput(f"{path} cannot be read as a spreadsheet ({error}); get it anew.") from error
    filled = [sheet for sheet in sheets if sheet.height]
    if not filled:
        return [], iter(()), ""
    places = [_header(list(islice(sheet.iter_rows(), _ROWS))) for sheet in filled]
    best = max(range(len(filled)), key=lambda place: (min(places[place][1], 2), -place))
    sheet, (above, _) = filled[best], places[best]
    rows = enumerate(sheet.iter_rows(), (sheet.start or (0, 0))[0] + 1)
    header = [_text(cell) for _, row in islice(rows, above, above + 1) for cell in row]
    while header and not header[-1].strip():
        header.pop()
    others = [each.name for each in filled if each is not sheet]
    note = (
        f"{path}: only its sheet {sheet.name!r} is read; save {', '.join(map(repr, others))} as "
        "files of their own to read them."
    )
    return header, _rows(rows, len(header)), note if others else ""


def _rows(rows: Iterator[tuple[int, list[Any]]], width: int) -> Iterator[Row]:
    for line, row in rows:
        cells = [_text(cell) for cell in row]
        if any(map(str.strip, cells[width:])):
            wrong = "has a cell to the right of the header's last; name its column"
            yield Row(line, cells, wrong)
        elif any(map(str.strip, cells)):
            yield Row(line, (cells + [""] * width)[:width])


def _header(rows: list[list[Any]]) -> tuple[int, int]:
    """Return the place of the header among the first rows, and its number of known columns."""
    known = [sum(is_known(_text(cell)) for cell in row) for row in rows]
    filled = next((at for at, row in enumerate(rows) if any(map(str.strip, map(_text, row)))), 0)
    best = max(range(filled, len(rows)), key=lambda at: (known[at], -at), default=0)
    return (best, known[best]) if known and known[best] > 1 else (filled, (known or [0])[filled])


def _text(cell: object) -> str:
    """Return a cell as people write it: 3 instead of 3.0, dates as ISO 8601 has them."""
    match cell:
        case bool():
            return str(cell).lower()
        case float() if cell.is_integer() and abs(cell) < 1e15:
            return str(int(cell))
        case datetime.datetime() if cell.time() == datetime.time():
            return cell.date().isoformat()
        case datetime.date() | datetime.time():
            return cell.isoformat()
    return str(cell)


def _refuse_bomb(path: Path) -> None:
    """Refuse a spreadsheet that unpacks to gigabytes, or whose corners lie too far apart."""
    if not zipfile.is_zipfile(path):
        return  # .xls, which does not pack
    with zipfile.ZipFile(path) as archive:
        members = archive.infolist()
        if sum(member.file_size for member in members) > _MOST_BYTES:
            raise BadInput(f"{path} unpacks to more than {_MOST_BYTES >> 30} GB; save it as CSV.")
        for member in members:
            if re.fullmatch(r"xl/worksheets/[^/]*\.xml", member.filename):
                with archive.open(member) as file:
                    rows, columns = _extent(iter(lambda: file.read(_CHUNK), b""))
                if rows * columns > _MOST_CELLS:
                    raise BadInput(
                        f"{path} has a cell in row {rows:,} and one in column {columns:,}, and "
                        f"more than {_MOST_CELLS:,} cells between; remove stray cells, or save it "
                        "as CSV."
                    )


def _extent(chunks: Iterator[bytes]) -> tuple[int, int]:
    rows = columns = 0
    rest = b""
    letters: set[bytes] = set()
    for chunk in chunks:
        data = rest + chunk
        for column, row in _CELL.findall(data):
            rows = max(rows, int(row))
            letters.add(column)
        rest = data[-32:]
    for each in letters:
        number = 0
        for letter in each:
            number = number * 26 + letter - 64
        columns = max(columns, number)
    return rows, columns
