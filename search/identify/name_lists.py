"""Lists of names that people keep in files: labels, checklists, bins, subsets."""

import logging
from collections.abc import Iterable, Iterator
from pathlib import Path

from indexer.labels.label_files import spellings_of_one
from indexer.tables.columns import meant
from indexer.tables.encodings import read_text
from indexer.tables.sheets import SUFFIXES as SHEETS
from indexer.tables.table import PARQUET, open_table
from model.errors import BadInput
from model.taxon import RANKS

TABLES = (".csv", ".tsv", ".tab", PARQUET, *SHEETS)
_LOG = logging.getLogger("taxalens")
_NAMES = ("scientificname", "species", "taxon", "name", "label", "class")


def read_names(path: Path) -> tuple[str, ...]:
    """Read a list of names, each once: one a line, where a comma is a part of the name.

    Of a table (CSV, TSV, Parquet, .xlsx, .ods) the column scientificName, species, taxon, name,
    label or class is read, else the first. Raises BadInput for a file that is not there or is
    empty.
    """
    if path.suffix.lower() in TABLES:
        columns, rows = _table(path)
        lower = [column.lower() for column in columns]
        place = next((lower.index(name) for name in _NAMES if name in lower), 0)
        said = [meant(columns[place], row[place]) for row in rows]
    else:
        try:
            said = read_text(path).splitlines()
        except (OSError, UnicodeError) as error:
            raise BadInput(f"{path} cannot be read as a list of names ({error}).") from error
    names = _each_once(said)
    if not names:
        raise BadInput(f"{path} holds no names; write one a line.")
    return names


def read_classes(said: str) -> tuple[str, ...]:
    """Understand pybioclip's `--cls`: a file with a class a line, else classes between commas."""
    if Path(said).is_file():
        return read_names(Path(said))
    return _each_once(said.split(","))


def _each_once(said: Iterable[str]) -> tuple[str, ...]:
    """Return names as they are first spelled; a warning lists other spellings of the same name."""
    names = list(dict.fromkeys(name.strip() for name in said if name.strip()))
    for first, *others in spellings_of_one(names):
        _LOG.warning("%s is the same name as %s, which counts.", ", ".join(others), first)
        names = [name for name in names if name not in others]
    return tuple(names)


def read_bins(path: Path) -> dict[str, str]:
    """Read pybioclip's `--bins`: a table whose first column is a class, its second the bin.

    Raises BadInput for a table of fewer columns or without rows.
    """
    columns, rows = _table(path)
    bins = {row[0].strip(): row[1].strip() for row in rows if len(columns) > 1 and row[0].strip()}
    if not bins:
        raise BadInput(f"{path} needs two columns, class and bin, and a row for each class.")
    return bins


def read_subset(path: Path) -> tuple[str, ...]:
    """Read pybioclip's `--subset`: a table whose first column is called like a rank.

    Raises BadInput for any other.
    """
    columns, rows = _table(path)
    if not columns or columns[0].lower() not in RANKS:
        first = columns[0] if columns else ""
        raise BadInput(
            f"The first column of {path} is {first!r}; call it one of {', '.join(RANKS)}."
        )
    said = (meant(columns[0], row[0]) for row in rows)
    return tuple(dict.fromkeys(name for name in said if name))


def _table(path: Path) -> tuple[tuple[str, ...], Iterator[list[str]]]:
    """Return the columns of a table and the cells of its rows."""
    table = open_table(path)
    if not table.columns:
        return ("",), iter(())
    return tuple(table.columns), (row.cells for row in table.used())
