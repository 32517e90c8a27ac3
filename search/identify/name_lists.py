"""Lists of names that people keep in files: labels, checklists, bins, subsets."""

from pathlib import Path

from indexer.labels.label_files import read_table
from model.errors import BadInput
from model.taxon import RANKS

TABLES = (".csv", ".tsv", ".parquet")
_NAMES = ("scientificname", "species", "taxon", "name", "label", "class")


def read_names(path: Path) -> tuple[str, ...]:
    """Read a list of names, each once: one a line, where a comma is a part of the name.

    Of a table (CSV, TSV, Parquet) the column scientificName, species, taxon, name, label or class
    is read, else the first. Raises BadInput for a file that is not there or is empty.
    """
    if path.suffix.lower() in TABLES:
        columns, rows = read_table(path)
        lower = [column.lower() for column in columns]
        place = next((lower.index(name) for name in _NAMES if name in lower), 0)
        said = [row[place] or "" for row in rows]
    else:
        try:
            said = path.read_text("utf-8-sig").splitlines()
        except (OSError, UnicodeDecodeError) as error:
            raise BadInput(f"{path} cannot be read as a list of names ({error}).") from error
    names = tuple(dict.fromkeys(name.strip() for name in said if name.strip()))
    if not names:
        raise BadInput(f"{path} holds no names; write one a line.")
    return names


def read_classes(said: str) -> tuple[str, ...]:
    """Understand pybioclip's `--cls`: a file with a class a line, else classes between commas."""
    if Path(said).is_file():
        return read_names(Path(said))
    return tuple(dict.fromkeys(name.strip() for name in said.split(",") if name.strip()))


def read_bins(path: Path) -> dict[str, str]:
    """Read pybioclip's `--bins`: a table whose first column is a class, its second the bin.

    Raises BadInput for a table of fewer columns or without rows.
    """
    columns, rows = read_table(path)
    if len(columns) < 2 or not rows:
        raise BadInput(f"{path} needs two columns, class and bin, and a row for each class.")
    return {str(row[0]).strip(): (row[1] or "").strip() for row in rows if row[0]}


def read_subset(path: Path) -> tuple[str, ...]:
    """Read pybioclip's `--subset`: a table whose first column is called like a rank.

    Raises BadInput for any other.
    """
    columns, rows = read_table(path)
    if columns[0].lower() not in RANKS:
        raise BadInput(
            f"The first column of {path} is {columns[0]!r}; call it one of {', '.join(RANKS)}."
        )
    return tuple(dict.fromkeys((row[0] or "").strip() for row in rows if (row[0] or "").strip()))
