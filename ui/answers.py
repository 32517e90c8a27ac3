"""Shows an answer on the command line: the table, and what can be made of the hits' files."""

import shutil
import sys
from pathlib import Path
from typing import Any

from model.errors import BadInput
from search.collection import Collection
from search.hits import COLUMNS, IDENTIFIED, LABELLED, SIMILAR, Hits
from ui.tables import write_rows

SHOWN = ("score", "match", "name", "common_name", "family", "file_name")


def show_hits(hits: Hits, format_: str = "table", output: Path | None = None) -> None:
    """Write hits to stdout or a file, and how the query was understood to stderr."""
    labelled, identified, similar = (
        sum(hit.match == match for hit in hits) for match in (LABELLED, IDENTIFIED, SIMILAR)
    )
    counts = [f"{labelled} of {hits.labelled} labelled so"] if hits.labelled else []
    counts += [f"{identified} identified so by machine"] if identified else []
    counts += [f"{similar} by their look"] if similar else []
    sys.stderr.write(f"{hits.meaning}: {', '.join(counts) or 'no images'}\n")
    if hits.absence:
        sys.stderr.write(f"{hits.absence}\n")
    rows = [{**hit.row(), "name": hit.title} for hit in hits]
    columns = (*COLUMNS, "name") if format_ == "table" else COLUMNS
    grouped = ("group",) if any(hit.group for hit in hits) else ()
    write_rows(columns, rows, format_, output, shown=(*SHOWN[:3], *grouped, *SHOWN[3:]))


def show_each(
    collection: Collection, queries: Path, format_: str, output: Path | None, **asked: Any
) -> None:
    """Write the hits of each line of a file, and which of them had none to stderr."""
    lines = [line for line in queries.read_text("utf-8-sig").splitlines() if line.strip()]
    rows = []
    for query, hits in zip(lines, collection.search_each(lines, **asked), strict=True):
        rows += [{"query": query, **hit.row(), "name": hit.title} for hit in hits]
        if not hits:
            sys.stderr.write(f"{query}: no images ({hits.meaning})\n")
    columns = ("query", *COLUMNS, "name") if format_ == "table" else ("query", *COLUMNS)
    write_rows(columns, rows, format_, output, shown=("query", *SHOWN))


def copy_files(hits: Hits, folder: Path) -> int:
    """Copy the hits' files into a folder, numbered by rank; return how many were there to copy."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"{folder} cannot be made a folder: {error.strerror}.") from error
    copied = 0
    for place, hit in enumerate(hits, start=1):
        target = folder / f"{place:04d}-{hit.file_name}"
        try:
            if hit.path and hit.path.is_file():
                shutil.copy2(hit.path, target)
            else:
                target.with_suffix(".jpg").write_bytes(hit.read())
            copied += 1
        except OSError as error:
            sys.stderr.write(f"{hit.location} was not copied: {error.strerror}\n")
        except BadInput as error:
            sys.stderr.write(f"{hit.location} was not copied: {error}\n")
    return copied
