"""The one writer of a collection: its lock, and the names of the roots that it reads."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import filelock

from indexer.store.manifest import Manifest
from model.errors import CollectionError


@contextmanager
def only_writer(collection: Path) -> Iterator[None]:
    """Hold the collection's lock; raises CollectionError, naming the holder, where it is held."""
    try:
        collection.mkdir(parents=True, exist_ok=True)
        holder = collection / "writer.txt"
        with filelock.FileLock(collection / "writer.lock", timeout=0):
            holder.write_text(f"process {os.getpid()} on {socket.gethostname()}")
            yield
    except filelock.Timeout:
        raise CollectionError(
            f"{collection} is being written by {holder.read_text()}; wait until that has ended."
        ) from None
    except (FileExistsError, NotADirectoryError, PermissionError) as error:
        raise CollectionError(f"{collection} cannot be written: {error.strerror}.") from error


def with_source(manifest: Manifest, source: str, base: str) -> tuple[str, Manifest]:
    """Return the name that ids below a base begin with, and the manifest that knows both."""
    name = next((name for name, known in manifest.roots.items() if known == base), None)
    if name is None:
        short = Path(base).name or "root"
        names = [short, *(f"{short}-{number}" for number in range(2, len(manifest.roots) + 2))]
        name = next(name for name in names if name not in manifest.roots)
    sources = tuple(dict.fromkeys((*manifest.sources, source)))
    return name, replace(manifest, roots={**manifest.roots, name: base}, sources=sources)
