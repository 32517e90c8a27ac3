"""Reads a list of URLs, one a line."""

from collections.abc import Iterator
from pathlib import Path

from indexer.inputs.records import Record, address, is_address
from indexer.readers import Fetch
from indexer.tables.encodings import peek, survey
from model.errors import BadInput

NOUN = "a list of URLs (txt)"
_HEAD = 1 << 16  # characters of comments at most
_LONGEST = 8192  # characters of an id


def claims(source: str) -> bool:
    """Tell whether it is a text file whose first line that says something is a URL."""
    if not source.lower().endswith(".txt"):
        return False
    path = Path(source)
    try:
        encoding = peek(path)
        with path.open(encoding=encoding.name, errors="replace") as file:
            lines = file.read(_HEAD).splitlines()
    except (OSError, ValueError, BadInput):
        return False
    return is_address(next(filter(None, map(_said, lines)), ""))


def base(source: str) -> str:
    """Return the list itself."""
    return source


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per URL, its first time; lines that are empty or begin with # say nothing.

    Raises BadInput for a file that cannot be read, or has a line that would not fit in memory.
    """
    seen: set[str] = set()
    path = Path(source)
    try:
        encoding = survey(path)
        with path.open(encoding=encoding.name, errors=encoding.errors) as file:
            for url in map(address, filter(None, map(_said, file))):
                if url not in seen:
                    seen.add(url)
                    problem = "" if is_address(url) else "is no URL"
                    shown = url if len(url) <= _LONGEST else f"{url[:_LONGEST]}…"
                    yield Record(shown, url="" if problem else url, problem=problem)
    except (OSError, UnicodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else error
        raise BadInput(f"{source} cannot be read: {reason}.") from error


def _said(line: str) -> str:
    line = line.strip()
    return "" if line.startswith("#") else line
