"""The map that a collection keeps: derived from its labels and its encoder.

Its file is named after both. After either has changed the map does not count, and `info` says so.
"""

import hashlib

from indexer.catalog.snapshot import Snapshot
from indexer.store.derived import ADAPTATION, keep, kept, newest, remove
from search.classify.kept_arrays import arrays_of, made_from
from search.ranking.adaptation import Adaptation

_VERSION = 1  # of what is kept


def key_of(snapshot: Snapshot) -> str:
    """Return the digest of all that a map is learnt from: labelled images, taxa, encoder."""
    labels = snapshot.query(_LABELS)[0]
    digest = hashlib.sha256(repr((_VERSION, snapshot.manifest.encoder, labels)).encode())
    return digest.hexdigest()


def kept_map(snapshot: Snapshot, key: str) -> Adaptation | None:
    """Return the map that a collection keeps; None where there is none of this key."""
    arrays = kept(snapshot.folder, ADAPTATION, key)
    return made_from(Adaptation, arrays) if arrays else None


def keep_map(snapshot: Snapshot, adaptation: Adaptation) -> None:
    """Keep a map in place of any other; raises NotWritten."""
    key = key_of(snapshot)
    keep(snapshot.folder, ADAPTATION, key, arrays_of(adaptation))
    remove(snapshot.folder, ADAPTATION, but=key)


def describe(snapshot: Snapshot) -> str:
    """Describe the map that a collection keeps, or used to; "" where there is none."""
    if newest(snapshot.folder, ADAPTATION) is None:
        return ""
    found = kept_map(snapshot, key_of(snapshot))
    if found is None:
        return "not used: labels have changed since; run `taxalens adapt` again"
    return f"queries by picture: {found}"


_LABELS = """
SELECT count(*), bit_xor(hash(image_id, taxon_key))::VARCHAR,
    sum(hash(taxon_key, image_id)::HUGEINT)::VARCHAR
FROM images WHERE taxon_key IS NOT NULL
"""
