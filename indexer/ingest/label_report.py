"""How the labels of a collection were understood, in lines for whoever indexed it."""

from collections.abc import Iterator
from pathlib import Path

from indexer.catalog.snapshot import open_snapshot
from indexer.inputs.records import CROP_MARK
from indexer.labels.label_resolution import (
    AMBIGUOUS,
    AS_SAID,
    BY_GENUS,
    NO_TAXONOMY,
    STATED,
    UNKNOWN,
)
from indexer.taxonomy.built_in import BUILT_IN
from indexer.taxonomy.no_names import no_taxon
from model.sizes import counted
from model.taxon import Taxon

MOST_SHOWN = 5  # labels in a line
MOST_PAIRS = 3  # of files in a line


def label_report(collection: Path, with_taxa: bool) -> Iterator[str]:
    """Yield a line for each way in which labels were understood; nothing without a taxonomy.

    Each line counts the labels and names the most frequent ones. `with_taxa` adds the first line,
    which counts the labels that mean a taxon.
    """
    with open_snapshot(collection) as snapshot:
        entry, lines = snapshot.manifest.taxonomy, snapshot.query(_LABELS)
    if entry is None:
        return
    place = "" if entry.name == BUILT_IN else f" of the taxonomy {entry.name}"
    by_reason: dict[str, list[str]] = {}
    taxa = []
    for label, key, reason in lines:
        if key is None and no_taxon(label):
            continue  # "blank" and "unsorted" are understood
        by_reason.setdefault(reason, []).append(label)
        if key and reason not in (AS_SAID, BY_GENUS):
            name = Taxon.from_key(key.partition("+")[0]).name
            taxa.append(label if label.replace("_", " ") == name else f"{label} ({name})")
    if taxa and with_taxa:
        hint = "" if place else f"; taxonomy {NO_TAXONOMY!r} leaves them as words"
        yield f"{len(taxa)} of {len(lines)} labels understood as taxa: {_some(taxa)}{hint}"
    if stated := by_reason.get(AS_SAID, []) + by_reason.get(BY_GENUS, []):
        verbs = "is not" if len(stated) == 1 else "are not"
        stays = "stays" if len(stated) == 1 else "stay"
        yield (
            f"{counted(len(stated), 'label')} {verbs} in the taxonomy {entry.name} and {stays} as "
            f"stated: {_some(stated)}"
        )
    if several := by_reason.get(AMBIGUOUS):
        yield (
            f"{counted(len(several), 'label')} may mean several taxa{place} and "
            f"{_stay(several)}: {_some(several)}"
        )
    if unknown := by_reason.get(UNKNOWN):
        names = "names" if len(unknown) == 1 else "name"
        yield (
            f"{counted(len(unknown), 'label')} {names} no taxon{place} and "
            f"{_stay(unknown)}: {_some(unknown)}"
        )


def contradictions(collection: Path) -> str:
    """Return a line that names files of equal content whose labels mean different taxa, else "".

    A taxon and one above it do not contradict each other.
    """
    with open_snapshot(collection) as snapshot:
        pairs = snapshot.query(_CONTRADICTIONS, CROP_MARK)
    if not pairs:
        return ""
    shown = "; ".join(
        f"{one} ({label}) and {other} ({another})"
        for one, label, other, another in pairs[:MOST_PAIRS]
    )
    more = len(pairs) - MOST_PAIRS
    return (
        f"{counted(len(pairs), 'picture')} in several files with labels of different taxa: {shown}"
        + (f"; and {more:,} more" if more > 0 else "")
    )


def _stay(labels: list[str]) -> str:
    return "stays a word" if len(labels) == 1 else "stay words"


def _some(labels: list[str]) -> str:
    more = len(labels) - MOST_SHOWN
    return ", ".join(labels[:MOST_SHOWN]) + (f" and {more:,} more" if more > 0 else "")


# A label that states its own lineage was not looked up in the names that come with taxalens.
_LABELS = f"""
SELECT images.label, images.taxon_key, reason FROM images
JOIN meanings ON images.label = meanings.label
    AND images.said_key IS NOT DISTINCT FROM meanings.said_key
WHERE images.label <> '' AND reason <> '{STATED}'
GROUP BY ALL ORDER BY count(*) DESC, images.label
"""
_CONTRADICTIONS = """
WITH said AS (
    SELECT sha256, replace(taxon_key, '+', '|') || '|' AS clade,
        min(source_id) AS source_id, arg_min(label, source_id) AS label
    FROM images WHERE taxon_key IS NOT NULL AND NOT contains(source_id, ?) GROUP BY ALL
), pairs AS (
    SELECT one.sha256, one.source_id AS one, one.label, two.source_id AS two, two.label AS another
    FROM said AS one JOIN said AS two ON one.sha256 = two.sha256 AND one.source_id < two.source_id
        AND NOT starts_with(one.clade, two.clade)
        AND NOT starts_with(two.clade, one.clade)
)
SELECT min(one), arg_min(label, one || two), arg_min(two, one || two), arg_min(another, one || two)
FROM pairs GROUP BY sha256 ORDER BY 1
"""
