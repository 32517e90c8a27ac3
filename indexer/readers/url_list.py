"""Reads a list of URLs, one a line."""

from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from indexer.inputs.records import Record, is_address
from indexer.readers import Fetch
from model.errors import BadInput

NOUN = "a list of URLs (txt)"
_HEAD = 1000  # lines that may be comments


def claims(source: str) -> bool:
    """Tell whether it is a text file whose first line that says something is a URL."""
    if not source.lower().endswith(".txt"):
        return False
    try:
        with Path(source).open(encoding="utf-8-sig", errors="replace") as file:
            first = next(filter(None, map(_said, islice(file, _HEAD))), "")
    except OSError:
        return False
    return is_address(first)


def base(source: str) -> str:
    """Return the list itself."""
    return source


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per URL, its first time; lines that are empty or begin with # say nothing."""
    seen: set[str] = set()
    try:
        with Path(source).open(encoding="utf-8-sig", errors="replace") as file:
            for url in filter(None, map(_said, file)):
                if url not in seen:
                    seen.add(url)
                    problem = "" if is_address(url) else "is no URL"
                    yield Record(url, url="" if problem else url, problem=problem)
    except OSError as error:
        raise BadInput(f"{source} cannot be read: {error.strerror}.") from error


def _said(line: str) -> str:
    line = line.strip()
    return "" if line.startswith("#") else line
