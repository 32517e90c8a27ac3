"""Derived arrays: kept in a collection because they take long to compute, and dispensable.

A file is named after the content that its arrays derive from, so one that is found is never out of
date; it begins with the sha256 of the rest, so a damaged one counts as missing. Where a collection
cannot be written to, nothing is kept.
"""

import hashlib
import io
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import numpy.typing as npt

from indexer.store.durable import write_durably
from model.errors import NotWritten

FOLDER = "derived"
ADAPTATION = "adaptation"
"""the kind of the map that `taxalens adapt` learns; whoever looks for one need not load it"""
MOST = 8  # files of one kind; of more the oldest go
_HASH = hashlib.sha256().digest_size
Arrays = Mapping[str, npt.NDArray[Any]]


def kept_or_made(folder: Path, kind: str, key: str, make: Callable[[], Arrays]) -> Arrays:
    """Return the arrays of a kind that a collection keeps under a key, else make and keep them.

    `kind` is a word, `key` the hexadecimal digest of all that the arrays derive from.
    """
    found = kept(folder, kind, key)
    if found is not None:
        return found
    arrays = make()
    with suppress(NotWritten, OSError):  # a read-only folder, a full disk
        keep(folder, kind, key, arrays)
    return arrays


def kept(folder: Path, kind: str, key: str) -> Arrays | None:
    """Return the arrays that are kept under a key; None where there are none that are whole."""
    return _read(_path(folder, kind, key))


def newest(folder: Path, kind: str) -> Arrays | None:
    """Return the arrays of a kind that were kept last; None where there are none that are whole."""
    last = max(files(folder, kind), key=lambda file: file.stat().st_mtime_ns, default=None)
    return _read(last) if last else None


def files(folder: Path, kind: str) -> Iterator[Path]:
    """Yield the files of a kind, in any order."""
    yield from (folder / FOLDER).glob(f"{kind}-*.kept")


def _read(path: Path) -> Arrays | None:
    try:
        content = path.read_bytes()
    except OSError:
        return None
    whole = unseal(content)
    if whole is None:
        return None
    with (
        suppress(ValueError, OSError, BadZipFile, KeyError),
        np.load(io.BytesIO(whole), allow_pickle=False) as arrays,
    ):
        return {name: arrays[name] for name in arrays.files}
    return None


def keep(folder: Path, kind: str, key: str, arrays: Arrays) -> None:
    """Keep arrays under a key, and only the newest MOST of their kind; raises NotWritten."""
    buffer = io.BytesIO()
    np.savez(buffer, allow_pickle=False, **arrays)
    content = seal(buffer.getvalue())
    write_durably(_path(folder, kind, key), lambda path: path.write_bytes(content))
    for old in sorted(files(folder, kind), key=lambda file: file.stat().st_mtime_ns)[:-MOST]:
        old.unlink(missing_ok=True)


def remove(folder: Path, kind: str, but: str = "") -> int:
    """Remove the arrays of a kind, but for those of one key; return the number of files."""
    gone = set(files(folder, kind)) - {_path(folder, kind, but)}
    for file in gone:
        file.unlink(missing_ok=True)
    return len(gone)


def damaged(folder: Path) -> list[Path]:
    """Return the files that are kept and not as they were written."""
    found = []
    for path in sorted((folder / FOLDER).glob("*.kept")):
        try:
            if unseal(path.read_bytes()) is None:
                found.append(path)
        except OSError:
            found.append(path)
    return found


def seal(content: bytes) -> bytes:
    """Return a content behind its sha256."""
    return hashlib.sha256(content).digest() + content


def unseal(sealed: bytes) -> memoryview | None:
    """Return the content behind a sha256; None where it is not as it was sealed."""
    content = memoryview(sealed)[_HASH:]
    return content if hashlib.sha256(content).digest() == sealed[:_HASH] else None


def _path(folder: Path, kind: str, key: str) -> Path:
    return folder / FOLDER / f"{kind}-{key}.kept"
