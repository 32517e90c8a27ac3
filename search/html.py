"""Answers as HTML, for notebooks: tables with small pictures, all text escaped, nothing fetched."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from html import escape

from model.errors import BadInput

SIDE = 160  # pixels of a picture
MOST_ROWS = 50  # shown; a notebook keeps every one of them in its file


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
