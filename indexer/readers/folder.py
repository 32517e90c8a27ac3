"""Reads a folder of pictures, recursively; a picture's label is the name of the folder it is in."""

import os
from collections.abc import Iterator
from pathlib import Path

from indexer.inputs.decoding import SUFFIXES
from indexer.inputs.records import Record
from indexer.labels.label_files import label_of_folder
from indexer.readers import Fetch
from indexer.store.manifest import MANIFEST
from model.errors import BadInput

NOUN = "a folder of pictures or one picture"


def claims(source: str) -> bool:
    """Tell whether it is a folder, or a file called like a picture."""
    return os.path.isdir(source) or _is_picture(source)


def base(source: str) -> str:
    """Return the folder itself; of one picture the folder it is in."""
    return source if os.path.isdir(source) else str(Path(source).parent)


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per picture file; raises BadInput for a folder without any.

    Folders that are hidden, or collections, are not entered; other kinds of file are no inputs.
    """
    folder, path = Path(base(source)), None
    for path in _picture_files(folder) if os.path.isdir(source) else [Path(source)]:
        yield of_file(path, path.relative_to(folder))
    if path is None:
        raise BadInput(f"{folder} holds no pictures: no file in it ends in .jpg, .png or so.")


def of_file(path: Path, below: Path) -> Record:
    """Return the record of a picture file; one that cannot be an input carries its problem."""
    label = label_of_folder(below.parent.name)
    try:
        stat = path.stat()
        problem, size, modified = _problem(path, below), stat.st_size, stat.st_mtime_ns
    except OSError as error:
        problem, size, modified = f"cannot be read: {error.strerror}", 0, 0
    return Record(
        source_id=os.fsencode(below.as_posix()).decode("utf-8", "backslashreplace"),
        path=path,
        label=label.text,
        taxon=label.taxon,
        problem=problem,
        bytes=size,
        modified=modified,
    )


def _picture_files(folder: Path) -> Iterator[Path]:
    for directory, folders, files in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        if MANIFEST in files and "segments" in folders:
            folders.clear()
            continue
        for name in sorted(files):
            if _is_picture(name):
                yield Path(directory, name)


def _is_picture(name: str) -> bool:
    return Path(name).suffix.lower() in SUFFIXES


def _problem(path: Path, below: Path) -> str:
    if path.name.startswith("."):
        return "hidden file"
    if not path.is_file():
        return "not a regular file"
    if any("\ud800" <= character <= "\udfff" for character in str(below)):
        return "file name is not UTF-8; rename it"  # Python's stand-ins for other bytes
    return ""
