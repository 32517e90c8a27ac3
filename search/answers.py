"""The base of every answer: an immutable sequence that knows its table."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, ClassVar, Protocol, Self, TypeVar, overload

import pyarrow as pa

from search import html
from search.text_table import MAX_WIDTH, text_table

if TYPE_CHECKING:
    import pandas as pd

MOST_LINES = 8  # items that the plain text of an answer shows


class Item(Protocol):
    """One item of an answer."""

    def row(self) -> dict[str, object]:
        """Return it as a row, by column."""
        ...


T = TypeVar("T", bound=Item)


@dataclass(frozen=True, slots=True, repr=False)
class Answers(Sequence[T]):
    """Items in their order, best or worst first, with the table and the pictures of them.

    A derived class names its SCHEMA, the columns SHOWN as text and the HEADINGS of its pictures.
    """

    items: tuple[T, ...]

    SCHEMA: ClassVar[pa.Schema]
    SHOWN: ClassVar[tuple[str, ...]]
    """columns of `schema` that a text table shows"""
    HEADINGS: ClassVar[tuple[str, ...]]
    """of the cells that a notebook shows"""

    def caption(self) -> str:
        """Return one line that says what the answer is."""
        raise NotImplementedError

    def cells(self, item: T) -> tuple[object, ...]:
        """Return the cells of an item under HEADINGS; see `html.table`."""
        raise NotImplementedError

    @overload
    def __getitem__(self, place: int) -> T: ...
    @overload
    def __getitem__(self, place: slice) -> Self: ...
    def __getitem__(self, place: int | slice) -> T | Self:
        """Return one item, or a slice as an answer of the same kind."""
        if isinstance(place, slice):
            return replace(self, items=self.items[place])
        return self.items[place]

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.items)

    def __iter__(self) -> Iterator[T]:
        """Iterate over the items in their order."""
        return iter(self.items)

    def to_arrow(self) -> pa.Table:
        """Return the items as a table of SCHEMA; a missing value is null."""
        return pa.Table.from_pylist([item.row() for item in self.items], schema=self.SCHEMA)

    def to_pandas(self) -> "pd.DataFrame":
        """Return the items as a data frame with the columns of SCHEMA."""
        frame: pd.DataFrame = self.to_arrow().to_pandas()
        return frame

    def __repr__(self) -> str:
        """Return the caption and the first few items as text, about ten lines."""
        rows = [item.row() for item in self.items[:MOST_LINES]]
        lines = text_table(self.SHOWN, rows).splitlines() if rows else []
        more = len(self) - len(rows)
        if more:
            lines.append(f"… {more:,} more")
        head = f"{type(self).__name__}, {len(self):,}: {self.caption()}"
        return "\n".join([head, *(line[: 3 * MAX_WIDTH] for line in lines)])

    def _repr_html_(self) -> str:
        """Return the items as a table with pictures, as a notebook shows them."""
        return html.table(self.caption(), self.HEADINGS, [self.cells(item) for item in self.items])
