"""How a source differs from what a collection knows of it."""

from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from itertools import islice
from typing import Any

import duckdb

from indexer.catalog.snapshot import Snapshot
from indexer.inputs import status
from indexer.inputs.records import Record
from indexer.labels.label_files import Label, keys_of
from indexer.readers import Fetch, normal, reader_of, refuse
from model.taxon import Taxon


@dataclass(frozen=True, slots=True)
class Known:
    """What a collection knows of an input."""

    status: str
    reason: str
    bytes: int
    modified: int
    image_id: str | None
    said: Mapping[str, Any]
    url: str
    labelled_by: str
    """the person whose label no table and no folder overrules; "" where there is no such label"""


Wanted = Callable[[Known, Record], bool]
"""Tells whether an input that is known is to be read again."""


@dataclass(slots=True)
class News:
    """What is new in a source; `chosen` yields the inputs, which are not kept in memory."""

    inputs: dict[str, Mapping[str, Any] | None] = field(default_factory=dict)
    """ids of what is to be read; for each what was said before and stays so, or None"""
    remote: str = ""
    """a URL among them, if there is one that has to be fetched"""
    relabelled: list[tuple[str, Record]] = field(default_factory=list)
    """images that are labelled otherwise"""
    vanished: list[tuple[str, Known]] = field(default_factory=list)


def changed(known: Known, record: Record) -> bool:
    """Want what has changed, or is there again; not what its owner removed."""
    return known.status != status.REMOVED and (
        known.status == status.VANISHED
        or (known.bytes, known.modified) != (record.bytes, record.modified)
    )


def changed_or_removed(known: Known, record: Record) -> bool:
    """Want what was removed, too."""
    return known.status == status.REMOVED or changed(known, record)


def failed(reason: str = "") -> Wanted:
    """Want what failed for a reason that has these words in it."""
    return lambda known, _: known.status == status.FAILED and reason in known.reason


def news_of(
    snapshot: Snapshot, root: str, records: Iterable[Record], wanted: Wanted, adds: bool = True
) -> News:
    """Compare the records of a source, their ids below `root`, with what is known.

    Without `adds`, what is not known yet stays so.
    """
    news, cursor = News(), snapshot.cursor()
    cursor.execute("CREATE TEMP TABLE seen (source_id VARCHAR)")
    left = iter(records)
    while part := list(islice(left, _TOGETHER)):
        ids = [record.source_id for record in part]
        cursor.execute("INSERT INTO seen SELECT unnest(?)", [ids])
        known = dict(_known(cursor, _ASKED, ids))
        for record in part:
            _compare(record, known.get(record.source_id), news, wanted, adds)
    # What failed without ever being there is not gone.
    for source_id, before in _known(cursor, _GONE, f"{root}/"):
        path = snapshot.path_of(source_id)
        if not (path and path.exists()):
            news.vanished.append((source_id, before))
    return news


def _compare(record: Record, before: Known | None, news: News, wanted: Wanted, adds: bool) -> None:
    if (before is None and adds) or (before and wanted(before, record)):
        stays = before and before.image_id and not record.from_table
        news.inputs[record.source_id] = before.said if before and stays else None
        news.remote = news.remote or (record.url if record.is_remote else "")
    elif before and before.image_id and record.from_table and _says_more(record, before):
        news.relabelled.append((before.image_id, record))


def _says_more(record: Record, before: Known) -> bool:
    """Whether a table says what is not known; of an image that a person labelled, metadata."""
    if before.labelled_by:
        return bool(before.said["metadata"] != record.said["metadata"])
    return bool(before.said != record.said)


def chosen(news: News, records: Iterable[Record]) -> Iterator[Record]:
    """Yield those records of the same source, read again, that are to be read, each once."""
    left = dict(news.inputs)
    for record in records:
        if record.source_id in left:
            before = left.pop(record.source_id)
            yield record if before is None else _keep(record, before)


def unmatched(source: str, labels: Mapping[str, Label], fetch: Fetch = refuse) -> list[str]:
    """Return the keys of a label file that speak of no input of a source, sorted."""
    reader, source = reader_of(source), normal(source)
    base = reader.base(source)
    found = {key for each in reader.read(source, fetch) for key in keys_of(each, base)}
    return sorted(set(labels).difference(found))


def _known(
    cursor: duckdb.DuckDBPyConnection, which: str, value: object
) -> Iterator[tuple[str, Known]]:
    found = cursor.execute(f"{_KNOWN} {which}", [value])
    while rows := found.fetchmany(_TOGETHER):
        for source_id, fate, reason, size, modified, image_id, said, url, by in rows:
            words = dict(zip(_SAID, said, strict=True))
            known = Known(fate, reason, size, modified, image_id, words, url or "", by or "")
            yield source_id, known


def _keep(record: Record, said: Mapping[str, Any]) -> Record:
    """Return a record with what was said of it before: a folder's name does not overrule that."""
    key = said["taxon_key"]
    taxon = Taxon.from_key(key, said["common_name"]) if key else None
    return replace(record, label=said["label"], taxon=taxon, metadata=said["metadata"])


_SAID = ("label", "taxon_key", "common_name", "metadata")
_TOGETHER = 50_000  # records that are compared at once
_KNOWN = """
SELECT inputs.source_id, status, reason, bytes, modified, inputs.image_id,
    (label, said_key, common_name, metadata), url, labelled_by
FROM inputs LEFT JOIN images USING (image_id)
"""
_ASKED = "WHERE inputs.source_id IN (SELECT unnest(?))"
_GONE = f"""
WHERE starts_with(inputs.source_id, ?) AND inputs.source_id NOT IN (FROM seen)
    AND coalesce(url, '') = '' AND (inputs.image_id IS NOT NULL OR bytes > 0)
    AND status NOT IN ('{status.VANISHED}', '{status.REMOVED}')
ORDER BY inputs.source_id
"""
