"""Hits on the command line: the table, and copies of their files."""

import re
import shutil
import sys
from collections.abc import Iterable, Iterator
from itertools import chain, islice
from pathlib import Path

import pyarrow as pa

from model.errors import BadInput
from search.hits import IDENTIFIED, LABELLED, SIMILAR, Hits
from ui.tables import write_answers, write_rows

_TOGETHER = 5000  # rows written at a time
_WITH_NOTE = re.compile(r'images that look like ".*" \(.+\)', re.DOTALL)


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
    grouped = ("group",) if any(hit.group for hit in hits) else ()
    shown = (*Hits.SHOWN[:3], *grouped, *Hits.SHOWN[3:])
    write_answers(hits, format_, output, shown)


def show_each(
    answers: Iterable[tuple[str, Hits]], format_: str = "table", output: Path | None = None
) -> None:
    """Write queries and their hits as one table, as they come; to stderr what was not found."""
    rows = _rows(answers)
    begun = list(islice(rows, 1))  # before a file is opened, for what goes wrong at once
    schema = pa.schema([("query", pa.string()), *Hits.SCHEMA])
    shown = ("query", *Hits.SHOWN)
    write_rows(schema, chain(begun, rows), format_, output, shown=shown, together=_TOGETHER)


def _rows(answers: Iterable[tuple[str, Hits]]) -> Iterator[dict[str, object]]:
    for query, hits in answers:
        for told in _doubts(hits):
            sys.stderr.write(f"{query}: {told}\n")
        yield from ({"query": query, **hit.row()} for hit in hits)


def _doubts(hits: Hits) -> list[str]:
    """Return why a query has no hits, or why its hits may be other than meant."""
    if not hits:
        return [f"no images ({hits.meaning})"]
    taken_as_text = [hits.meaning] if _WITH_NOTE.fullmatch(hits.meaning) else []
    return [*taken_as_text, *filter(None, [hits.absence])]


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
