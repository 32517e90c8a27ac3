"""Reads a table of pictures, CSV, TSV or Parquet: a path or URL a row, and what is said of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from indexer.inputs.paths import inside, why_outside
from indexer.inputs.records import Record, is_address
from indexer.labels.label_files import label_from, read_table
from indexer.readers import Fetch, embeddings
from indexer.readers.folder import of_file
from indexer.taxonomy.table import fields_of

NOUN = "a table of paths or URLs (CSV, TSV, Parquet)"
COLUMNS = (
    *("file_name", "path", "filepath", "file_path", "filename", "file", "image_path", "image"),
    *("url", "image_url", "accessuri", "identifier"),
)
"""where a picture may stand, the first that there is"""
_SUFFIXES = (".csv", ".tsv", ".parquet")


def claims(source: str) -> bool:
    """Tell whether it is a table with one of COLUMNS, and not of vectors."""
    if not source.lower().endswith(_SUFFIXES) or embeddings.claims(source):
        return False
    return not fields_of(Path(source)).isdisjoint(COLUMNS)


def base(source: str) -> str:
    """Return the folder of the table, which its paths are below."""
    return str(Path(source).parent)


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per picture, with what the first row that names it says of it.

    kingdom … species or `taxon`, `common_name` and `label` are understood as in a label file;
    other columns are metadata. A picture below the table's folder has the id that it has when
    that folder is indexed. Raises BadInput for what is no table.
    """
    columns, rows = read_table(Path(source))
    lower = [column.lower() for column in columns]
    place = lower.index(next(column for column in COLUMNS if column in lower))
    folder = Path(base(source))
    seen: set[str] = set()
    for row in rows:
        said = {name: value.strip() for name, value in zip(columns, row, strict=True) if value}
        where = said.pop(columns[place], "")
        if not where:
            continue
        record = _record(folder, where)
        if record.source_id in seen:
            continue
        seen.add(record.source_id)
        label = label_from(said.pop("label", ""), said)
        yield replace(
            record, label=label.text, taxon=label.taxon, metadata=label.metadata, from_table=True
        )


def _record(folder: Path, where: str) -> Record:
    if is_address(where):
        return Record(where, url=where)
    below = inside(folder, where.replace("\\", "/"))
    if below is None:
        # What a table from elsewhere may make taxalens read ends at its own folder.
        name, file = str(PurePosixPath(where)), where.replace("\\", "/")
        return Record(name, problem=why_outside(folder, file, "put the table into a folder above"))
    return of_file(folder / below, below)
