"""Reads what a Darwin Core archive says of itself: its tables in meta.xml, its origin in EML."""

import re
from collections.abc import Collection
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

from indexer.taxonomy.archive import Archive
from indexer.taxonomy.table import Described, Table
from model.errors import BadInput

CORE_ID = "core id"  # the field that an archive's tables are joined by
_ESCAPES = {"\\t": "\t", " ": "\t", "\\n": "\n", "\\r": "\r"}  # XML makes a space of a bare tab
_ENCODINGS = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-16": "utf-16",
    "iso-8859-1": "latin-1",
    "latin1": "latin-1",
    "windows-1252": "cp1252",
    "cp1252": "cp1252",
    "us-ascii": "utf-8",
    "ascii": "utf-8",
}


@dataclass(frozen=True, slots=True)
class Meta:
    """The tables of an archive that matter here."""

    taxa: Table
    vernaculars: tuple[Table, ...]
    metadata: str
    """the name of a file in EML; "" for none"""


class _WithoutDoctype(ElementTree.TreeBuilder):
    """Refuses declared entities, which could unfold to gigabytes."""

    def doctype(self, name: str, pubid: str | None, system: str | None) -> None:
        raise BadInput("it declares a DOCTYPE, which no such file needs")


def read_tables(archive: Archive, row_types: Collection[str]) -> list[Table]:
    """Return the tables of these types that meta.xml describes, the core first.

    A type is the last part of its URI: "Occurrence". Raises BadInput for what is no meta.xml.
    """
    return [_table(archive, each) for kind, each in _tables(_root(archive)) if kind in row_types]


def read_meta(archive: Archive) -> Meta:
    """Read meta.xml; raises BadInput unless it describes a table of taxa."""
    root = _root(archive)
    tables = _tables(root)
    taxa = [each for row_type, each in tables if row_type == "Taxon"]
    if not taxa:
        found = ", ".join(row_type for row_type, _ in tables if row_type) or "nothing"
        raise BadInput(
            f"{archive.path} holds {found} and no table of Taxon; get the checklist itself."
        )
    core = _table(archive, taxa[0])
    names = [_table(archive, each) for row_type, each in tables if row_type == "VernacularName"]
    return Meta(core, tuple(names), root.get("metadata", ""))


def read_eml(path: Path) -> tuple[str, ...]:
    """Return title, version (the day of publication) and licence, "" where it says nothing.

    A file that is no XML says nothing: nobody should lose a taxonomy for it.
    """
    tags = ("title", "pubDate", "intellectualRights")
    try:
        dataset = _parse(path).find("{*}dataset")
    except (ElementTree.ParseError, BadInput):
        dataset = None
    found = [None if dataset is None else dataset.find(f"{{*}}{tag}") for tag in tags]
    return tuple(
        "" if each is None else " ".join("".join(each.itertext()).split()) for each in found
    )


def _root(archive: Archive) -> ElementTree.Element:
    try:
        return _parse(archive.file("meta.xml"))
    except (ElementTree.ParseError, LookupError, ValueError, BadInput) as error:
        # Of an unknown encoding the parser raises LookupError, of one of several bytes ValueError.
        raise BadInput(f"meta.xml in {archive.path} cannot be read: {error}.") from error


def _tables(root: ElementTree.Element) -> list[tuple[str, ElementTree.Element]]:
    return [(_last(each.get("rowType", "")), each) for each in root]


def _parse(path: Path) -> ElementTree.Element:
    parser = ElementTree.XMLParser(target=_WithoutDoctype())
    return ElementTree.parse(path, parser).getroot()


def _table(archive: Archive, element: ElementTree.Element) -> Table:
    fields, defaults, terms = {}, {}, {}
    for each in element:
        tag = _last(each.tag).lower()
        term = CORE_ID if tag in ("id", "coreid") else _last(each.get("term", ""))
        name = term.lower()
        if tag not in ("id", "coreid", "field"):
            continue
        if (index := each.get("index", "")).isdecimal():
            fields[name] = int(index)
        if default := each.get("default"):
            defaults[name] = default
        terms[name] = term
    skip = element.get("ignoreHeaderLines", "0")
    return Table(
        paths=[
            archive.file((each.text or "").strip()) for each in element.findall(".//{*}location")
        ],
        fields=fields,
        defaults=defaults,
        described=Described(
            delimiter=_character(element.get("fieldsTerminatedBy", ",")),
            quote=element.get("fieldsEnclosedBy", '"'),
            skip=int(skip) if skip.isdecimal() else 0,
            encoding=_encoding(archive, element.get("encoding", "UTF-8")),
        ),
        terms=terms,
    )


def _character(written: str) -> str:
    return _ESCAPES.get(written, written)


def _encoding(archive: Archive, written: str) -> str:
    if written.lower() not in _ENCODINGS:
        raise BadInput(
            f"{archive.path} is written in {written}, which is not read here; write its tables "
            "in UTF-8 and say so in meta.xml."
        )
    return _ENCODINGS[written.lower()]


def _last(uri: str) -> str:
    return re.split(r"[/#}]", uri)[-1]
