"""Embedded queries: many names and texts, understood and embedded some hundreds at a time."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np

from model.encoder import Encoder
from model.errors import UnknownName
from model.vectors import Vectors
from search.query.names import Names
from search.query.understanding import WordQuery, mean_of, understand_all

_TOGETHER = 512


@dataclass(frozen=True, slots=True)
class EmbeddedQuery:
    """A name or text, and its vector."""

    query: WordQuery
    vector: Vectors
    """(1, dim) unit row"""


def embedded_queries(
    names: Names, encoder: Callable[[], Encoder], asked: Iterable[str], within: Sequence[str] = ()
) -> Iterator[list[EmbeddedQuery | UnknownName]]:
    """Yield queries in parts, in their order; an error stands for one that is not understood."""
    rest = iter(asked)
    while part := list(islice(rest, _TOGETHER)):
        understood = understand_all(names, part, within)
        known = [each for each in understood if not isinstance(each, UnknownName)]
        texts = dict.fromkeys(text for each in known for text in each.prompts)
        made = encoder().encode_texts(list(texts)) if texts else ()
        vector_of = dict(zip(texts, made, strict=True))
        yield [
            each
            if isinstance(each, UnknownName)
            else EmbeddedQuery(each, mean_of(np.stack([vector_of[text] for text in each.prompts])))
            for each in understood
        ]
