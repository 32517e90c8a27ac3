"""Every image of a collection as one table, in the order of rows."""

from collections.abc import Iterator, Mapping

import pyarrow as pa

from indexer.catalog.snapshot import Snapshot
from model.taxon import RANKS, Taxon

OF_TAXON = (*map(str, RANKS), "common_name")
_PLAIN = ("image_id", "source_id", "url", "label", "taxon_key")
SCHEMA = pa.schema(
    [
        ("file_name", pa.string()),  # a path or URL
        *((name, pa.string()) for name in _PLAIN),
        *((name, pa.string()) for name in OF_TAXON),
        ("machine_label", pa.string()),
        ("machine_confidence", pa.float64()),
        ("metadata", pa.map_(pa.string(), pa.string())),
    ]
)


def images_table(snapshot: Snapshot) -> pa.Table:
    """Return a table of SCHEMA, one line an image; a missing value is null."""
    found = snapshot.cursor().sql(_IMAGES).to_arrow_table()
    return found.add_column(0, "file_name", pa.array(_places(snapshot, found))).cast(SCHEMA)


def taxon_of(line: Mapping[str, str | None]) -> Taxon:
    """Return the taxon of a line, one without names where it has none."""
    *ranks, common = (line[name] or "" for name in OF_TAXON)
    return Taxon(tuple(ranks), common)


def image_rows(snapshot: Snapshot) -> list[int]:
    """Return the rows of the images, in the order of `images_table`."""
    return [row for (row,) in snapshot.query('SELECT "row" FROM images ORDER BY "row"')]


def _places(snapshot: Snapshot, found: pa.Table) -> Iterator[str]:
    for source_id, url in zip(found["source_id"], found["url"], strict=True):
        yield url.as_py() or str(snapshot.path_of(source_id.as_py()) or source_id)


_RANKS = ", ".join(f'nullif(taxa."{rank}", \'\') AS "{rank}"' for rank in RANKS)
_IMAGES = f"""
SELECT images.image_id, source_id, nullif(url, '') AS url, nullif(images.label, '') AS label,
    images.taxon_key, {_RANKS},
    coalesce(nullif(images.common_name, ''), nullif(taxa.common_name, '')) AS common_name,
    nullif(identifications.label, '') AS machine_label,
    identifications.confidence AS machine_confidence, metadata
FROM images LEFT JOIN taxa ON images.taxon_key = taxa.taxon_key
LEFT JOIN identifications ON identifications.image_id = images.image_id
ORDER BY "row"
"""
