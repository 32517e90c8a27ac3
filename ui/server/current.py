"""The current generation of a collection, opened once for all threads of a process."""

from dataclasses import replace
from functools import cache
from pathlib import Path
from threading import Lock

from indexer.store.manifest import MANIFEST
from search.collection import Collection, open_collection

Stamp = tuple[int, int, int]


class CurrentCollection:
    """A collection that is opened when it is first asked for, and anew when it has changed.

    Whoever still uses an earlier generation keeps it; it closes when nobody does.
    """

    def __init__(self, folder: Path, exact_places: bool = False) -> None:
        self.folder = folder
        self.exact_places = exact_places
        self._opening = Lock()
        self._opened: tuple[Stamp, Collection] | None = None

    def get(self) -> Collection:
        """Return the current generation; raises CollectionError where there is none."""
        with self._opening:
            stamp = self._stamp()  # before it is opened, so that a later commit shows
            if stamp is None or self._opened is None or self._opened[0] != stamp:
                opened = self._open()
                if stamp is None:
                    return opened
                self._opened = (stamp, opened)
            return self._opened[1]

    def close(self) -> None:
        """Close it; DuckDB prints a page about leaks for one that is open when Python ends."""
        with self._opening:
            if self._opened:
                self._opened[1].close()
            self._opened = None

    def _stamp(self) -> Stamp | None:
        """Return what changes when a manifest is put in another's place; None without one."""
        try:
            found = (self.folder / MANIFEST).stat()
        except OSError:
            return None
        return found.st_ino, found.st_mtime_ns, found.st_size

    def _open(self) -> Collection:
        """Open it, with the encoder that the last generation loaded where that is the same."""
        fresh = open_collection(self.folder)
        snapshot = replace(fresh.snapshot, exact_places=self.exact_places)
        last = self._opened[1] if self._opened else None
        loaded = vars(last).get("encoder") if last else None
        if last and last.snapshot.manifest.encoder != snapshot.manifest.encoder:
            loaded = None
        return Collection(snapshot, loaded, fresh.names.taxonomy)


@cache
def current_collection(folder: Path, exact_places: bool = False) -> CurrentCollection:
    """Return the one of a folder, which the page and the API share with its encoder."""
    return CurrentCollection(folder, exact_places)
