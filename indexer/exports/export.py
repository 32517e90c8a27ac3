"""Exports a collection: the file is complete or absent, and nothing is overwritten."""

import os
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Protocol

from indexer.backends import Rows
from indexer.catalog.snapshot import Snapshot
from indexer.exports.account import Account
from indexer.exports.image_rows import Images
from model.errors import BadInput, UnknownName
from model.plugins import load_plugin, plugin_names

_FORMATS = "indexer.exports.formats"


class Format(Protocol):
    """A file of this folder."""

    NOUN: str
    SUFFIX: str

    def write(self, images: Images, target: Path, account: Account) -> Iterator[None]:
        """Write images to a file or folder that is not there yet."""


def formats() -> dict[str, Format]:
    """Return the formats by their names."""
    return {name: load_plugin(_FORMATS, name, "format") for name in plugin_names(_FORMATS)}


def format_of(target: Path) -> str:
    """Return the format that a target's suffix says; raises UnknownName where none is certain."""
    known = formats()
    for name, format_ in known.items():
        if format_.SUFFIX and target.suffix.lower() == format_.SUFFIX:
            return name
    told = "; ".join(f"{name} ({format_.NOUN})" for name, format_ in known.items())
    raise UnknownName(f"{target.name} may be in any format; pass format=NAME: {told}.")


def export(
    snapshot: Snapshot, target: Path, format_: str = "", rows: Rows | None = None
) -> Iterator[Account]:
    """Write images, all or those of some rows, to a target; yields the account as it grows.

    It is complete or not there, and what is there already is never overwritten. `format_` is the
    name of a file of this folder, "" the one that the target's suffix says. Raises UnknownName for
    an unknown format, BadInput for a target that cannot be written, or as `write` does.
    """
    format_ = format_ or format_of(target)
    write = load_plugin(_FORMATS, format_, "format").write
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
