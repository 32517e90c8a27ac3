"""Examples: which images of a collection show which class, to learn from.

They are what a file says, or else the images that people labelled as a taxon, or as something that
is known to be none, such as "blank" or "vehicle"; of a JPEG that was cut short too little may be
seen to learn from.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.backends import Rows
from indexer.catalog.snapshot import Snapshot
from indexer.inputs.status import CUT_SHORT
from indexer.labels.label_files import Label, read_label_file
from model.errors import BadInput
from model.taxon import Taxon
from search.label.human_labels import known_labels

MOST_SHOTS = 100  # of a class, those with the lowest ids: more teach little and cost much
KEYS = ("image_id", "file_name", "label")


@dataclass(frozen=True, slots=True)
class ExampleClass:
    """A class as examples call it."""

    label: str
    taxon_key: str | None = None
    """as it was said; None where it is no taxon"""


@dataclass(frozen=True, slots=True, eq=False)
class Examples:
    """Images and their classes, by image id."""

    rows: Rows
    """(n,) where they are in the collection"""
    image_ids: tuple[str, ...]
    classes: Rows
    """(n,) places in `said`"""
    said: tuple[ExampleClass, ...]
    known: Rows
    """every row that is an example, also what is more than MOST_SHOTS of its class; ascending"""
    unmatched: tuple[str, ...] = ()
    """what a file speaks of and the collection does not have"""


def labelled_examples(snapshot: Snapshot) -> Examples:
    """Return the images that people labelled; raises BadInput for less than two classes."""
    classes = known_labels(snapshot)
    lines = snapshot.query(f"FROM ({_LABELLED}) WHERE place <= {MOST_SHOTS}", classes)
    known = snapshot.cursor().execute(f'SELECT "row" FROM ({_LABELLED})', [classes]).fetchnumpy()
    return _examples([line[:-1] for line in lines], np.sort(known["row"].astype(np.int64)))


def read_examples(snapshot: Snapshot, given: Path | Mapping[str, Label]) -> Examples:
    """Return the images that a file names, by `image_id`, `file_name` or the `label` of a folder.

    The columns are those of a label file (`indexer.labels.label_files`); a mapping is its content.
    Raises BadInput for one that cannot be read, names no image of the collection or only one class.
    """
    labels = read_label_file(given, KEYS) if isinstance(given, Path) else given
    bases = [list(snapshot.manifest.roots), list(snapshot.manifest.roots.values())]
    found = snapshot.query(_NAMED, *bases, list(labels))
    keys = _placed(snapshot, [label.taxon for label in labels.values() if label.taxon])
    missing = labels.keys() - {key for *_, key in found}
    lines = []
    for row, image_id, key in found:
        label = labels[key]
        if label.text:
            taxon_key = keys[label.taxon.key] if label.taxon else None
            lines.append((row, image_id, label.text, taxon_key, taxon_key or label.text))
    if not lines:
        known = ", ".join(list(labels)[:3])
        raise BadInput(f"The examples ({known}, …) name no image of {snapshot.folder}.")
    known_rows = np.array(sorted(row for row, *_ in lines), np.int64)
    unmatched = tuple(key for key in labels if key in missing)
    return _examples(_fewer(sorted(lines, key=lambda line: line[1])), known_rows, unmatched)


def rows_of(snapshot: Snapshot, image_ids: Iterable[str]) -> Rows:
    """Return the rows of some images, ascending."""
    sql = 'SELECT "row" FROM images JOIN (SELECT unnest(?) AS image_id) USING (image_id)'
    return np.sort(np.array([row for (row,) in snapshot.query(sql, list(image_ids))], np.int64))


def _placed(snapshot: Snapshot, taxa: Iterable[Taxon]) -> dict[str, str]:
    """Return keys by keys: of a taxon said without its lineage, that of the one known here."""
    said = {taxon.key: taxon for taxon in taxa}
    names = list({taxon.name for taxon in said.values()})
    known: dict[str, list[Taxon]] = {}
    for name, key in snapshot.query(_OF_NAME, names):
        known.setdefault(name, []).append(Taxon.from_key(key))
    placed = {}
    for key, taxon in said.items():
        fuller = [
            each
            for each in known.get(taxon.name, [])
            if each.rank == taxon.rank
            and all(
                ours in ("", theirs)
                for ours, theirs in zip(taxon.lineage, each.lineage, strict=True)
            )
        ]
        most = max((sum(map(bool, each.lineage)) for each in fuller), default=0)
        best = [each.key for each in fuller if sum(map(bool, each.lineage)) == most]
        placed[key] = best[0] if len(best) == 1 else key
    return placed


def _fewer(lines: Iterable[tuple[int, str, str, str | None, str]]) -> list[tuple[object, ...]]:
    counts: dict[str, int] = {}
    kept: list[tuple[object, ...]] = []
    for line in lines:
        counts[line[-1]] = counts.get(line[-1], 0) + 1
        if counts[line[-1]] <= MOST_SHOTS:
            kept.append(line)
    return kept


def _examples(
    lines: Iterable[tuple[object, ...]], known: Rows, unmatched: tuple[str, ...] = ()
) -> Examples:
    said: dict[object, ExampleClass] = {}
    rows, image_ids, names = [], [], []
    for row, image_id, label, taxon_key, name in lines:
        said.setdefault(name, ExampleClass(str(label), str(taxon_key) if taxon_key else None))
        rows.append(row)
        image_ids.append(str(image_id))
        names.append(name)
    if len(said) < 2:
        only = next(iter(said.values())).label if said else ""
        raise BadInput(
            (f"All examples are of one class, {only!r}" if only else "There are no examples")
            + "; give some of two classes or more, with examples=FILE or as labels."
        )
    order = {name: place for place, name in enumerate(sorted(said, key=str))}
    return Examples(
        np.array(rows, np.int64),
        tuple(image_ids),
        np.array([order[name] for name in names], np.int64),
        tuple(said[name] for name in order),
        known,
        unmatched,
    )


_CUT_SHORT = f"""
SELECT image_id FROM images SEMI JOIN (
    SELECT sha256 FROM images JOIN inputs USING (source_id, image_id)
    WHERE starts_with(reason, '{CUT_SHORT}')
) USING (sha256)
"""
_LABELLED = f"""
SELECT "row", image_id, label, said_key, coalesce(taxon_key, label) AS class,
    row_number() OVER (PARTITION BY class ORDER BY image_id) AS place
FROM images WHERE (taxon_key IS NOT NULL OR list_contains(?, label))
    AND image_id NOT IN ({_CUT_SHORT}) ORDER BY image_id
"""
_OF_NAME = "SELECT name, taxon_key FROM taxa JOIN (SELECT unnest(?) AS name) USING (name)"
# The better of two names of one image, its own before its folder's.
_NAMED = """
WITH bases AS (SELECT unnest(?) AS root, unnest(?) AS base),
asked AS (SELECT unnest(?) AS key),
placed AS (
    SELECT "row", image_id, source_id, url, split_part(source_id, '/', 1) AS root,
        substr(source_id, length(split_part(source_id, '/', 1)) + 2) AS below
    FROM images
),
named AS (
    SELECT "row", image_id, unnest([image_id, below, source_id, base || '/' || below, url,
        split_part(below, '/', -2)]) AS key, unnest(range(6)) AS place
    FROM placed LEFT JOIN bases USING (root)
)
SELECT "row", image_id, asked.key FROM named JOIN asked ON nfc_normalize(named.key) = asked.key
QUALIFY row_number() OVER (PARTITION BY "row" ORDER BY place) = 1
"""
