"""Photographs that are no longer as they were indexed: every one on this machine is read again."""

from collections.abc import Iterator, Sequence
from dataclasses import replace

import duckdb

from indexer.catalog.snapshot import Snapshot
from indexer.ingest.damage import Damage
from indexer.ingest.prefetch import Opened, opened_batches
from indexer.inputs import status
from indexer.inputs.records import Record, is_address
from indexer.readers import Reader, reader_of, refuse
from indexer.store.writer_lock import with_source
from model.errors import BadInput
from model.progress import OnStep, Step

_JOB = "photographs"
_TOGETHER = 256  # photographs that are compared at once


def changed_pictures(snapshot: Snapshot, report: OnStep) -> Iterator[Damage]:
    """Read every photograph of a collection's sources, and yield those that have changed.

    One at an address is not fetched. A bit that flips on a disk changes neither the size of a file
    nor its time, so that `update` does not notice it.
    """
    cursor = snapshot.cursor()
    cursor.execute("CREATE TEMP TABLE seen (source_id VARCHAR)")
    ((total,),) = cursor.execute(f"SELECT count(*) {_KNOWN}").fetchall()
    done = 0
    report(Step(_JOB, "images", done, total))
    for source in snapshot.manifest.sources:
        if is_address(source):
            continue
        try:
            reader = reader_of(source)
            root, _ = with_source(snapshot.manifest, source, reader.base(source))
            records = _records(reader, source, root)
            for batch in opened_batches(records, _TOGETHER, lambda _: True, refuse):
                yield from _compared(cursor, batch)
                done += len(batch)
                report(Step(_JOB, "images", min(done, total), total))
        except BadInput as error:
            advice = "connect its disk; if it was moved: taxalens relocate"
            yield Damage(source, str(error).rstrip("."), advice)
        else:
            yield from _missing(snapshot, cursor, root)


def _records(reader: Reader, source: str, root: str) -> Iterator[Record]:
    for record in reader.read(source, refuse):
        if not record.is_remote:
            yield replace(record, source_id=f"{root}/{record.storable().source_id}")


def _compared(cursor: duckdb.DuckDBPyConnection, batch: Sequence[Opened]) -> Iterator[Damage]:
    ids = [each.record.source_id for each in batch]
    cursor.execute("INSERT INTO seen SELECT unnest(?)", [ids])
    asked = (
        f"SELECT source_id, sha256, bytes, modified {_KNOWN} AND source_id IN (SELECT unnest(?))"
    )
    rows = cursor.execute(asked, [ids])
    known = {source_id: rest for source_id, *rest in rows.fetchall()}
    for each in batch:
        sha256, size, modified = known.get(each.record.source_id, (each.sha256, 0, 0))
        if each.sha256 == sha256:
            continue
        path = str(each.record.path or each.record.source_id)
        if not each.sha256:
            yield Damage(path, each.problem, "restore it from a copy")
        elif (each.record.bytes, each.record.modified) == (size, modified):
            problem = "has other bytes than when it was indexed, of the same size and time"
            yield Damage(path, problem, "it is likely damaged: restore it from a copy")
        else:
            yield Damage(path, "was changed after it was indexed", _UPDATE)


def _missing(snapshot: Snapshot, cursor: duckdb.DuckDBPyConnection, root: str) -> Iterator[Damage]:
    rows = cursor.execute(f"SELECT source_id {_KNOWN} {_UNSEEN}", [f"{root}/"])
    for (source_id,) in rows.fetchall():
        path = snapshot.path_of(source_id)
        if path is None or not path.exists():
            yield Damage(str(path or source_id), "is no longer there", _UPDATE)


_UPDATE = "taxalens update notes it"
_KNOWN = f"""
FROM (SELECT source_id, image_id, bytes, modified FROM inputs
    WHERE status IN ('{status.EMBEDDED}', '{status.DUPLICATE}'))
JOIN (SELECT image_id, sha256, url FROM images) USING (image_id) WHERE true
"""
_UNSEEN = """
AND starts_with(source_id, ?) AND coalesce(url, '') = '' AND source_id NOT IN (FROM seen)
"""
