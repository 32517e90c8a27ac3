"""Reads a Darwin Core archive with media, such as a GBIF download: a picture a row of media."""

import logging
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from html import unescape
from pathlib import Path
from urllib.parse import quote

import duckdb

from indexer.inputs.records import (
    CROP_MARK,
    WHOLE,
    Record,
    address,
    is_address,
    media_in,
    plain_name,
)
from indexer.labels.label_files import Label, label_from
from indexer.readers import Fetch, refuse
from indexer.readers.folder import named_file
from indexer.tables.columns import canonical
from indexer.taxonomy.archive import Archive, names_in, open_archive
from indexer.taxonomy.meta_xml import CORE_ID, read_tables
from indexer.taxonomy.table import Table, load, scratch
from model.errors import BadInput
from model.sizes import counted

NOUN = "a Darwin Core archive with media"
_LOG = logging.getLogger("taxalens")
_META = "meta.xml"
_CORES = ("Occurrence", "Taxon", "Event")
_MEDIA = ("Multimedia", "Image")  # Simple Multimedia and Audubon Core; the older Image
_MEDIUM = ("accessURI", "identifier", "type", "format", "variantLiteral")
_ABOUT_MEDIUM = (
    *("license", "rights", "rightsHolder", "creator", "references", "title", "description"),
    *("publisher", "created"),
)
_ABSENT = "absent"  # of occurrenceStatus: nobody saw the taxon there
_FIELD = re.compile(r"(?!row$)[A-Za-z][\w.-]*", re.IGNORECASE)
_ELSEWHERE = (
    "is a path that the archive does not hold; index the folder of the photographs, with the "
    "archive as --labels"
)
_OTHER_MEDIA = re.compile(r"sound|audio|video|moving|text|application/(?!octet)", re.IGNORECASE)


def claims(source: str) -> bool:
    """Tell whether it is a folder or zip whose meta.xml describes occurrences or media."""
    path = Path(source)
    if _META not in names_in(path):
        return False
    try:
        with open_archive(path) as archive:
            meta = archive.file(_META).read_text(encoding="utf-8", errors="replace")
    except (BadInput, OSError):
        return False
    return bool(re.search(r"rowType=[\"'][^\"']*/(Occurrence|Multimedia|Image)[\"']", meta))


