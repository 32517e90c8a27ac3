"""Facets: the values of each column with their counts, and a value as a SQL condition."""

from collections.abc import Iterable
from dataclasses import dataclass

from indexer.backends.selection import Selection
from indexer.catalog.sensitive_places import shown_columns
from indexer.catalog.snapshot import Snapshot
from indexer.catalog.typed_metadata import sql_identifier, sql_text
from model.taxon import RANKS
from search.browse.chosen import cursor_over

_HIDDEN = {
    "row",
    "image_id",
    "source_id",
    "file_name",
    "width",
    "height",
    "date_labelled",
    *map(str, RANKS),
}
_MOST_VALUES = 200  # a column of more is no list to choose from
_COLUMNS = 40  # each costs a pass over the selection

PEOPLE, MACHINE, NOBODY = "people", "a machine alone", "nobody"
WHO = {
    PEOPLE: "label <> ''",
    MACHINE: "label = '' AND machine_label <> ''",
    NOBODY: "label = '' AND machine_label = ''",
}
"""who says what an image shows, each as a SQL condition"""


@dataclass(frozen=True, slots=True)
class Facet:
    """A column with its most frequent values."""

    column: str
    values: tuple[tuple[str, int], ...]
    """each with the number of images that have it, most frequent first"""


def facets(snapshot: Snapshot, among: Selection, most: int = 12) -> tuple[Facet, ...]:
    """Return the columns of a selection that have a few values, in the order of the columns."""
    cursor, condition = cursor_over(snapshot, among)
    found = []
    hidden = _HIDDEN | set(shown_columns(snapshot))
    columns = [(name, kind) for name, kind, *_ in cursor.execute("DESCRIBE searchable").fetchall()]
    for name, kind in columns[: _COLUMNS + len(_HIDDEN)]:
        if name in hidden or kind not in ("VARCHAR", "BIGINT", "BOOLEAN"):
            continue
        sql = _VALUES.format(column=sql_identifier(name), condition=condition)
        values = cursor.execute(sql, [_MOST_VALUES + 1]).fetchall()
        if 1 <= len(values) <= _MOST_VALUES:
            found.append(Facet(name, tuple(values[:most])))
    return tuple(found)


def condition_of(column: str, value: str) -> str:
    """Return in SQL that a column has a value: `"site" = 'Harbour'`."""
    return f"{sql_identifier(column)} = {sql_text(value)}"


def is_one_of(image_ids: Iterable[str]) -> str:
    """Return in SQL that an image is one of those with these ids."""
    quoted = ", ".join(map(sql_text, image_ids))
    return f"image_id IN ({quoted or 'NULL'})"


def all_of(conditions: Iterable[str]) -> str:
    """Return one SQL condition that says all of several."""
    parts = [each.strip() for each in conditions if each.strip()]
    return parts[0] if len(parts) == 1 else " AND ".join(f"({part})" for part in parts)


_VALUES = """
SELECT CAST({column} AS VARCHAR), count(*) FROM searchable
WHERE {condition} AND coalesce(CAST({column} AS VARCHAR), '') <> ''
GROUP BY 1 ORDER BY 2 DESC, 1 LIMIT ?
"""
