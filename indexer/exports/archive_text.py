"""The text files of a Darwin Core Archive: tables, what describes them, and where they are from."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from xml.sax.saxutils import escape, quoteattr

from indexer.inputs.spreadsheet_cells import harmless

DWC = "http://rs.tdwg.org/dwc/terms/"
DC = "http://purl.org/dc/terms/"
GBIF = "http://rs.gbif.org/terms/1.0/"
CREATED = "creator, contact or licence"


@dataclass(frozen=True, slots=True)
class Text:
    """A table of an archive: lines of values between tabs, the first one the id of the core."""

    file: str
    row_type: str
    vocabulary: str
    terms: Sequence[str]
    iris: Mapping[str, str] = field(default_factory=dict)
    """of terms that are not in the vocabulary"""

    @contextmanager
    def open(self, folder: Path) -> Iterator[Callable[[str, Mapping[str, object]], None]]:
        """Open it for writing; yields what writes a row: its id, and its values by their terms."""
        with (folder / self.file).open("w", encoding="utf-8", newline="") as file:
            file.write("\t".join(("id", *self.terms)) + "\n")
            yield lambda key, row: _write(
                file.write, [key, *(row.get(term, "") for term in self.terms)]
            )

    def described(self, tag: str) -> str:
        """Return what meta.xml says of it; `tag` is core or extension."""
        key = "id" if tag == "core" else "coreid"
        fields = "".join(
            f"    <field index={quoteattr(str(place))} term={quoteattr(iri)}/>\n"
            for place, iri in enumerate(
                (self.iris.get(term, self.vocabulary + term) for term in self.terms), start=1
            )
        )
        return (
            f'  <{tag} encoding="UTF-8" fieldsTerminatedBy="\\t" linesTerminatedBy="\\n" '
            f'fieldsEnclosedBy="" ignoreHeaderLines="1" rowType="{self.row_type}">\n'
            f"    <files><location>{self.file}</location></files>\n"
            f'    <{key} index="0"/>\n{fields}  </{tag}>\n'
        )


def meta_xml(tables: Sequence[Text]) -> str:
    """Return meta.xml of tables, the core first. Source: Darwin Core Text Guide."""
    told = "".join(
        table.described("extension" if place else "core") for place, table in enumerate(tables)
    )
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<archive xmlns="http://rs.tdwg.org/dwc/text/" metadata="eml.xml">\n{told}</archive>\n'
    )


def eml_xml(title: str) -> str:
    """Return the least of EML that a data set needs; who made it is for its owner to say.

    Source: EML 2.1.1, GBIF metadata profile.
    """
    nobody = "<organizationName>not stated</organizationName>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f'<eml:eml xmlns:eml="eml://ecoinformatics.org/eml-2.1.1" packageId={quoteattr(title)} '
        'system="taxalens" scope="system" xml:lang="en">\n  <dataset>\n'
        f"    <title>{escape(title)}</title>\n    <creator>{nobody}</creator>\n"
        f"    <pubDate>{datetime.now(UTC):%Y-%m-%d}</pubDate>\n    <language>eng</language>\n"
        "    <abstract><para>Images and what they show, exported by taxalens.</para></abstract>\n"
        f"    <contact>{nobody}</contact>\n  </dataset>\n</eml:eml>\n"
    )


def _write(write: Callable[[str], object], values: Sequence[object]) -> None:
    # Values are not quoted, so a tab or a line break in one becomes a space.
    cells = (harmless(" ".join(str(value).split())) for value in values)
    write("\t".join(map(str, cells)) + "\n")
