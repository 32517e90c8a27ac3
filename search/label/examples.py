"""Examples: which images of a collection show which class, to learn from.

They are what a file says, or else the images that people labelled as a taxon, or as something that
is known to be none, such as "blank" or "vehicle". Classes are taxa, however a label writes them;
other labels are classes by their words. A label that states a doubt, such as "Panthera cf. leo", is
not an example, nor is a JPEG that was cut short: too little of it may be seen.
"""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import numpy as np

from indexer.backends import Rows
from indexer.catalog.snapshot import Snapshot
from indexer.inputs.status import CUT_SHORT
from indexer.labels.label_files import Label, read_label_file
from indexer.labels.label_resolution import meanings_of
from indexer.labels.written_names import QUALIFIER
from indexer.taxonomy.name_strings import fold
from model.errors import BadInput
from model.taxon import Taxon
from search.label.human_labels import DOUBT, known_labels

MOST_SHOTS = 100  # of a class, those with the lowest ids: more teach little and cost much
KEYS = ("image_id", "file_name", "label")


@dataclass(frozen=True, slots=True)
class ExampleClass:
    """A class: a taxon, or words that name none."""

    label: str
    """the scientific name of a taxon, words as they are written most often"""
    taxon_key: str | None = None
    """None for words that name no taxon"""


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
    doubtful: int = 0
    """images whose label states a doubt, "Panthera cf. leo"; they are not examples"""


class _Line(NamedTuple):
    row: int
    image_id: str
    label: str
    taxon_key: str | None


def labelled_examples(snapshot: Snapshot) -> Examples:
    """Return the images that people labelled; raises BadInput for less than two classes."""
    classes = known_labels(snapshot)
    lines = snapshot.query(f"FROM ({_LABELLED}) WHERE place <= {MOST_SHOTS}", classes)
    known = snapshot.cursor().execute(f'SELECT "row" FROM ({_LABELLED})', [classes]).fetchnumpy()
    ((doubtful,),) = snapshot.query(_DOUBTFUL)
    return _examples(
        [_Line(row, image_id, label, key) for row, image_id, label, key, _ in lines],
        np.sort(known["row"].astype(np.int64)),
        doubtful=doubtful,
    )


def read_examples(snapshot: Snapshot, given: Path | Mapping[str, Label]) -> Examples:
    """Return the images that a file names, by `image_id`, `file_name` or the `label` of a folder.

    The columns are those of a label file (`indexer.labels.label_files`); a mapping is its content.
    Raises BadInput for one that cannot be read, names no image of the collection or only one class.
    """
    labels = read_label_file(given, KEYS) if isinstance(given, Path) else given
    bases = [list(snapshot.manifest.roots), list(snapshot.manifest.roots.values())]
    found = snapshot.query(_NAMED, *bases, list(labels))
    sure = {key: label for key, label in labels.items() if label.text and not _is_doubtful(label)}
    keys = _keys(snapshot, sure.values())
    missing = labels.keys() - {key for *_, key in found}
    lines = [
        _Line(row, image_id, sure[key].text, keys[_said(sure[key])])
        for row, image_id, key in found
        if key in sure
    ]
    known = sorted(row for row, _, key in found if labels[key].text)
    if not known:
        names = ", ".join(list(labels)[:3])
        raise BadInput(f"The examples ({names}, …) name no image of {snapshot.folder}.")
    unmatched = tuple(key for key in labels if key in missing)
    return _examples(
        sorted(lines, key=lambda line: line.image_id),
        np.array(known, np.int64),
        unmatched,
        len(known) - len(lines),
    )


def rows_of(snapshot: Snapshot, image_ids: Iterable[str]) -> Rows:
    """Return the rows of some images, ascending."""
    sql = 'SELECT "row" FROM images JOIN (SELECT unnest(?) AS image_id) USING (image_id)'
    return np.sort(np.array([row for (row,) in snapshot.query(sql, list(image_ids))], np.int64))


def _said(label: Label) -> tuple[str, str | None]:
    return label.text, label.taxon.key if label.taxon else None


