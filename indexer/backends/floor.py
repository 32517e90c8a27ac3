"""The floor: the score below which even a best hit is likely not what was asked for."""

from collections.abc import Sequence

import numpy as np

from indexer.backends import Rows
from indexer.backends.exact import Exact
from indexer.backends.tuning import Sample, floor_of, image_sample, text_sample
from indexer.catalog.snapshot import Snapshot
from indexer.store.manifest import FloorEntry
from model.encoder import Encoder
from model.taxon import Taxon
from model.text_types import free_text_prompt

_ROWS = 20_000  # compared for an estimate: a thousandth of a second a query
_QUERIES = 100  # images, or names, of an estimate


def names_of_taxa(snapshot: Snapshot, most: int) -> dict[str, str]:
    """Return prompts by the key of a taxon that occurs, with the name that one would ask for."""
    prompts = {}
    for key, label, common in snapshot.query(_NAMES, most):
        name = Taxon.from_key(key).name
        own = label.replace("_", " ").strip(" .")
        prompts[key] = free_text_prompt(common or (own if own not in ("", name) else name))
    return prompts


def measure_floor(
    snapshot: Snapshot, rows: Rows, exact: Exact, keys: Sequence[str], samples: Sequence[Sample]
) -> FloorEntry:
    """Measure the floor for pictures, and for texts where there is a second sample.

    `rows` (n,) are the rows of the snapshot that `exact` holds, in its order; `keys` the taxa of
    the texts.
    """
    image = floor_of(exact, samples[0])
    if len(samples) < 2:
        return FloorEntry(image)
    return FloorEntry(image, floor_of(exact, _understood(snapshot, rows, keys, samples[1])))


def estimate_image_floor(snapshot: Snapshot, exact: Exact) -> float | None:
    """Estimate the floor for pictures from a sample of images; None for fewer than two.

    Not all rows are compared, so that a best hit may be missed: the estimate is too low, rather
    than too high.
    """
    _, sampled = _sampled(snapshot, exact)
    return floor_of(sampled, image_sample(sampled, _QUERIES)) if len(sampled) > 1 else None


def estimate_text_floor(snapshot: Snapshot, exact: Exact, encoder: Encoder) -> float | None:
    """Estimate the floor for texts from names of taxa that occur; None where none is found."""
    names = names_of_taxa(snapshot, _QUERIES)
    rows, sampled = _sampled(snapshot, exact)
    if not names or not len(rows):
        return None
    sample = text_sample(sampled, encoder.encode_texts(list(names.values())))
    return floor_of(sampled, _understood(snapshot, rows, list(names), sample))


def _sampled(snapshot: Snapshot, exact: Exact) -> tuple[Rows, Exact]:
    """Return rows that count, evenly drawn, and their vectors."""
    found = snapshot.cursor().execute('SELECT "row" FROM images ORDER BY "row"').fetchnumpy()
    every = np.asarray(found["row"], np.int64)
    rows = (
        every[np.unique(np.linspace(0, len(every) - 1, _ROWS).astype(np.int64))]
        if len(every)
        else every
    )
    return rows, Exact([exact.gather(rows)]) if len(rows) else Exact([])


def _understood(snapshot: Snapshot, rows: Rows, keys: Sequence[str], sample: Sample) -> Sample:
    """Leave out names that do not find their own taxon: the encoder does not know them."""
    best = rows[sample.truth[:, 0]]
    found = dict(snapshot.query(_KEYS_OF, best.tolist()))
    known = np.array([found[row] == key for row, key in zip(best.tolist(), keys, strict=True)])
    return Sample(sample.queries[known], sample.truth[known])


_NAMES = """
SELECT taxon_key, any_value(label), max(common_name) FROM images
WHERE taxon_key IS NOT NULL GROUP BY 1 ORDER BY hash(taxon_key) LIMIT ?
"""
_KEYS_OF = 'SELECT "row", taxon_key FROM images JOIN (SELECT unnest(?) AS "row") USING ("row")'
