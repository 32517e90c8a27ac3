"""The floor: the score below which even a best hit is likely not what was asked for.

A picture of something that is here scores above it (`tuning.floor_of`). For texts it lies where
names of taxa that are here are best told from names that are not: English names of species without
a label here. Where nothing is labelled, a text must score above the median of random letters.
"""

import random
import string
from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt

from indexer.backends import Rows
from indexer.backends.exact import Exact
from indexer.backends.tuning import Sample, floor_of, image_sample, text_sample
from indexer.catalog.snapshot import Snapshot
from indexer.store.manifest import FloorEntry
from indexer.taxonomy.built_in import absent_names
from model.encoder import Encoder
from model.taxon import Taxon
from model.text_types import free_text_prompt

Floats = npt.NDArray[np.floating]
_ROWS = 20_000  # compared for an estimate: a thousandth of a second a query
_QUERIES = 64  # images, or names, of an estimate
_NOISE = 1e-3  # of a score in float16
_RANDOM = 32  # texts of random letters
ABSENT = 64  # names of species that are not here
_FEWEST = 5  # names that are here, from which these are told from others


def names_of_taxa(snapshot: Snapshot, most: int) -> dict[str, str]:
    """Return prompts by the key of a taxon that occurs, with the name that one would ask for."""
    prompts = {}
    for key, label, common in snapshot.query(_NAMES, most):
        name = Taxon.from_key(key).name
        own = label.replace("_", " ").strip(" .")
        prompts[key] = free_text_prompt(common or (own if own not in ("", name) else name))
    return prompts


def measure_floor(
    snapshot: Snapshot,
    rows: Rows,
    exact: Exact,
    names: Mapping[str, str],
    samples: Sequence[Sample],
    encoder: Encoder | None,
) -> FloorEntry:
    """Measure the floor for pictures, and for texts where there is an encoder.

    `rows` (n,) are the rows of the snapshot that `exact` holds, in its order; `samples` images,
    and where there are `names` (prompts by key of the taxon) those.
    """
    image = floor_of(exact, samples[0])
    if encoder is None:
        return FloorEntry(image)
    known = _understood(snapshot, rows, list(names), samples[1]) if len(samples) > 1 else None
    return FloorEntry(image, _text_floor(snapshot, exact, known, encoder))


def estimate_image_floor(snapshot: Snapshot, exact: Exact) -> float | None:
    """Estimate the floor for pictures from a sample of images; None for fewer than two.

    Not all rows are compared, so that a best hit may be missed: the estimate is too low, rather
    than too high.
    """
    _, sampled = _sampled(snapshot, exact)
    return floor_of(sampled, image_sample(sampled, _QUERIES)) if len(sampled) > 1 else None


def estimate_text_floor(snapshot: Snapshot, exact: Exact, encoder: Encoder) -> float | None:
    """Estimate the floor for texts likewise; None for a collection without images."""
    rows, sampled = _sampled(snapshot, exact)
    if not len(rows):
        return None
    names = names_of_taxa(snapshot, _QUERIES)
    known = None
    if names:
        sample = text_sample(sampled, encoder.encode_texts(list(names.values())))
        known = _understood(snapshot, rows, list(names), sample)
    return _text_floor(snapshot, sampled, known, encoder)


def between(here: Floats, absent: Floats) -> float:
    """Return the score that tells best hits of names that are here, (n,), from others, (m,).

    Of all scores the one with the largest share of either on its own side, both weighed alike; in
    the middle of the gap where several are as good.
    """
    scores = np.unique(np.concatenate([here, absent]))
    edges = np.concatenate([[scores[0] - _NOISE], (scores[1:] + scores[:-1]) / 2])
    right = (here[:, None] >= edges).mean(axis=0) + (absent[:, None] < edges).mean(axis=0)
    return float(edges[right.argmax()])


def _text_floor(snapshot: Snapshot, exact: Exact, known: Sample | None, encoder: Encoder) -> float:
    if known is None or not known.truth.size:
        letters = random.Random(5)
        words = ["".join(letters.choices(string.ascii_lowercase, k=8)) for _ in range(_RANDOM)]
        return float(np.median(_best(exact, encoder, words))) - _NOISE
    here = np.sum(known.queries * exact.gather(known.truth[:, 0]), axis=1)
    absent = _best(exact, encoder, absent_names(_names_here(snapshot), ABSENT))
    if len(here) < _FEWEST:
        # Too few tell how low the next name may score: none of them lies below.
        return float(min(between(here, absent), here.min() - _NOISE))
    return between(here, absent)


def _best(exact: Exact, encoder: Encoder, names: Sequence[str]) -> Floats:
    vectors = encoder.encode_texts([free_text_prompt(name) for name in names])
    return exact.search(vectors, 1)[0][:, 0]


def _names_here(snapshot: Snapshot) -> list[str]:
    return [name for (name,) in snapshot.query(_EVERY_NAME)]


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
_EVERY_NAME = """
SELECT name FROM names UNION SELECT name FROM taxa UNION
SELECT common_name FROM images WHERE common_name IS NOT NULL
"""
_KEYS_OF = 'SELECT "row", taxon_key FROM images JOIN (SELECT unnest(?) AS "row") USING ("row")'
