"""Formats that a collection is handed on in, one a file.

A file has `NOUN`, what it writes in words; `SUFFIX`, the ending that says so for certain, "" for
none; and `write(images, target, account) -> Iterator[None]`, which writes what is not there yet,
yields after every batch, and notes in the account what was written and what was not. Beside
`target` is room for whatever it needs on the way. It raises BadInput where an image cannot be told
in its form for lack of something that the form demands, and no other can.
"""

import os
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from indexer.backends import Rows
from indexer.images import Images
from indexer.snapshot import Snapshot
from model.errors import BadInput, UnknownName
from model.plugins import load_plugin, plugin_names


@dataclass(slots=True)
class Account:
    """What an export wrote, so far."""

    images: int = 0
    """looked at"""
    written: Counter[str] = field(default_factory=Counter)
    """lines by their table"""
    left_out: Counter[str] = field(default_factory=Counter)
    """how many of what was left out, by the reason"""
    notes: list[str] = field(default_factory=list)
    """what to know or do before it is handed on"""


class Format(Protocol):
    """A file of this folder."""

    NOUN: str
    SUFFIX: str

    def write(self, images: Images, target: Path, account: Account) -> Iterator[None]:
        """Write images to a file or folder that is not there yet."""


def formats() -> dict[str, Format]:
    """Return the formats by their names."""
    return {name: load_plugin(__name__, name, "format") for name in plugin_names(__name__)}


def format_of(target: Path) -> str:
    """Return the format that a target's suffix says; raises UnknownName where none is certain."""
    known = formats()
    for name, format_ in known.items():
        if format_.SUFFIX and target.suffix.lower() == format_.SUFFIX:
            return name
    told = "; ".join(f"{name} ({format_.NOUN})" for name, format_ in known.items())
    raise UnknownName(f"{target.name} may be in any format; say which with --format: {told}.")


def export(
    snapshot: Snapshot, target: Path, format_: str = "", rows: Rows | None = None
) -> Iterator[Account]:
    """Write images, all or those of some rows, to a target; yields the account as it grows.

    It is complete or not there, and what is there already is never overwritten. `format_` is the
    name of a file of this folder, "" the one that the target's suffix says. Raises UnknownName for
    an unknown format, BadInput for a target that cannot be written, or as `write` does.
    """
    format_ = format_ or format_of(target)
    write = load_plugin(__name__, format_, "format").write
    if os.path.lexists(target):
        raise BadInput(f"{target} is there already; remove it, or name another target.")
    account = Account()
    try:
        with TemporaryDirectory(prefix=".taxalens-", dir=target.parent) as aside:
            unfinished = Path(aside, target.name)
            for _ in write(Images(snapshot, rows), unfinished, account):
                yield account
            unfinished.rename(target)
    except OSError as error:
        raise BadInput(f"{target} cannot be written: {error.strerror or error}.") from error
    yield account
