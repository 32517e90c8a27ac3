"""Reads a Darwin Core archive with media, such as a GBIF download: a picture a row of media."""

import os
import re
from collections.abc import Iterator, Mapping
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
from indexer.inputs.spreadsheet_cells import as_said
from indexer.labels.label_files import Label, label_from
from indexer.readers import Fetch, refuse
from indexer.readers.folder import named_file
from indexer.taxonomy.archive import Archive, names_in, open_archive
from indexer.taxonomy.meta_xml import CORE_ID, read_tables
from indexer.taxonomy.table import load, scratch
from model.errors import BadInput
from model.taxon import RANKS

NOUN = "a Darwin Core archive with media"
_META = "meta.xml"
_CORES = ("Occurrence", "Taxon", "Event")
_MEDIA = ("Multimedia", "Image")  # Simple Multimedia and Audubon Core; the older Image
_MEDIUM = ("accessURI", "identifier", "type", "format", "variantLiteral")
_ABOUT_MEDIUM = (
    *("license", "rights", "rightsHolder", "creator", "references", "title", "description"),
    *("publisher", "created"),
)
_ABOUT = (
    *("basisOfRecord", "institutionCode", "collectionCode", "catalogNumber", "occurrenceID"),
    *("gbifID", "recordedBy", "identifiedBy", "eventDate", "year", "month", "day"),
    *("country", "countryCode", "stateProvince", "locality", "decimalLatitude"),
    *("decimalLongitude", "coordinateUncertaintyInMeters", "elevation", "sex", "lifeStage"),
    *("typeStatus", "taxonRank", "scientificName", "datasetName", "informationWithheld"),
)
_NAMES = (*RANKS, "specificEpithet", "scientificNameAuthorship", "vernacularName")
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
    of its own. Media are those of an extension, else the core's `associatedMedia`. Licence, rights
    holder, date, place and specimen are metadata, under their terms in Darwin Core. Raises
    BadInput for an archive that cannot be read.
    """
    seen: dict[str, set[str]] = {}
    with open_archive(Path(source)) as archive, scratch() as connection:
        for said in _rows(archive, connection):
            where, several = said.pop("where"), said.pop("several")
            for each in media_in(where) if several else [unescape(where)]:
                if not each:
                    continue
                record = _record(archive, each)
                label = label_from("", _lineage(said))
                labels = seen.setdefault(record.source_id, set())
                if labels and (label.text in labels or not label.text):
                    continue  # one photograph of several occurrences that are alike
                if labels:
                    key = said["occurrenceID"] or said["gbifID"] or str(len(labels) + 1)
                    record = replace(record, source_id=f"{record.source_id}{WHOLE}&id={quote(key)}")
                labels.add(label.text)
                yield replace(
                    record,
                    label=label.text,
                    taxon=label.taxon,
                    metadata={key: said[key] for key in (*_ABOUT_MEDIUM, *_ABOUT) if said[key]},
                    from_table=True,
                )


def _rows(archive: Archive, connection: duckdb.DuckDBPyConnection) -> Iterator[dict[str, str]]:
    """Yield what each medium is and what is said of it, by term; "where" is its place."""
    cores = read_tables(archive, _CORES)
    if not cores:
        raise BadInput(f"{archive.path} describes no table of {', '.join(_CORES)} in its meta.xml.")
    load(connection, "core", cores[0], (CORE_ID, "associatedMedia", *_ABOUT, *_NAMES))
    columns = (CORE_ID, *_OF_MEDIUM)
    media = read_tables(archive, _MEDIA)
    for place, table in enumerate(media):
        load(connection, f"media{place}", table, columns)
    for sql in [_OF_MEDIA.format(f"media{place}") for place in range(len(media))] or [_OF_CORE]:
        found = connection.execute(sql)
        names = [column[0] for column in found.description]
        while rows := found.fetchmany(1000):
            for row in rows:
                said = dict(zip(names, (as_said(value or "") for value in row), strict=True))
                kind = f"{said['type']} {said['format']}"
                if not _OTHER_MEDIA.search(kind) and "thumb" not in said["variantLiteral"].lower():
                    yield said


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


def _lineage(said: Mapping[str, str]) -> dict[str, str]:
    """Return the names of a row under the columns of a label file."""
    names: dict[str, str] = {str(rank): said[rank] for rank in RANKS}
    if not names["species"] and said["specificEpithet"] and names["genus"]:
        names["species"] = f"{names['genus']} {said['specificEpithet']}"
    names["taxon"] = said["scientificName"]  # with its author, as it was written
    names["rank"] = said["taxonRank"]
    return names | {"common_name": said["vernacularName"]}


_OF_MEDIUM = (*_MEDIUM, *_ABOUT_MEDIUM)
_TELL = ", ".join(f'coalesce(media."{term}", \'\') AS "{term}"' for term in _OF_MEDIUM)
_TELL_CORE = ", ".join(f'core."{term}"' for term in (*_ABOUT, *_NAMES))
_OF_MEDIA = f"""
SELECT coalesce(nullif(media.accessURI, ''), media.identifier) AS "where", '' AS several,
    {_TELL}, {_TELL_CORE}
FROM {{}} AS media LEFT JOIN (
    SELECT * FROM core QUALIFY row_number() OVER (PARTITION BY "{CORE_ID}" ORDER BY "row") = 1
) AS core USING ("{CORE_ID}")
ORDER BY media."row"
"""
_NOTHING = ", ".join(f"'' AS {term}" for term in _OF_MEDIUM)
_OF_CORE = f"""
SELECT associatedMedia AS "where", '1' AS several, {_NOTHING}, {_TELL_CORE}
FROM core WHERE associatedMedia <> '' ORDER BY "row"
"""
