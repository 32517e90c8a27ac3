"""What a collection knows of picture contents, by sha256, so that none is embedded twice."""

from dataclasses import dataclass

from indexer.snapshot import Snapshot
from model.vectors import Vectors


@dataclass(frozen=True, slots=True)
class Content:
    """An embedded content: the source it was first seen at, its size in pixels and its vector."""

    source_id: str
    width: int
    height: int
    vectors: Vectors
    """the array that holds it, (rows, dim) float16"""
    row: int

    @property
    def vector(self) -> Vectors:
        """Its unit vector, (dim,) float16."""
        vector: Vectors = self.vectors[self.row]
        return vector


def contents_of(snapshot: Snapshot) -> dict[str, Content]:
    """Return the contents of a collection; the vectors stay on disk until they are asked for."""
    rows = snapshot.query(
        'SELECT "row", sha256, source_id, width, height FROM images ORDER BY "row"'
    )
    contents: dict[str, Content] = {}
    arrays = iter(snapshot.vectors())
    array, start = next(arrays, None), 0
    for row, sha256, source_id, width, height in rows:
        while array is not None and row >= start + len(array):
            start += len(array)
            array = next(arrays, None)
        if array is not None:
            contents.setdefault(sha256, Content(source_id, width, height, array, row - start))
    return contents
