"""What can be asked: each question becomes a vector and conditions on what may answer it."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from indexer.catalog.snapshot import Snapshot
from indexer.inputs.decoding import decode_file
from indexer.taxonomy.resolver import Clade
from model.encoder import Encoder
from model.errors import BadInput, Error, UnknownName
from model.taxon import RANKS
from model.text_types import free_text_prompt, prompts
from model.vectors import Vectors
from search.conditions import EVERY, NONE, Condition, inside
from search.names import Meaning, Names


@dataclass(frozen=True, slots=True)
class Question:
    """A query that was understood but not embedded yet.

    `labelled` says whose label answers it, shown first; `identified` what a machine said to be so
    and no label contradicts; `similar` what else may look like it.
    `source` is what its vector comes from: texts, picture files or a row, which is no answer.
    """

    meaning: str
    source: tuple[str, ...] | tuple[Path, ...] | int
    labelled: Condition = NONE
    identified: Condition = NONE
    similar: Condition = EVERY
    is_mixed: bool = False
    """whether more is asked for, or less (`search.mixing`)"""

    @property
    def of_text(self) -> bool:
        """Whether its vector lies among those of texts, not of pictures."""
        return isinstance(self.source, tuple) and isinstance(self.source[0], str)


def ask(names: Names, within: Sequence[str], **asked: Any) -> Question:
    """Ask for the one thing that is not None: a query, taxon, text, image or image_id.

    Raises Error for none or several, else what the functions below raise.
    """
    given = {kind: value for kind, value in asked.items() if value is not None}
    if len(given) != 1:
        raise Error(
            "Ask for exactly one of a query, a taxon, a text, an image or an image id, "
            f"not {len(given)} of them."
        )
    match given.popitem():
        case "query", value:
            return ask_name(names, value, within)
        case "taxon", value:
            return ask_taxon(names, value, within)
        case "text", value:
            return ask_text(value)
        case "image", value:
            paths = [value] if isinstance(value, str | Path) else value
            return ask_images([Path(path) for path in paths])
        case _, value:
            return ask_image_id(names.snapshot, value)


def ask_name(names: Names, words: str, within: Sequence[str] = ()) -> Question:
    """Ask for a taxon or a label, if there is one of that name, else for a text."""
    meaning = names.resolve(words, within)
    if meaning and meaning.whole:
        return _of_clades(names.snapshot, meaning)
    if labels := names.raw_labels(words):
        chosen = Condition("list_contains(?, label)", (tuple(labels),))
        others = Condition("lo IS NULL AND NOT list_contains(?, label)", (tuple(labels),))
        theirs = Condition(_IDENTIFIED.format("list_contains(?, label)"), (tuple(labels),))
        prompt = (free_text_prompt(words.replace("_", " ")),)
        told = f"images labelled {', '.join(labels)}"
        return Question(told, prompt, chosen, *_parted(others, theirs))
    question = ask_text(words)
    near = names.alike(words).strip()
    return replace(question, meaning=f"{question.meaning} ({near})") if near else question


def ask_taxon(names: Names, name: str, within: Sequence[str] = ()) -> Question:
    """Ask for a taxon; raises UnknownName, with suggestions, where there is none."""
    return _of_clades(names.snapshot, names.resolve(name, within) or names.clade(name))


def ask_text(text: str) -> Question:
    """Ask for what looks like a text."""
    if not text.strip(" ."):
        raise UnknownName("The query is empty; write a name or a text.")
    prompt = free_text_prompt(text)
    return Question(f'images that look like "{text}"', (prompt,))


def ask_images(paths: Sequence[Path]) -> Question:
    """Ask for what looks like a picture, or like what several show together.

    Raises BadInput where there is no such file.
    """
    for path in paths:
        if not path.is_file():
            raise BadInput(f"There is no picture file {path}.")
    names = ", ".join(path.name for path in paths)
    return Question(f"images that look like {names}", tuple(paths))


def ask_image_id(snapshot: Snapshot, image_id: str) -> Question:
    """Ask for what looks like an image of the collection; raises UnknownName where it is none."""
    found = snapshot.query('SELECT "row", source_id FROM images WHERE image_id = ?', image_id)
    if not found:
        raise UnknownName(
            f"No image of this collection has the id {image_id!r}; "
            "hits list their ids in the column image_id."
        )
    row, source_id = found[0]
    return Question(f"images that look like {source_id}", row)


def vector_of(question: Question, snapshot: Snapshot, encoder: Callable[[], Encoder]) -> Vectors:
    """Embed a question: (1, dim) unit row; an image that is known needs no encoder.

    Several texts make a zero-shot ensemble, several pictures an average one: the mean of their
    unit vectors, renormalised.
    """
    if isinstance(question.source, int):
        return snapshot.vector(question.source)[None]
    texts = [each for each in question.source if isinstance(each, str)]
    paths = [each for each in question.source if isinstance(each, Path)]
    if paths:
        vectors = encoder().encode_images([decode_file(path) for path in paths])
    else:
        vectors = encoder().encode_texts(texts)
    return _mean(vectors)


def vectors_of_texts(
    questions: Sequence[Question], encoder: Callable[[], Encoder]
) -> list[Vectors]:
    """Embed questions that are texts, together: (1, dim) unit row each; see `vector_of`."""
    asked = [each.source for each in questions]
    sources = [[str(text) for text in each] for each in asked if isinstance(each, tuple)]
    texts = list(dict.fromkeys(text for source in sources for text in source))
    if not texts:
        return []
    made = dict(zip(texts, encoder().encode_texts(texts), strict=True))
    return [_mean(np.stack([made[text] for text in source])) for source in sources]


def _mean(vectors: Vectors) -> Vectors:
    mean = vectors.mean(axis=0, dtype=np.float32)
    unit: Vectors = (mean / np.linalg.norm(mean))[None].astype(np.float16)
    return unit


def _of_clades(snapshot: Snapshot, meaning: Meaning) -> Question:
    labelled = inside(meaning.intervals)
    may_be = {
        lo
        for clade in meaning.clades
        for lo in _taxa_that_may_be(snapshot, clade, meaning.memberless)
    }
    unsure = f"(lo IS NULL OR lo IN ({', '.join(map(str, sorted(may_be))) or 'NULL'}))"
    texts = tuple(text for clade in meaning.clades[:MOST_TAXA] for text in _prompts(clade))
    others = Condition(f"coalesce({unsure}, false) AND NOT {labelled}")
    asked, prompts_ = str(meaning), tuple(dict.fromkeys(texts))
    if not meaning.intervals:
        return Question(asked, prompts_, similar=others)
    theirs = Condition(_IDENTIFIED.format(labelled))
    return Question(asked, prompts_, Condition(labelled), *_parted(others, theirs))


def _parted(others: Condition, theirs: Condition) -> tuple[Condition, Condition]:
    """Part what no label speaks of into what a machine identified so, and the rest."""
    rest = Condition(f"NOT ({theirs.sql})", theirs.values)
    return others & theirs, others & rest


def _prompts(clade: Clade) -> list[str]:
    """The texts of a taxon; of one of another rank only those that say its very name."""
    if clade.linnaean:
        return prompts(clade.taxon)
    return [free_text_prompt(name) for name in (clade.name, clade.taxon.common_name) if name]


def _taxa_that_may_be(snapshot: Snapshot, clade: Clade, memberless: bool) -> list[int]:
    """Return where those taxa stand whose lineage leaves open that they belong to a clade.

    A clade of another rank than the seven has them all in its lineage; so those above it do, and
    all below these where nobody lists its members.
    """
    known = [(f'"{rank}"', clade.taxon.at(rank)) for rank in RANKS if clade.taxon.at(rank)]
    agree = " AND ".join(f"{column} IN ('', ?)" for column, _ in known) or "true"
    parameters: list[object] = [name for _, name in known]
    if not clade.linnaean and not memberless:
        holes = " OR ".join(f"{column} = ''" for column, _ in known) or "false"
        agree += f" AND ({holes} OR EXISTS ({_ABOVE}))"
        parameters.append([clade.key, clade.taxon.key])
    found = snapshot.query(f"SELECT lo FROM taxa WHERE {agree}", *parameters)
    return [int(lo) for (lo,) in found]


_IDENTIFIED = """image_id IN (
    SELECT image_id FROM identifications LEFT JOIN taxa USING (taxon_key) WHERE {}
)"""
_ABOVE = """
SELECT 1 FROM taxa AS below
WHERE list_contains(?, below.taxon_key) AND taxa.lo <= below.lo AND below.lo < taxa.hi
"""
MOST_TAXA = 20  # whose texts make up one query: every "robin", not every "worm"
