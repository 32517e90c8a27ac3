"""Spreadsheets to write in a test, as Excel and LibreOffice store them."""

import datetime
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from xml.sax.saxutils import escape

_DAYS = datetime.date(1899, 12, 30)
_TYPES = "http://schemas.openxmlformats.org/package/2006/content-types"
_RELS = "http://schemas.openxmlformats.org/package/2006/relationships"
_DOC = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
_MAIN = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
Sheets = Mapping[str, Sequence[Sequence[object]]]


def write_xlsx(path: Path, sheets: Sheets, far: str = "") -> None:
    """Write sheets of text, numbers, dates and nothing; `far` is one more cell, of the first."""
    parts = {}
    for place, rows in enumerate(sheets.values(), 1):
        lines = []
        for number, row in enumerate(rows, 1):
            cells = "".join(_xlsx(f"{chr(65 + at)}{number}", cell) for at, cell in enumerate(row))
            lines.append(f'<row r="{number}">{cells}</row>')
        if far and place == 1:
            lines.append(f'<row r="{far.strip("XFD")}"><c r="{far}"><v>1</v></c></row>')
        parts[f"xl/worksheets/sheet{place}.xml"] = (
            f'<worksheet xmlns="{_MAIN}"><sheetData>{"".join(lines)}</sheetData></worksheet>'
        )
    numbers = range(1, len(sheets) + 1)
    names = "".join(
        f'<sheet name="{name}" sheetId="{n}" r:id="rId{n}"/>'
        for n, name in zip(numbers, sheets, strict=True)
    )
    links = "".join(
        f'<Relationship Id="rId{n}" Type="{_DOC}/worksheet" Target="worksheets/sheet{n}.xml"/>'
        for n in numbers
    )
    parts["[Content_Types].xml"] = f'<Types xmlns="{_TYPES}"></Types>'
    parts["_rels/.rels"] = (
        f'<Relationships xmlns="{_RELS}"><Relationship Id="rId1" Type="{_DOC}/officeDocument" '
        'Target="xl/workbook.xml"/></Relationships>'
    )
    parts["xl/workbook.xml"] = (
        f'<workbook xmlns="{_MAIN}" xmlns:r="{_DOC}"><sheets>{names}</sheets></workbook>'
    )
    parts["xl/_rels/workbook.xml.rels"] = (
        f'<Relationships xmlns="{_RELS}">{links}<Relationship Id="rIdS" '
        f'Type="{_DOC}/styles" Target="styles.xml"/></Relationships>'
    )
    parts["xl/styles.xml"] = (
        f'<styleSheet xmlns="{_MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/>'
        "</cellXfs></styleSheet>"
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)


def _xlsx(place: str, cell: object) -> str:
    match cell:
        case None:
            return ""
        case str() if cell.startswith("#"):
            return f'<c r="{place}" t="e"><v>{cell}</v></c>'
        case datetime.date():
            return f'<c r="{place}" s="1"><v>{(cell - _DAYS).days}</v></c>'
        case int() | float():
            return f'<c r="{place}"><v>{cell}</v></c>'
    return f'<c r="{place}" t="inlineStr"><is><t>{escape(str(cell))}</t></is></c>'


def write_ods(path: Path, sheets: Sheets) -> None:
    """Write sheets as LibreOffice does, with a million repeated empty rows at their ends."""
    office = "urn:oasis:names:tc:opendocument:xmlns:office:1.0"
    table = "urn:oasis:names:tc:opendocument:xmlns:table:1.0"
    text = "urn:oasis:names:tc:opendocument:xmlns:text:1.0"
    manifest = "urn:oasis:names:tc:opendocument:xmlns:manifest:1.0"
    body = "".join(
        f'<table:table table:name="{name}">'
        + "".join(
            f"<table:table-row>{''.join(map(_ods, row))}"
            '<table:table-cell table:number-columns-repeated="16000"/></table:table-row>'
            for row in rows
        )
        + '<table:table-row table:number-rows-repeated="1048000"><table:table-cell '
        'table:number-columns-repeated="16384"/></table:table-row></table:table>'
        for name, rows in sheets.items()
    )
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        kind = "application/vnd.oasis.opendocument.spreadsheet"
        archive.writestr("mimetype", kind)
        archive.writestr(
            "META-INF/manifest.xml",
            f'<manifest:manifest xmlns:manifest="{manifest}">'
            f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{kind}"/>'
            "</manifest:manifest>",
        )
        archive.writestr(
            "content.xml",
            f'<office:document-content xmlns:office="{office}" xmlns:table="{table}" '
            f'xmlns:text="{text}"><office:body><office:spreadsheet>{body}</office:spreadsheet>'
            "</office:body></office:document-content>",
        )


def _ods(cell: object) -> str:
    match cell:
        case None:
            return "<table:table-cell/>"
        case datetime.date():
            return f'<table:table-cell office:value-type="date" office:date-value="{cell}"/>'
        case int() | float():
            return f'<table:table-cell office:value-type="float" office:value="{cell}"/>'
    return (
        '<table:table-cell office:value-type="string">'
        f"<text:p>{escape(str(cell))}</text:p></table:table-cell>"
    )
