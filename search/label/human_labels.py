"""Human labels: the images that a person labelled, and the labels that state a doubt."""

import re

import numpy as np

from indexer.backends import Rows
from indexer.catalog.snapshot import Snapshot
from indexer.labels.label_files import label_of_folder
from indexer.taxonomy.no_names import no_taxon

DOUBT = r"(?i)(?:^|[\s(_])(?:cf|aff|nr)(?:[.\s_]+[a-z(]|\.?\s*$)|\?"
"""a regular expression of Python and of DuckDB: "Panthera cf. leo", "Panthera leo?" """
_UNSURE = ("", "unknown")


def labelled_rows(snapshot: Snapshot) -> Rows:
    """Return the rows that people labelled, ascending: also with words that name no taxon.

    A word for nothing, such as "unsorted" or "?", is not a label. The name of a folder, such as
    "camera 1", is one where it names a taxon, "blank" or "vehicle", or states a doubt.
    """
    said = snapshot.query(_SAID)
    labels = list({label for label, _ in said if not _says_nothing(label)})
    named = [
        label
        for label, of_folder in said
        if of_folder and no_taxon(label) in _UNSURE and not re.search(DOUBT, label)
    ]
    found = snapshot.cursor().execute(_ANSWERED, [labels, named]).fetchnumpy()
    return np.sort(found["row"].astype(np.int64))


def detected_rows(snapshot: Snapshot) -> Rows:
    """Return the rows in which a detector found a person, a vehicle or nothing."""
    found = snapshot.cursor().execute(_DETECTED, [known_labels(snapshot)]).fetchnumpy()
    return np.sort(found["row"].astype(np.int64))


def known_labels(snapshot: Snapshot) -> list[str]:
    """Return the labels that are known to be no taxon, such as "blank"; not "unsorted"."""
    raw = snapshot.query("SELECT DISTINCT label FROM images WHERE taxon_key IS NULL")
    return [label for (label,) in raw if no_taxon(label) not in _UNSURE]


def _says_nothing(label: str) -> bool:
    return no_taxon(label) == "unknown" or not label_of_folder(label).text


_OF_FOLDER = """
(coalesce(labelled_by, '') = ''
    AND nfc_normalize(label) = nfc_normalize(split_part(source_id, '/', -2)))
"""
_SAID = f"""
SELECT DISTINCT label, {_OF_FOLDER} FROM images WHERE taxon_key IS NULL AND label <> ''
"""
_ANSWERED = f"""
SELECT "row" FROM images WHERE taxon_key IS NOT NULL
    OR (list_contains(?, label) AND NOT ({_OF_FOLDER} AND list_contains(?, label)))
"""
_DETECTED = """
SELECT "row" FROM images
WHERE taxon_key IS NULL AND list_contains(?, label) AND label = metadata['detection']
"""
