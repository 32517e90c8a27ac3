"""Readers of inputs, one kind of source a file.

A file has `NOUN`, what it reads in words; `claims(source) -> bool`, whether a path or address
looks like that, which is quick and never raises; `base(source) -> str`, the folder, archive or
address that its source ids are below; and `read(source, fetch) -> Iterator[Record]`, in the same
order every time, which raises BadInput for what cannot be read after all. Sources are offered in
the order of the files' names, so a kind that another one looks like too comes first.
"""

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from indexer.inputs.records import Record, is_address
from model.errors import BadInput
from model.plugins import load_plugin, plugin_names

Fetch = Callable[[str], bytes]
"""Downloads what is at a URL; raises BadInput with the reason where it cannot or may not."""


class Reader(Protocol):
    """A file of this folder."""

    NOUN: str

    def claims(self, source: str) -> bool:
        """Tell whether a path or address looks like what it reads."""

    def base(self, source: str) -> str:
        """Return what the ids of its records are below."""

    def read(self, source: str, fetch: Fetch) -> Iterator[Record]:
        """Yield a record per input."""


def reader_of(source: str) -> Reader:
    """Return a source's reader; raises BadInput, with what can be read, where there is none."""
    if not is_address(source) and not os.path.lexists(source):
        raise BadInput(f"There is nothing at {source}.")
    for reader in _readers():
        if reader.claims(source):
            return reader
    raise BadInput(f"{source} is nothing that can be indexed; {_can_be_read()}")


def refuse(url: str) -> bytes:
    """Download nothing: what happens unless somebody asked for it."""
    raise BadInput(f"{url} is not on this machine; pass fetch=True to download it.")


def normal(source: str | Path) -> str:
    """Return a source as it is kept: an address as it is, a path absolute."""
    return str(source) if is_address(str(source)) else str(Path(source).expanduser().resolve())


def _readers() -> list[Reader]:
    return [load_plugin(__name__, name, "reader") for name in plugin_names(__name__)]


def _can_be_read() -> str:
    return f"what can be indexed is {', '.join(reader.NOUN for reader in _readers())}."
