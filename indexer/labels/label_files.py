"""From what people call their pictures, folder names and label files, to labels and taxa."""

import glob
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

import duckdb

from indexer.inputs.records import Record
from indexer.inputs.spreadsheet_cells import as_said
from model.errors import BadInput
from model.taxon import RANKS, Taxon

_BINOMIAL = re.compile(r"[A-Z][a-z]+[ _][a-z][a-z-]+")
_INAT_FOLDER = re.compile(r"\d{5}(_[A-Za-z-]+){7,}")
_KEY_COLUMNS = ("file_name", "label")


@dataclass(frozen=True, slots=True)
class Label:
    """A label as it was written, the taxon it names (None: no taxon) and what else is said."""

    text: str
    taxon: Taxon | None = None
    metadata: Mapping[str, str] = field(default_factory=dict)


def label_of_folder(name: str) -> Label:
    """Understand a folder's name.

    "Panthera leo" and "Panthera_leo" name a species; "00123_Animalia_Chordata_…_Panthera_leo"
    (iNaturalist 2021) a whole lineage; any other name stays a label without a taxon.
    """
    if _INAT_FOLDER.fullmatch(name):
        _, *ranks = name.split("_")
        return Label(name, Taxon.from_ranks([*ranks[:6], " ".join(ranks[5:])]))
    if _BINOMIAL.fullmatch(name):
        return Label(name, Taxon.from_ranks([""] * 6 + [name.replace("_", " ")]))
    return Label(name)


def read_label_file(path: Path, keys: Sequence[str] = _KEY_COLUMNS) -> dict[str, Label]:
    """Read a CSV, TSV or Parquet file of labels, by file name or by folder name.

    Its column `file_name` (path below the indexed folder) or `label` (folder name) says what a
    line is about; kingdom … species or `taxon` (a scientific name), and `common_name`, say what
    it shows; where none of them does, a label is understood as a folder's name is. Every other
    column is kept as metadata. `keys` are other columns that may say what a line is about, the
    first that is there. Raises BadInput for a file that cannot be read or has no key column.
    """
    columns, rows = read_table(path)
    key = next((name for name in keys if name in columns), None)
    if key is None:
        raise BadInput(
            f"{path} has neither of the columns {', '.join(keys[:-1])} and {keys[-1]}, but "
            f"{', '.join(columns)}; rename one."
        )
    labels = {}
    for row in rows:
        said = {name: value.strip() for name, value in zip(columns, row, strict=True) if value}
        if about := said.pop(key, "").replace("\\", "/"):
            labels[about] = label_from(about if key == "label" else said.pop("label", ""), said)
    return labels


def keys_of(record: Record, base: str) -> tuple[str, ...]:
    """What a label file may call an input: its path or URL, its id, or the folder it is in."""
    below = record.source_id
    folder = PurePosixPath(below).parent.name
    named = (below, f"{Path(base).name}/{below}", f"{base}/{below}", record.url, folder)
    return tuple(filter(None, named))


def labelled(record: Record, base: str, labels: Mapping[str, Label]) -> Record:
    """Return a record with what a label file says of it.

    That overrules its folder's name, except where it holds metadata alone.
    """
    given = next((labels[key] for key in keys_of(record, base) if key in labels), None)
    if given is None:
        return record
    metadata = {**record.metadata, **given.metadata}
    if not given.text:
        return replace(record, metadata=metadata, from_table=True)
    return replace(record, label=given.text, taxon=given.taxon, metadata=metadata, from_table=True)


def label_from(text: str, said: dict[str, str]) -> Label:
    """Understand a label, and what is said beside it by the names of its columns.

    kingdom … species, `taxon` (a scientific name) with its `rank`, and `common_name` say what is
    shown; what remains of `said` is metadata.
    """
    ranks = [said.pop(rank, "") for rank in RANKS]
    common, name, rank = (said.pop(column, "") for column in ("common_name", "taxon", "rank"))
    rank = rank.lower()
    if name and not ranks[6] and rank in ("", "species", "subspecies") and " " in name:
        ranks[6] = name
    elif name and rank in RANKS and not ranks[RANKS.index(rank)]:
        ranks[RANKS.index(rank)] = name
    taxon = Taxon.from_ranks(ranks, common)
    if not taxon.name and text:
        return replace(label_of_folder(text), metadata=said)
    return Label(text or taxon.name or common or name, taxon if taxon.name else None, said)


def read_table(path: Path) -> tuple[list[str], Sequence[tuple[str | None, ...]]]:
    """Return the columns and the rows of a CSV, TSV or Parquet file, all as strings.

    An apostrophe that keeps a spreadsheet from running a cell is no part of it. Raises
    BadInput for a file that is not there or is no table.
    """
    if not path.is_file():
        raise BadInput(f"There is no label file {path}.")
    reader = "read_parquet(?)" if path.suffix == ".parquet" else "read_csv(?, all_varchar=true)"
    try:
        with duckdb.connect() as connection:
            sql = f"SELECT COLUMNS(*)::VARCHAR FROM {reader}"
            found = connection.execute(sql, [glob.escape(str(path))])  # [1] is no pattern here
            columns = [column[0] for column in found.description]
            rows = found.fetchall()
    except duckdb.Error as error:
        raise BadInput(f"{path} cannot be read as a table: {str(error).splitlines()[0]}") from error
    if path.suffix == ".parquet":
        return columns, rows
    said = [tuple(cell and as_said(cell) for cell in row) for row in rows]
    return [as_said(column) for column in columns], said
