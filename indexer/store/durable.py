"""Files that are complete or absent, whatever happens: written aside, synced, renamed."""

import os
from collections.abc import Callable
from contextlib import suppress
from itertools import takewhile
from pathlib import Path

from model.errors import writing


def write_durably(path: Path, write: Callable[[Path], object]) -> None:
    """Have `write` fill a temporary file beside `path`, then sync it and rename it to `path`.

    The folder itself is synced by `sync_folder`, once for all files of a commit. Raises NotWritten
    where the disk is full or read-only; then nothing of the file is left.
    """
    temporary = path.with_name(f".{path.name}.tmp")
    try:
        with writing(path):
            make_folder(path.parent)
            write(temporary)
            sync_file(temporary)
            temporary.replace(path)
    except BaseException:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def sync_file(path: Path) -> None:
    """Make the content of a file survive a power cut."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_folder(folder: Path) -> None:
    """Make the names in a folder survive a power cut; does nothing where folders cannot sync."""
    if os.name != "nt":
        sync_file(folder)


def make_folder(folder: Path) -> None:
    """Make a folder, with those above it, so that they survive a power cut."""
    new = [*takewhile(lambda each: not each.exists(), (folder, *folder.parents))]
    folder.mkdir(parents=True, exist_ok=True)
    for each in new:
        sync_folder(each.parent)