def _is_doubtful(label: Label) -> bool:
    qualifier = label.metadata.get(QUALIFIER, "")
    return any(re.search(DOUBT, words) for words in (label.text, qualifier))


def _keys(snapshot: Snapshot, labels: Iterable[Label]) -> dict[tuple[str, str | None], str | None]:
    """Return the taxon that each label means here, None where it means none.

    Of words that no taxonomy knows, those of a taxon that is labelled here or by an example.
    """
    meant = meanings_of(snapshot.manifest, [*map(_said, labels)])
    words = {fold(text) for (text, _), key in meant.items() if key is None}
    taxa = [Taxon.from_key(key) for key in meant.values() if key]
    taxa += [Taxon.from_key(key) for (key,) in snapshot.query(_OF_WORDS, list(words))]
    placed = _placed(snapshot, taxa)
    named: dict[str, set[str]] = {}
    for taxon in taxa:
        named.setdefault(fold(taxon.name), set()).add(placed[taxon.key])
    found: dict[tuple[str, str | None], str | None] = {}
    for said, key in meant.items():
        alike = named.get(fold(said[0]), set())
        found[said] = placed[key] if key else next(iter(alike)) if len(alike) == 1 else None
    return found


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


def _examples(
    lines: Iterable[_Line], known: Rows, unmatched: tuple[str, ...] = (), doubtful: int = 0
) -> Examples:
    """Return the first MOST_SHOTS of each class, in the order of the lines."""
    kept: list[tuple[str, _Line]] = []
    spellings: dict[str, Counter[str]] = {}
    keys: dict[str, str | None] = {}
    for line in lines:
        name = line.taxon_key or fold(line.label)
        counts = spellings.setdefault(name, Counter())
        keys[name] = line.taxon_key
        if counts.total() < MOST_SHOTS:
            counts[line.label] += 1
            kept.append((name, line))
    said = {name: _class(key, spellings[name]) for name, key in keys.items()}
    if len(said) < 2:
        only = next(iter(said.values())).label if said else ""
        raise BadInput(
            (f"All examples are of one class, {only!r}" if only else "There are no examples")
            + "; give some of two classes or more, with examples=FILE or as labels."
        )
    order = {name: place for place, name in enumerate(sorted(said))}
    return Examples(
        np.array([line.row for _, line in kept], np.int64),
        tuple(line.image_id for _, line in kept),
        np.array([order[name] for name, _ in kept], np.int64),
        tuple(said[name] for name in order),
        known,
        unmatched,
        doubtful,
    )


def _class(taxon_key: str | None, spellings: Counter[str]) -> ExampleClass:
    """Return a class by its scientific name, else by its most frequent spelling."""
    often = min(spellings, key=lambda label: (-spellings[label], label))
    return ExampleClass(Taxon.from_key(taxon_key).name if taxon_key else often, taxon_key)


_CUT_SHORT = f"""
SELECT image_id FROM images SEMI JOIN (
    SELECT sha256 FROM images JOIN inputs USING (source_id, image_id)
    WHERE starts_with(reason, '{CUT_SHORT}')
) USING (sha256)
"""
_IS_DOUBTFUL = f"""(
    regexp_matches(label, '{DOUBT}')
    OR regexp_matches(coalesce(metadata['{QUALIFIER}'], ''), '{DOUBT}')
)"""
_LABELLED = f"""
SELECT "row", image_id, label, taxon_key,
    row_number() OVER (PARTITION BY coalesce(taxon_key, label) ORDER BY image_id) AS place
FROM images WHERE (taxon_key IS NOT NULL OR list_contains(?, label))
    AND NOT {_IS_DOUBTFUL} AND image_id NOT IN ({_CUT_SHORT}) ORDER BY image_id
"""
_DOUBTFUL = f"SELECT count(*) FROM images WHERE taxon_key IS NOT NULL AND {_IS_DOUBTFUL}"
_OF_WORDS = """
SELECT taxon_key FROM taxa
SEMI JOIN (SELECT unnest(?) AS words) ON strip_accents(lower(name)) = words
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
