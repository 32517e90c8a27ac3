"""A file or folder of the user's, made aside and put in place when it is complete."""

import glob
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

import filelock

from indexer.store.durable import sync_file, sync_folder

_LOCK = "lock"


@contextmanager
def made_aside(target: Path) -> Iterator[Path]:
    """Yield a path to make a file or folder at, and afterwards sync it and rename it to `target`.

    The path lies in a folder beside `target`, which is locked by its maker, and removed after an
    error. Raises OSError.
    """
    remove_dead(target)
    # What cannot be removed now is removed by the next maker.
    aside = TemporaryDirectory(
        prefix=_prefix(target), dir=target.parent, ignore_cleanup_errors=True
    )
    with aside as folder, filelock.FileLock(Path(folder, _LOCK), timeout=0):
        complete = Path(folder, target.name)
        yield complete
        for path in (complete, *complete.rglob("*")):
            (sync_folder if path.is_dir() else sync_file)(path)
        complete.replace(target)
        sync_folder(target.parent)


def remove_dead(target: Path) -> None:
    """Remove the folders that makers of a target left when they were killed."""
    for folder in target.absolute().parent.glob(f"{glob.escape(_prefix(target))}*"):
        with suppress(OSError):  # a maker lives: filelock.Timeout is one, too
            with filelock.FileLock(folder / _LOCK, timeout=0):
                pass
            shutil.rmtree(folder)


def _prefix(target: Path) -> str:
    return f".{target.name}.making-"
