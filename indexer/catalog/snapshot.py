"""A snapshot: one generation of a collection, opened for reading."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import duckdb

from indexer.catalog.catalog_file import open_catalog
from indexer.inputs.paths import below
from indexer.inputs.records import CROP_MARK, is_address
from indexer.store.database import guarded
from indexer.store.manifest import Manifest, read_manifest
from indexer.store.segment import open_vectors
from model.errors import CollectionError
from model.vectors import Vectors


@dataclass(frozen=True, slots=True, eq=False, weakref_slot=True)
class Snapshot:
    """One generation; later ones do not change what it shows."""

    folder: Path
    manifest: Manifest
    catalog: duckdb.DuckDBPyConnection
    exact_places: bool = True
    """whether places of threatened species are shown exactly (`sensitive_places`)"""

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection to the catalog of one's own; several threads must not share one.

        It raises CollectionError where the catalog is damaged.
        """
        return guarded(self.catalog.cursor(), self._damaged)

    def _damaged(self, reason: str) -> CollectionError:
        return CollectionError(
            f"The catalog of {self.folder} is damaged ({reason}): taxalens repair -c {self.folder} "
            "derives it again."
        )

    def query(self, sql: str, *parameters: object) -> list[tuple[Any, ...]]:
        """Run a query on the catalog; safe to call from several threads."""
        return self.cursor().execute(sql, list(parameters)).fetchall()

    def vectors(self) -> list[Vectors]:
        """Return each segment's vectors, mapped from disk: (rows, dim) float16."""
        paths = [path for path in self.manifest.paths("segments") if path.endswith(".npy")]
        return [open_vectors(self.folder / path) for path in paths]

    def vector(self, row: int) -> Vectors:
        """Return the unit vector of one row, (dim,) float16; raises IndexError for no row."""
        for array in self.vectors():
            if row < len(array):
                vector: Vectors = array[row]
                return vector
            row -= len(array)
        raise IndexError(row)

    def image_ids(self, rows: Sequence[int]) -> dict[int, str]:
        """Return the ids of the images of some rows, by row."""
        return dict(self.query(_IDS, list(rows)))

    def path_of(self, source_id: str) -> Path | None:
        """Return the current path of a source; of an archive's member, a path below the archive.

        Returns None for a source at an address, or outside of its root.
        """
        root, _, name = source_id.partition("/")
        base = self.manifest.roots[root]
        return None if is_address(base) else below(base, name.partition(CROP_MARK)[0])

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """Close the catalog."""
        self.catalog.close()


_IDS = 'SELECT "row", image_id FROM images JOIN (SELECT unnest(?) AS "row") USING ("row")'


def open_snapshot(folder: Path) -> Snapshot:
    """Open the current generation; raises CollectionError where there is none that is whole."""
    manifest = read_manifest(folder)
    return Snapshot(folder, manifest, open_catalog(folder, manifest))
