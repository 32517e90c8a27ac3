"""Reads a folder of pictures, recursively; a picture's label is the name of the folder it is in."""

import os
from collections.abc import Iterator, Mapping
from dataclasses import replace
from pathlib import Path

from indexer.decoding import SUFFIXES
from indexer.labels import Label, label_of_folder
from indexer.manifest import MANIFEST
from indexer.records import Record


def read(folder: Path, root: str, labels: Mapping[str, Label]) -> Iterator[Record]:
    """Yield a record per picture file, in the same order every time.

    `root` is the name that source ids begin with; `labels` overrule folder names, except where
    they hold metadata alone. Folders that are hidden, or collections, are not entered; other
    kinds of file are no inputs.
    """
    for path in _picture_files(folder):
        below = path.relative_to(folder)
        source_id = os.fsencode(f"{root}/{below.as_posix()}").decode("utf-8", "backslashreplace")
        given = next((labels[key] for key in _keys(folder, below) if key in labels), None)
        label = given or Label("")
        if not label.text:
            label = replace(label_of_folder(below.parent.name), metadata=label.metadata)
        try:
            stat = path.stat()
            problem, size, modified = _problem(path, below), stat.st_size, stat.st_mtime_ns
        except OSError as error:
            problem, size, modified = f"cannot be read: {error.strerror}", 0, 0
        yield Record(
            source_id=source_id,
            path=path,
            label=label.text,
            taxon=label.taxon,
            metadata=label.metadata,
            problem=problem,
            bytes=size,
            modified=modified,
            from_table=given is not None,
        )


def unmatched(folder: Path, labels: Mapping[str, Label]) -> list[str]:
    """Return the keys of a label file that speak of no picture file or folder here, sorted."""
    found = (
        key for path in _picture_files(folder) for key in _keys(folder, path.relative_to(folder))
    )
    return sorted(set(labels).difference(found))


def _picture_files(folder: Path) -> Iterator[Path]:
    for directory, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if MANIFEST in files and "segments" in folders:
            folders.clear()
            continue
        for name in sorted(files):
            if Path(name).suffix.lower() in SUFFIXES:
                yield Path(directory, name)


def _keys(folder: Path, below: Path) -> tuple[str, ...]:
    """What a label file may call a picture: path below the folder, or with it, or its folder."""
    whole = folder.resolve()
    called = (below.as_posix(), f"{whole.name}/{below.as_posix()}", str(whole / below))
    return (*called, below.parent.name) if below.parent.name else called


def _problem(path: Path, below: Path) -> str:
    if path.name.startswith("."):
        return "hidden file"
    if not path.is_file():
        return "not a regular file"
    if any("\ud800" <= character <= "\udfff" for character in str(below)):
        return "file name is not UTF-8; rename it"  # Python's stand-ins for other bytes
    return ""
