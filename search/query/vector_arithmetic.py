"""Vector arithmetic: a query plus this, minus that."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from indexer.backends.exact import Exact
from indexer.inputs.decoding import SUFFIXES
from model.encoder import Encoder
from model.errors import BadInput, Error
from model.vectors import Vectors
from search.query.names import Names
from search.query.pictures import Given
from search.query.understanding import Matches, Query, understand

Weighed = Given | tuple[Given, float]
"""A name, text or picture, perhaps with a weight: "snow", ("snow", 2.0), "nest.jpg" """

_SAMPLE = 1000  # rows on which the spread of a term's cosines is measured


@dataclass(frozen=True, slots=True)
class Term:
    """A query that is added with a weight, or with one below 0 subtracted."""

    weight: float
    name: str
    query: Query

    def __str__(self) -> str:
        """Describe it: "minus 2 × snow"."""
        weight = f"{abs(self.weight):g} × " if abs(self.weight) != 1 else ""
        return f"{'plus' if self.weight > 0 else 'minus'} {weight}{self.name}"


@dataclass(frozen=True, slots=True)
class MixedQuery:
    """A query with terms: answered by the same images, in another order."""

    query: Query
    terms: tuple[Term, ...]

    @property
    def meaning(self) -> str:
        """Describe it in one line."""
        return ", ".join((self.query.meaning, *map(str, self.terms)))

    @property
    def matches(self) -> Matches:
        """The images that may answer."""
        return self.query.matches

    @property
    def of_text(self) -> bool:
        """Whether its vector lies among those of texts, not of pictures."""
        return self.query.of_text

    @property
    def own_row(self) -> int | None:
        """The row that is no answer."""
        return self.query.own_row

    def vector(self, exact: Exact, encoder: Callable[[], Encoder]) -> Vectors:
        """Embed the query and its terms: (1, dim) unit row; raises Error as `mixed`."""
        terms = [(each.weight, each.query.vector(exact, encoder)) for each in self.terms]
        return mixed(self.query.vector(exact, encoder), terms, exact)


def terms_of(
    names: Names,
    plus: Weighed | Sequence[Weighed] = (),
    minus: Weighed | Sequence[Weighed] = (),
) -> tuple[Term, ...]:
    """Understand what is added and subtracted; raises what `understand` raises."""
    return (*_terms(names, _several(plus), 1), *_terms(names, _several(minus), -1))


def mixed(vector: Vectors, others: Sequence[tuple[float, Vectors]], exact: Exact) -> Vectors:
    """Return the unit sum of vectors, (1, dim) each, with their weights; the first has weight 1.

    Each counts in units of the spread of its cosines over the collection: the cosines of a text
    lie close together, and it would hardly count beside a picture. Raises Error where they cancel
    each other.
    """
    rows = np.unique(np.linspace(0, len(exact) - 1, _SAMPLE).astype(np.int64))
    sample = exact.gather(rows).astype(np.float32)
    total = np.zeros(vector.shape, np.float32)
    for weight, each in ((1.0, vector), *others):
        direction = each.astype(np.float32)
        total += weight * direction / max(float((sample @ direction[0]).std()), 1e-3)
    length = float(np.linalg.norm(total))
    if length < 1e-3:
        raise Error("What is added and taken away leaves nothing to search by; change a weight.")
    unit: Vectors = (total / length).astype(np.float16)
    return unit


def _several(given: Weighed | Sequence[Weighed]) -> list[Weighed]:
    """Return one term or several as a list; ("snow", 2.0) is one."""
    weighed = isinstance(given, tuple) and len(given) == 2 and isinstance(given[1], int | float)
    return list(given) if isinstance(given, list | tuple) and not weighed else [given]  # type: ignore[list-item]


def _terms(names: Names, given: Iterable[Weighed], sign: int) -> Iterator[Term]:
    for each in given:
        value, weight = each if isinstance(each, tuple) else (each, 1.0)
        if isinstance(weight, str) or not np.isfinite(weight) or weight < 0:
            raise BadInput(f"A weight is a number, 0 or more, not {weight!r}; minus subtracts.")
        is_words = isinstance(value, str) and Path(value).suffix.lower() not in SUFFIXES
        query = understand(names, query=value) if is_words else understand(names, image=value)  # type: ignore[arg-type]
        if weight:
            name = str(value) if isinstance(value, str | Path) else "a picture"
            yield Term(sign * weight, name, query)
