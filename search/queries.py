"""What can be asked: each question becomes a vector and the rows that may answer it."""

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from indexer.backends import Rows
from indexer.decoding import decode_file
from indexer.snapshot import Snapshot
from model.encoder import Encoder
from model.errors import BadInput, UnknownName
from model.taxon import RANKS, Taxon
from model.text_types import free_text_prompt, prompts
from model.vectors import Vectors
from search.names import Meaning, alike, raw_labels, resolve, unknown_taxon


@dataclass(frozen=True, slots=True)
class Question:
    """A query that was understood but not embedded yet.

    `labelled` are the rows whose label answers it, shown first; `similar` the rows that may look
    like it. `source` is what its vector comes from: texts, a picture file or a row.
    """

    meaning: str
    source: tuple[str, ...] | Path | int
    labelled: Rows
    similar: Rows


def ask_name(snapshot: Snapshot, words: str) -> Question:
    """Ask for a taxon or a label, if the collection has one of that name, else for a text."""
    if meaning := resolve(snapshot, words):
        return _of_clades(snapshot, meaning)
    if labels := raw_labels(snapshot, words):
        chosen = _rows(snapshot, "list_contains(?, label)", labels)
        others = _rows(snapshot, "lo IS NULL AND NOT list_contains(?, label)", labels)
        prompt = (free_text_prompt(words.replace("_", " ")),)
        return Question(f"images labelled {', '.join(labels)}", prompt, chosen, others)
    question = ask_text(snapshot, words)
    return replace(question, meaning=question.meaning + alike(snapshot, words))


def ask_taxon(snapshot: Snapshot, name: str) -> Question:
    """Ask for a taxon; raises UnknownName, with suggestions, where the collection has none."""
    meaning = resolve(snapshot, name)
    if meaning is None:
        raise unknown_taxon(snapshot, name)
    return _of_clades(snapshot, meaning)


def ask_text(snapshot: Snapshot, text: str) -> Question:
    """Ask for what looks like a text."""
    if not text.strip(" ."):
        raise UnknownName("The query is empty; write a name or a text.")
    prompt = free_text_prompt(text)
    return Question(f'images that look like "{text}"', (prompt,), _NONE, _rows(snapshot))


def ask_image(snapshot: Snapshot, path: Path) -> Question:
    """Ask for what looks like a picture; raises BadInput where there is no such file."""
    if not path.is_file():
        raise BadInput(f"There is no picture file {path}.")
    return Question(f"images that look like {path.name}", path, _NONE, _rows(snapshot))


def ask_image_id(snapshot: Snapshot, image_id: str) -> Question:
    """Ask for what looks like an image of the collection; raises UnknownName where it is none."""
    found = snapshot.query('SELECT "row", source_id FROM images WHERE image_id = ?', image_id)
    if not found:
        raise UnknownName(
            f"No image of this collection has the id {image_id!r}; "
            "search with --format json shows ids."
        )
    row, source_id = found[0]
    others = _rows(snapshot, '"row" <> ?', row)
    return Question(f"images that look like {source_id}", row, _NONE, others)


def vector_of(question: Question, snapshot: Snapshot, encoder: Encoder) -> Vectors:
    """Embed a question: (1, dim) unit row.

    Several texts make a zero-shot ensemble: the mean of their unit vectors, renormalised.
    """
    if isinstance(question.source, Path):
        return encoder.encode_images([decode_file(question.source)])
    if isinstance(question.source, int):
        return snapshot.vector(question.source)[None]
    mean = encoder.encode_texts(question.source).mean(axis=0, dtype=np.float32)
    unit: Vectors = (mean / np.linalg.norm(mean))[None].astype(np.float16)
    return unit


def _of_clades(snapshot: Snapshot, meaning: Meaning) -> Question:
    los = [lo for lo, _ in meaning.intervals]
    his = [hi for _, hi in meaning.intervals]
    inside = (
        "EXISTS (SELECT 1 FROM (SELECT unnest(?) AS a, unnest(?) AS b) WHERE a <= lo AND lo < b)"
    )
    open_keys = {key for taxon in meaning.taxa for key in _keys_that_may_be(snapshot, taxon)}
    unsure = f"(lo IS NULL OR list_contains(?, taxon_key)) AND NOT {inside}"
    texts = tuple(text for taxon in meaning.taxa for text in prompts(taxon))
    return Question(
        str(meaning),
        tuple(dict.fromkeys(texts)),
        _rows(snapshot, inside, los, his),
        _rows(snapshot, unsure, sorted(open_keys), los, his),
    )


def _keys_that_may_be(snapshot: Snapshot, taxon: Taxon) -> list[str]:
    """The taxa whose lineage leaves open whether they belong to a taxon: nothing contradicts."""
    known = [(f'"{rank}"', taxon.at(rank)) for rank in RANKS if taxon.at(rank)]
    agree = " AND ".join(f"{column} IN ('', ?)" for column, _ in known)
    found = snapshot.query(
        f"SELECT taxon_key FROM taxa WHERE {agree}", *(name for _, name in known)
    )
    return [key for (key,) in found]


def _rows(snapshot: Snapshot, condition: str = "true", *parameters: object) -> Rows:
    found = snapshot.query(
        f'SELECT "row" FROM images WHERE {condition} ORDER BY "row"', *parameters
    )
    return np.array([row for (row,) in found], np.int64)


_NONE: Rows = np.empty(0, np.int64)
