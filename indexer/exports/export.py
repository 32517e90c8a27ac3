"""Exports a collection: the file is complete or absent, and nothing is overwritten."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from indexer.backends import Rows
from indexer.catalog.snapshot import Snapshot
from indexer.exports.account import Account
from indexer.exports.image_rows import Images
from indexer.store.aside import made_aside, remove_dead
from indexer.tables.darwin_core_terms import DYNAMIC, nearest_term, term_of
from model.errors import BadInput, UnknownName, did_you_mean
from model.plugins import load_plugin, plugin_names

_CAMTRAP = {"deploymentID", "captureMethod", "samplingDesign", "deploymentStart", "deploymentEnd"}
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
    raise UnknownName(f"{target.name} does not tell its format; pass format=NAME: {told}.")


def export(
    snapshot: Snapshot,
    target: Path,
    format_: str = "",
    rows: Rows | None = None,
    mapped: Mapping[str, str] | None = None,
) -> Iterator[Account]:
    """Write images, all or those of some rows, to a target; yields the account as it grows.

    It is complete or not there, and what is there already is never overwritten. `format_` is the
    name of a file of this folder, "" the one that the target's suffix says. `mapped` renames
    columns of metadata, {"fecha": "eventDate"}. Raises UnknownName for an unknown format, column
    or term, BadInput for a target that cannot be written, or as `write` does.
    """
    format_ = format_ or format_of(target)
    write = load_plugin(_FORMATS, format_, "format").write
    remove_dead(target)
    if os.path.lexists(target):
        raise BadInput(f"{target} is there already; remove it, or name another target.")
    folder = target.parent.absolute()
    images = renamed(Images(snapshot, rows, folder=folder), mapped or {})
    account = Account()
    try:
        with made_aside(target) as unfinished:
            for _ in write(images, unfinished, account):
                yield account
    except OSError as error:
        raise BadInput(f"{target} cannot be written: {error.strerror or error}.") from error
    yield account


def renamed(images: Images, mapped: Mapping[str, str]) -> Images:
    """Return images whose columns of metadata are renamed; raises UnknownName, BadInput."""
    columns = images.metadata_keys if mapped else []
    terms: dict[str, str] = {}
    for column, name in mapped.items():
        if column not in columns:
            raise UnknownName(
                f"No image here has a column {column!r} to map.{did_you_mean(column, columns)}"
            )
        term = term_of(name) or (name if name in _CAMTRAP else "")
        if not term:
            near = nearest_term(name)
            advice = f"did you mean {near}?" if near else f"{DYNAMIC} holds anything."
            raise UnknownName(f"{name!r} is not a term of Darwin Core; {advice}")
        taken = next((each for each in columns if each != column and term_of(each) == term), "")
        if term != DYNAMIC and (taken or term in terms.values()):
            other = taken or next(each for each, known in terms.items() if known == term)
            raise BadInput(
                f"The columns {column} and {other} cannot both be {term}; map one of them to "
                f"{DYNAMIC} or rename it in the table."
            )
        terms[column] = term
    return replace(images, mapped=terms)
