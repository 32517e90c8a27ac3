"""Answers as HTML, for notebooks: tables with small pictures, all text escaped, nothing fetched."""

import base64
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from indexer.decoding import decode
from indexer.thumbnails import thumbnail_of
from model.errors import BadInput

SIDE = 160  # pixels of a picture
MOST_ROWS = 50  # shown; a notebook keeps every one of them in its file


@dataclass(frozen=True, slots=True)
class Picture:
    """A cell that shows a picture, or nothing where it cannot be read."""

    read: Callable[[], bytes]
    """returns the bytes of a picture file; may raise BadInput"""
    name: str = ""
    """of its file: what it is called where it is pointed at, and how raw files are known"""

    def html(self) -> str:
        """Return an img element with the picture inside it, a JPEG of at most SIDE pixels."""
        try:
            image = decode(self.read(), name=self.name).image
        except BadInput:
            return ""
        data = base64.b64encode(thumbnail_of(image, SIDE)).decode()
        return f'<img src="data:image/jpeg;base64,{data}" title="{escape(self.name)}">'


def table(caption: str, columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table element; a cell is a Picture, several of them, or a value shown as text.

    Only the first MOST_ROWS are shown, and how many there are besides.
    """
    given = list(rows)
    shown = "".join(
        f"<tr>{''.join(f'<td>{_cell(each)}</td>' for each in row)}</tr>"
        for row in given[:MOST_ROWS]
    )
    head = "".join(f"<th>{escape(column)}</th>" for column in columns)
    more = f"<p>and {len(given) - MOST_ROWS:,} more</p>" if len(given) > MOST_ROWS else ""
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr>{head}</tr></thead>"
        f"<tbody>{shown}</tbody></table>{more}"
    )


def _cell(value: object) -> str:
    match value:
        case Picture():
            return value.html()
        case tuple():
            return " ".join(map(_cell, value))
        case float():
            return f"{value:.3f}"
        case _:
            return escape(str(value))
