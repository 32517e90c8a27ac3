"""Answers as HTML, for notebooks: tables with small pictures, all text escaped, nothing fetched."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape
from typing import NamedTuple

from model.errors import BadInput

SIDE = 160  # pixels of a picture
MOST_ROWS = 50  # shown; a notebook keeps every one of them in its file
_WIDE = 160  # pixels of a diagram


@dataclass(frozen=True, slots=True)
class Picture:
    """A cell that shows a picture, or nothing where it cannot be read."""

    read: Callable[[], bytes]
    """returns the bytes of a picture file; may raise BadInput"""
    name: str = ""
    """of its file, shown where it is pointed at"""
    decoded_as: str | None = None
    """the file name that its bytes have, by which raw files are known; by default `name`"""

    def html(self) -> str:
        """Return an img element with the picture inside it, a JPEG of at most SIDE pixels."""
        import base64

        from indexer.inputs.decoding import decode
        from indexer.inputs.thumbnails import thumbnail_of

        try:
            name = self.name if self.decoded_as is None else self.decoded_as
            image = decode(self.read(), name=name).image
        except BadInput:
            return ""
        data = base64.b64encode(thumbnail_of(image, SIDE)).decode()
        return f'<img src="data:image/jpeg;base64,{data}" title="{escape(self.name)}">'


class Dot(NamedTuple):
    """Answers that are about as sure as each other, in a reliability diagram."""

    confidence: float
    """their mean, 0 to 1"""
    right: float
    """the share that is right, 0 to 1"""
    answers: int


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


def diagram(caption: str, dots: Sequence[Dot]) -> str:
    """Return a reliability diagram: what is on its line is right as often as it is sure.

    A dot's area is its share of the answers, and pointing at it tells its numbers.
    """
    most = max((dot.answers for dot in dots), default=1)
    circles = "".join(
        f'<circle cx="{_WIDE * dot.confidence:.1f}" cy="{_WIDE * (1 - dot.right):.1f}" '
        f'r="{2 + 6 * (dot.answers / most) ** 0.5:.1f}" fill="steelblue"><title>'
        f"confidence {dot.confidence:.2f}, right {dot.right:.2f}, {dot.answers:,} answers"
        "</title></circle>"
        for dot in dots
    )
    return (
        '<figure style="display:inline-block;margin:8px">'
        f'<svg width="{_WIDE}" height="{_WIDE}" style="overflow:visible">'
        f'<rect width="{_WIDE}" height="{_WIDE}" fill="none" stroke="silver"/>'
        f'<line x1="0" y1="{_WIDE}" x2="{_WIDE}" y2="0" stroke="silver"/>{circles}</svg>'
        f"<figcaption>{escape(caption)}</figcaption></figure>"
    )


def matrix(caption: str, names: Sequence[str], counts: Sequence[Sequence[int]]) -> str:
    """Return a table of how often each (row) was taken for each (column), darker where oftener."""
    most = max((count for row in counts for count in row), default=0) or 1
    head = "".join(f"<th>{escape(name)}</th>" for name in names)
    lines = "".join(
        f"<tr><th>{escape(name)}</th>{''.join(_shaded(count, count / most) for count in row)}</tr>"
        for name, row in zip(names, counts, strict=True)
    )
    return (
        f"<table><caption>{escape(caption)}</caption><thead><tr><th></th>{head}</tr></thead>"
        f"<tbody>{lines}</tbody></table>"
    )


def _shaded(count: int, share: float) -> str:
    colour = f"rgba(70,130,180,{share:.2f})"
    return f'<td style="background:{colour}">{count or ""}</td>'


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