def base(source: str) -> str:
    """Return the archive itself."""
    return source


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per picture, in the order of the media, with what its core row says.

    Where several occurrences share a photograph, each of them that has another label is a record
    of its own. Media are those of an extension, else the core's `associatedMedia`. All other
    columns are metadata, under their terms; of a term that tells of the medium, such as its
    licence, the core's value is "occurrence license". An occurrence that is absent gives no label;
    a warning counts these. Raises BadInput for an archive that cannot be read.
    """
    seen: dict[str, set[str]] = {}
    absent = 0
    with open_archive(Path(source)) as archive, scratch() as connection:
        for where, several, medium, core in _rows(archive, connection):
            key = core.get("occurrenceID") or core.get("gbifID")
            label = label_from("", core)
            if core.get("occurrenceStatus", "").lower() == _ABSENT:
                absent += 1
                label = Label("", metadata=label.metadata)
            metadata = _together(medium, label.metadata)
            for each in media_in(where) if several else [unescape(where)]:
                if not each:
                    continue
                record = _record(archive, each)
                labels = seen.setdefault(record.source_id, set())
                if labels and (label.text in labels or not label.text):
                    continue  # one photograph of several occurrences that are alike
                if labels:
                    named = key or str(len(labels) + 1)
                    source_id = f"{record.source_id}{WHOLE}&id={quote(named)}"
                    record = replace(record, source_id=source_id)
                labels.add(label.text)
                yield replace(
                    record,
                    label=label.text,
                    taxon=label.taxon,
                    metadata=metadata,
                    from_table=True,
                )
    if absent:
        _LOG.warning(
            "%s: %s of media show an occurrence whose occurrenceStatus is absent: they get no "
            "label.",
            *(source, counted(absent, "row")),
        )


def _together(medium: Mapping[str, str], core: Mapping[str, str]) -> dict[str, str]:
    """Return the metadata of a medium and of its occurrence, in one."""
    metadata = {term: value for term, value in medium.items() if term not in _MEDIUM}
    for term, value in core.items():
        own = term in _MEDIUM or term in _ABOUT_MEDIUM
        if own or metadata.get(term, value) != value:
            metadata[f"occurrence {term}"] = value
        else:
            metadata[term] = value
    return metadata


def _rows(
    archive: Archive, connection: duckdb.DuckDBPyConnection
) -> Iterator[tuple[str, bool, dict[str, str], dict[str, str]]]:
    """Yield the place of each medium, whether it is a list, and by term what is said.

    First what its own row says, then what the row of its occurrence says.
    """
    cores = read_tables(archive, _CORES)
    if not cores:
        raise BadInput(f"{archive.path} describes no table of {', '.join(_CORES)} in its meta.xml.")
    of_core = _fields(cores[0], ("associatedMedia",))
    load(connection, "core", cores[0], (CORE_ID, *of_core))
    queries = []
    for place, table in enumerate(read_tables(archive, _MEDIA)):
        of_medium = _fields(table, _MEDIUM)
        load(connection, f"media{place}", table, (CORE_ID, *of_medium))
        queries.append((of_medium, _OF_MEDIA.format(f"media{place}", _columns(of_medium, of_core))))
    for of_medium, sql in queries or [((), _OF_CORE.format(_columns((), of_core)))]:
        found = connection.execute(sql)
        while rows := found.fetchmany(1000):
            for row in rows:
                medium = _said(of_medium, row)
                core = _said(of_core, row[len(of_medium) :])
                listed = core.pop("associatedMedia", "")
                where = medium.get("accessURI") or medium.get("identifier", "")
                kind = f"{medium.get('type', '')} {medium.get('format', '')}"
                thumbnail = "thumb" in medium.get("variantLiteral", "").lower()
                if not _OTHER_MEDIA.search(kind) and not thumbnail:
                    yield where if queries else listed, not queries, medium, core


def _fields(table: Table, needed: Sequence[str]) -> tuple[str, ...]:
    """Return the terms of a table by their own names, and those that are needed."""
    terms = [term for term in table.terms.values() if _FIELD.fullmatch(term)]
    known = (canonical(term) for term in terms)
    spelled = (
        own if own.lower() == term.lower() else term for own, term in zip(known, terms, strict=True)
    )
    return tuple({each.lower(): each for each in (*spelled, *needed)}.values())


def _said(terms: Sequence[str], row: Sequence[str | None]) -> dict[str, str]:
    return {term: value for term, value in zip(terms, row, strict=False) if value}


def _columns(of_medium: Sequence[str], of_core: Sequence[str]) -> str:
    names = (*(f'media."{term}"' for term in of_medium), *(f'core."{term}"' for term in of_core))
    return ", ".join(f"{name} AS c{place}" for place, name in enumerate(names))


def labels_of(path: Path) -> dict[str, Label] | None:
    """Return the labels that an archive gives its media, by their places; None for another file.

    `path` is an archive, packed or not, or a table of one that is unpacked. A photograph of
    several occurrences has the label of the first.
    """
    source = next((each for each in (path, path.parent) if claims(str(each))), None)
    if source is None or (source != path and not _describes(source, path.name)):
        return None
    labels: dict[str, Label] = {}
    for record in read(str(source), refuse):
        place = plain_name(record.source_id.partition(CROP_MARK)[0])
        labels.setdefault(place, Label(record.label, record.taxon, record.metadata))
    return labels


def _describes(folder: Path, name: str) -> bool:
    """Tell whether an archive's meta.xml names a file."""
    with open_archive(folder) as archive:
        tables = read_tables(archive, (*_CORES, *_MEDIA))
    return any(path.name == name for table in tables for path in table.paths)


def _record(archive: Archive, where: str) -> Record:
    if is_address(where):
        return Record(address(where), url=address(where))
    if archive.path.is_dir():
        record = named_file(archive.path, where)
        there = record.path is None or os.path.lexists(record.path)
        return record if there else replace(record, problem=_ELSEWHERE)
    return archive.packed(where) or Record(where, problem=_ELSEWHERE)


_OF_MEDIA = f"""
SELECT {{1}}
FROM {{0}} AS media LEFT JOIN (
    SELECT * FROM core QUALIFY row_number() OVER (PARTITION BY "{CORE_ID}" ORDER BY "row") = 1
) AS core USING ("{CORE_ID}")
ORDER BY media."row"
"""
_OF_CORE = """
SELECT {} FROM core WHERE "associatedMedia" <> '' ORDER BY "row"
"""
