"""Reads a table of pictures, CSV, Parquet or Excel: a path or URL a row, and what is said of it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from indexer.inputs.records import Record, address, is_address, media_in
from indexer.labels.label_files import label_from
from indexer.readers import Fetch, embeddings, parquet_images
from indexer.readers.folder import named_file
from indexer.tables.columns import PLACES, URLS
from indexer.tables.delimited import Row
from indexer.tables.table import SUFFIXES, Table, header_of, open_table
from model.errors import BadInput

NOUN = "a table of paths or URLs (CSV, TSV, Excel, ODS, Parquet)"


def claims(source: str) -> bool:
    """Tell whether it is a table with one of PLACES, and not of vectors or pictures themselves."""
    if not source.lower().endswith(SUFFIXES):
        return False
    if embeddings.claims(source) or parquet_images.claims(source):
        return False
    return not set(header_of(Path(source))).isdisjoint(PLACES)


def base(source: str) -> str:
    """Return the folder of the table, which its paths are below."""
    return str(Path(source).parent)


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per picture, with what the first row that names it says of it.

    kingdom … species or `taxon`, `common_name` and `label` are understood as in a label file;
    other columns are metadata. A row names its picture in the first of PLACES that it fills,
    or several in one of URLS. A picture below the table's folder has the id that it has when that
    folder is indexed. A row that cannot be used, or says otherwise of a picture than a row
    before it, is a record with a problem.
    Raises BadInput for what is no table.
    """
    table = open_table(Path(source))
    places = [name for name in PLACES if name in table.columns]
    if not places:
        raise BadInput(f"{source} has no column {', '.join(PLACES)}; name the one with the paths.")
    folder, unused = Path(base(source)), _Unused(table)
    seen: dict[str, tuple[int, int]] = {}
    for row in table.rows():
        if row.wrong:
            yield unused(row, f"{row.wrong} ({row.shown})")
            continue
        said = table.said(row)
        place = next((name for name in places if name in said), None)
        if place is None:
            yield unused(row, f"names no picture: its {' and '.join(places)} is empty")
            continue
        where = said.pop(place)
        words = hash(tuple(said.items()))
        label = label_from(said.pop("label", ""), said)
        for each in media_in(where) if place in URLS else [where]:
            record = Record(address(each), url=address(each)) if is_address(each) else None
            record = record or named_file(folder, each)
            line, before = seen.setdefault(record.source_id, (row.line, words))
            if line != row.line:
                if before != words:
                    yield unused(row, f"says otherwise of {record.source_id} than line {line}")
                continue
            yield replace(
                record,
                label=label.text,
                taxon=label.taxon,
                metadata=label.metadata,
                from_table=True,
            )


class _Unused:
    """Makes records of rows that are not used, so that `status` lists them."""

    def __init__(self, table: Table) -> None:
        self._name = table.path.name
        self._stat = table.path.stat()

    def __call__(self, row: Row, why: str) -> Record:
        """Return one, with the place and the reason."""
        return Record(
            f"{self._name}#line={row.line}",
            problem=f"line {row.line} {why}",
            bytes=self._stat.st_size,
            modified=self._stat.st_mtime_ns,
        )
