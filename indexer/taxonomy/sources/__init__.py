"""Readers of taxonomies, one kind of source a file.

A file has `NOUN`, what it reads in words; `claims(path) -> bool`, whether a path looks like that,
which is quick and never raises; and `read(path) -> Draft`, which raises BadInput for what cannot
be read after all. Paths are offered in the order of the files' names, so a kind that another one
looks like too comes first. What a package carries needs no path, but a word: such a file has `NOUN`
and `read()`.
"""

import zipfile
from pathlib import Path
from typing import Protocol

from indexer.tables.table import SUFFIXES
from indexer.taxonomy.archive import names_in, open_archive
from indexer.taxonomy.draft import Draft
from model.errors import BadInput
from model.plugins import load_plugin, plugin_names

PACKAGES = ("inat", "ncbi")
_COL = "col"


class Source(Protocol):
    """A file of this folder."""

    NOUN: str

    def claims(self, path: Path) -> bool:
        """Tell whether a path looks like what it reads."""

    def read(self, path: Path) -> Draft:
        """Read what it claims."""


def read_source(source: str) -> Draft:
    """Read one of PACKAGES, or what lies at a path; a folder called inat is "./inat".

    A folder or zip without a description is its one table. Raises BadInput, with what can be read,
    where nothing is there or no reader knows it.
    """
    if source in PACKAGES:
        draft: Draft = load_plugin(__name__, source, "taxonomy").read()
        return draft
    path = Path(source).expanduser()
    if not path.exists():
        hint = (
            "download a release of the Catalogue of Life (its Data Package, or its Darwin Core "
            "archive) and name the file"
            if source == _COL
            else _can_be_read()
        )
        raise BadInput(f"There is nothing at {path}; {hint}")
    if reader := _reader_of(path):
        return reader.read(path)
    if path.suffix.lower() == ".zip" and not zipfile.is_zipfile(path):
        raise BadInput(f"{path} is no complete zip file; get it anew.")
    tables = [name for name in names_in(path) if Path(name).suffix.lower() in SUFFIXES]
    if len(tables) == 1:
        with open_archive(path) as archive:
            if reader := _reader_of(archive.file(tables[0])):
                return reader.read(archive.file(tables[0]))
    elif tables:
        raise BadInput(
            f"{path} holds several tables and no meta.xml that describes them; import one of "
            f"{', '.join(tables[:5])}."
        )
    raise BadInput(f"{path} is no taxonomy in a known form; {_can_be_read()}")


def _reader_of(path: Path) -> Source | None:
    return next((reader for reader in _readers() if reader.claims(path)), None)


def _readers() -> list[Source]:
    names = [name for name in plugin_names(__name__) if name not in PACKAGES]
    return [load_plugin(__name__, name, "taxonomy") for name in names]


def _can_be_read() -> str:
    nouns = ", ".join(reader.NOUN for reader in _readers())
    return f"what can be read is {nouns}, and the words {' and '.join(PACKAGES)}."
