"""Readers of taxonomies, one kind of source a file.

A file has `NOUN`, what it reads in words; `claims(path) -> bool`, whether a path looks like that,
which is quick and never raises; and `read(path) -> Draft`, which raises BadInput for what cannot
be read after all. Paths are offered in the order of the files' names, so a kind that another one
looks like too comes first. `inat` needs no path: it has `NOUN` and `read()`.
"""

import zipfile
from pathlib import Path
from typing import Protocol

from indexer.taxonomy.draft import Draft
from model.errors import BadInput
from model.plugins import load_plugin, plugin_names

INAT = "inat"


class Source(Protocol):
    """A file of this folder."""

    NOUN: str

    def claims(self, path: Path) -> bool:
        """Tell whether a path looks like what it reads."""

    def read(self, path: Path) -> Draft:
        """Read what it claims."""


def read_source(source: str) -> Draft:
    """Read "inat", or what lies at a path; a folder called inat is "./inat".

    Raises BadInput, with what can be read, where nothing is there or no reader knows it.
    """
    if source == INAT:
        draft: Draft = load_plugin(__name__, INAT, "taxonomy").read()
        return draft
    path = Path(source).expanduser()
    if not path.exists():
        raise BadInput(f"There is nothing at {path}; {_can_be_read()}")
    for reader in _readers():
        if reader.claims(path):
            return reader.read(path)
    if path.suffix.lower() == ".zip" and not zipfile.is_zipfile(path):
        raise BadInput(f"{path} is no complete zip file; get it anew.")
    raise BadInput(f"{path} is no taxonomy in a known form; {_can_be_read()}")


def _readers() -> list[Source]:
    names = [name for name in plugin_names(__name__) if name != INAT]
    return [load_plugin(__name__, name, "taxonomy") for name in names]


def _can_be_read() -> str:
    nouns = ", ".join(reader.NOUN for reader in _readers())
    return f"what can be read is {nouns}, and the word {INAT}."
