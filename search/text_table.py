"""Rows as aligned text, for people."""

from collections.abc import Mapping, Sequence

Row = Mapping[str, object]
MAX_WIDTH = 60  # of every column but the last


def text_table(columns: Sequence[str], rows: Sequence[Row]) -> str:
    """Return aligned columns under their names, every line ending in a line feed.

    A missing value is an empty cell; control characters never reach a terminal.
    """
    cells = [columns, *([_cell(row[column]) for column in columns] for row in rows)]
    widths = [
        min(MAX_WIDTH, max(len(line[place]) for line in cells)) for place in range(len(columns) - 1)
    ]
    return "".join(
        "  ".join(
            [_cut(cell, width).ljust(width) for cell, width in zip(line, widths, strict=False)]
            + [line[-1]]
        ).rstrip()
        + "\n"
        for line in cells
    )


def markdown_cell(value: object) -> str:
    """Return a cell of a Markdown table: plain text, whatever it holds."""
    return "".join(f"\\{letter}" if letter in _MARKS else letter for letter in _cell(value))


_MARKS = frozenset("\\|`*_<>[]!")


def _cell(value: object) -> str:
    match value:
        case None:
            text = ""
        case float():
            text = f"{value:.3f}"
        case list() | tuple():
            text = " ".join(map(str, value))
        case _:
            text = str(value)
    return "".join(character if character.isprintable() else "�" for character in text)


def _cut(cell: str, width: int) -> str:
    return cell if len(cell) <= width else cell[: width - 1] + "…"
