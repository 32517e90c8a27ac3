"""The journal: labels that a person gives, each on disk before the next, folded in together.

A commit derives a catalog, which takes seconds in a large collection; a line of the journal takes
milliseconds. `fold` makes one commit of all of them.
"""

import json
import logging
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import astuple, dataclass
from pathlib import Path
from typing import Any

import filelock

from indexer.catalog.catalog_file import deriving, write_catalog
from indexer.catalog.snapshot import Snapshot, open_snapshot
from indexer.labels.label_resolution import resolve_labels
from indexer.store.journal_file import APART, JOURNAL, add_line, read_lines, set_damaged_apart
from indexer.store.manifest import commit, read_manifest
from indexer.store.segment import LABELS, write_table
from indexer.store.writer_lock import only_writer
from model.errors import CollectionError, writing

_LOG = logging.getLogger("taxalens")
_WAIT = 30  # seconds that a line waits while others are folded in


@dataclass(frozen=True, slots=True)
class Statement:
    """A label that a person, a file or a folder gives an image."""

    image_id: str
    label: str
    """ "" takes an earlier one back"""
    taxon_key: str | None
    """None: no taxon"""
    common_name: str
    labelled_by: str
    """a person; "" where a file or a folder says it"""
    date_labelled: str
    """ISO 8601, UTC; "" where a file or a folder says it"""
    remarks: str = ""


def append(collection: Path, statements: Sequence[Statement]) -> None:
    """Add one act to the journal; it is on disk when this returns.

    Raises NotWritten where the disk is full or read-only.
    """
    line = json.dumps([astuple(each) for each in statements], ensure_ascii=False)
    with writing(collection / JOURNAL), alone(collection):
        add_line(collection, line)


def pending(collection: Path) -> dict[str, Statement]:
    """Return the last statement of each image that is in the journal still."""
    return {each.image_id: each for each in _statements(collection)}


def fold(collection: Path) -> int:
    """Commit what the journal holds as labels; return how many statements that is.

    Raises CollectionError for a collection in use, which folds in later.
    """
    if not (collection / JOURNAL).exists():
        return 0
    with only_writer(collection), alone(collection):
        if damaged := set_damaged_apart(collection):
            _LOG.warning(
                "%s was damaged in line %s, whose labels are lost; it is in %s as it was.",
                *(collection / JOURNAL, ", ".join(map(str, damaged)), collection / APART),
            )
        statements = list(_statements(collection))
        manifest = read_manifest(collection)
        if statements:
            with open_snapshot(collection) as snapshot:
                lines = list(_lines(snapshot, statements))
            path = f"labels/{manifest.next_name}.parquet"
            write_table(collection / path, lines, LABELS)
            manifest = commit(collection, manifest, [path])
        (collection / JOURNAL).unlink(missing_ok=True)
        with deriving("the meaning of its labels", collection, manifest):
            manifest = resolve_labels(collection, manifest, None)
        write_catalog(collection, manifest)
    return len(statements)


def said_before(snapshot: Snapshot, image_ids: Sequence[str]) -> dict[str, Statement]:
    """Return the label of each of some images in a generation; absent images are left out."""
    found = snapshot.query(_SAID, list(image_ids))
    return {image_id: Statement(image_id, *line) for image_id, *line in found}


def _lines(snapshot: Snapshot, statements: Iterable[Statement]) -> Iterator[dict[str, Any]]:
    """Yield lines of `segment.LABELS`: with the metadata, which the last line says anew."""
    statements = list(statements)
    ids = list({each.image_id for each in statements})
    found = snapshot.query(_METADATA, ids)
    metadata = {image_id: list((said or {}).items()) for image_id, said in found}
    for each in statements:
        if each.image_id in metadata:
            line = dict(zip(_FIELDS, astuple(each), strict=True))
            yield line | {"metadata": metadata[each.image_id]}


def _statements(collection: Path) -> Iterator[Statement]:
    for line in read_lines(collection):
        if line.act is not None:
            yield from (Statement(*each) for each in json.loads(line.act))


@contextmanager
def alone(collection: Path) -> Iterator[None]:
    """Hold the journal: nobody else writes to it meanwhile; raises CollectionError after _WAIT."""
    try:
        with filelock.FileLock(collection / f"{JOURNAL}.lock", timeout=_WAIT):
            yield
    except filelock.Timeout:
        raise CollectionError(
            f"{collection} is folding labels in and did not end in {_WAIT} seconds; try again."
        ) from None


_FIELDS = (
    *("image_id", "label", "taxon_key", "common_name"),
    *("labelled_by", "date_labelled", "remarks"),
)
_SAID = """
SELECT image_id, label, said_key, coalesce(common_name, ''), coalesce(labelled_by, ''),
    coalesce(date_labelled, '')
FROM images JOIN (SELECT unnest(?) AS image_id) USING (image_id)
"""
_METADATA = """
SELECT image_id, metadata FROM images JOIN (SELECT unnest(?) AS image_id) USING (image_id)
"""
