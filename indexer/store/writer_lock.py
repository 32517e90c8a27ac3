"""The one writer of a collection: its lock, and the names of the roots that it reads."""

import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import filelock

from indexer.store.durable import make_folder
from indexer.store.leftovers import sweep
from indexer.store.manifest import Manifest
from model.errors import CollectionError, writing

_LOCK, _HOLDER = TRACES = ("writer.lock", "writer.txt")
"""The files that a writer leaves."""


@contextmanager
def only_writer(collection: Path) -> Iterator[None]:
    """Hold the collection's lock, and remove the leftovers of writers that died.

    Raises CollectionError, naming the holder, where the lock is held; NotWritten where the
    collection cannot be written.
    """
    holder = collection / _HOLDER
    lock = filelock.FileLock(collection / _LOCK, timeout=0)
    with writing(collection):
        make_folder(collection)
        try:
            lock.acquire()
        except filelock.Timeout:  # an OSError, too
            raise CollectionError(
                f"{collection} is being written by {_named(holder)}; wait until that has ended."
            ) from None
    try:
        with writing(collection):
            holder.write_text(f"process {os.getpid()} on {socket.gethostname()}")
        sweep(collection)
        try:
            yield
        except BaseException:
            sweep(collection)  # a full disk gets its room back at once
            raise
    finally:
        lock.release()


def _named(holder: Path) -> str:
    try:
        return holder.read_text() or "another process"
    except OSError:
        return "another process"


def with_source(manifest: Manifest, source: str, base: str) -> tuple[str, Manifest]:
    """Return the name that ids below a base begin with, and the manifest that knows both."""
    name = next((name for name, known in manifest.roots.items() if known == base), None)
    if name is None:
        short = Path(base).name or "root"
        names = [short, *(f"{short}-{number}" for number in range(2, len(manifest.roots) + 2))]
        name = next(name for name in names if name not in manifest.roots)
    sources = tuple(dict.fromkeys((*manifest.sources, source)))
    return name, replace(manifest, roots={**manifest.roots, name: base}, sources=sources)
