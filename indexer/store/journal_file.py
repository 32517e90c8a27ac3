"""The journal of people's labels as a file: an act a line, each behind a digest of its own.

A last line without its end was torn by a power cut, before anybody was told that it is kept. Any
other line that differs from its digest is damaged.
"""

import hashlib
import os
from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from indexer.store.durable import sync_folder, write_durably

JOURNAL = "labels.journal"
APART = "damaged"
"""The folder of a collection that damaged files are moved to."""
_DIGITS = 16  # hexadecimal, of a line's sha256


class Line(NamedTuple):
    """One act of the journal."""

    number: int
    """from 1"""
    act: str | None
    """None where it is damaged"""


def add_line(collection: Path, act: str) -> None:
    """Add an act, a text without line breaks; it is on disk when this returns."""
    path = collection / JOURNAL
    is_new = not path.exists()
    with path.open("ab") as file:
        if not is_new and (torn := _torn(path)):
            file.truncate(file.tell() - torn)
        file.write(f"{_digest(act)} {act}\n".encode())
        file.flush()
        os.fsync(file.fileno())
    if is_new:
        sync_folder(collection)


def read_lines(collection: Path) -> list[Line]:
    """Return the acts of the journal, the first first; a torn one is not there."""
    try:
        *whole, _ = (collection / JOURNAL).read_bytes().split(b"\n")
    except FileNotFoundError:
        return []
    return [Line(number, _act(line)) for number, line in enumerate(whole, start=1)]


def set_damaged_apart(collection: Path) -> list[int]:
    """Leave the whole lines alone in the journal, if one is damaged; return the damaged ones.

    The journal as it was is kept in the folder APART.
    """
    lines = read_lines(collection)
    damaged = [line.number for line in lines if line.act is None]
    if damaged:
        path = collection / JOURNAL
        content = path.read_bytes()
        (collection / APART).mkdir(exist_ok=True)
        name = f"{hashlib.sha256(content).hexdigest()[:8]}-{JOURNAL}"
        write_durably(collection / APART / name, lambda file: file.write_bytes(content))
        whole = "".join(f"{_digest(act)} {act}\n" for _, act in lines if act is not None)
        write_durably(path, lambda file: file.write_bytes(whole.encode()))
    return damaged


def _act(line: bytes) -> str | None:
    with suppress(UnicodeDecodeError):
        digest, _, act = line.decode().partition(" ")
        if digest == _digest(act):
            return act
    return None


def _digest(act: str) -> str:
    return hashlib.sha256(act.encode()).hexdigest()[:_DIGITS]


def _torn(path: Path) -> int:
    """Return the number of bytes after the last line's end."""
    with path.open("rb") as file:
        file.seek(-min(1, path.stat().st_size), os.SEEK_END)
        if file.read() in (b"", b"\n"):
            return 0
    content = path.read_bytes()
    return len(content) - content.rfind(b"\n") - 1
