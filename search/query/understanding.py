"""Understanding a query: words, pictures or an image id become one value, once.

Each kind of query knows the images that may answer it (`matches`) and its `vector`. Words are a
taxon if one bears that name, else a label, else a text.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import ClassVar

import numpy as np

from indexer.backends.exact import Exact
from indexer.catalog.snapshot import Snapshot
from indexer.taxonomy.resolver import Clade
from model.encoder import Encoder
from model.errors import Error, UnknownName
from model.taxon import RANKS
from model.text_types import free_text_prompt, prompts
from model.vectors import Vectors
from search.query.conditions import EVERY, NONE, Condition, of_taxa
from search.query.names import NamedClades, NamedLabels, Names, Unknown
from search.query.pictures import Given, Picture, pictures_of, unit_vectors
from search.query.taxon_counts import OfTaxa

NO_NAME = "no taxon or label here has this name"
_LIKE_A_NAME = re.compile(r"[^\W\d_]+|[A-Z][a-z]+( [a-z-]{3,}){1,2}")  # one word, or a binomial
MOST_TAXA = 20  # whose texts make up one query: every "robin", not every "worm"


@dataclass(frozen=True, slots=True)
class Matches:
    """The images that may answer, by who says that they match; disjoint, in order of answering."""

    labelled: Condition = NONE
    """a person's label matches the query"""
    identified: Condition = NONE
    """a machine's label matches it, and no person's label contradicts"""
    similar: Condition = EVERY
    """no label contradicts: the look decides"""


@dataclass(frozen=True, slots=True)
class _Written:
    """A query of words: its vector is the mean of its prompts, a zero-shot ensemble."""

    meaning: str
    prompts: tuple[str, ...]
    matches: Matches = Matches()
    of_text: ClassVar[bool] = True
    own_row: ClassVar[None] = None

    def vector(self, exact: Exact, encoder: Callable[[], Encoder]) -> Vectors:
        """Embed it: (1, dim) unit row."""
        return mean_of(encoder().encode_texts(self.prompts))


@dataclass(frozen=True, slots=True)
class TaxonQuery(_Written):
    """A taxon, or all that share a common name."""


@dataclass(frozen=True, slots=True)
class LabelQuery(_Written):
    """A label that names no taxon: "blank"."""


@dataclass(frozen=True, slots=True)
class TextQuery(_Written):
    """A description, which only the look of an image answers."""


@dataclass(frozen=True, slots=True, eq=False)
class ImageQuery:
    """One picture, or several of one specimen: the mean of their vectors."""

    pictures: tuple[Picture, ...]
    matches: ClassVar[Matches] = Matches()
    of_text: ClassVar[bool] = False
    own_row: ClassVar[None] = None

    @property
    def meaning(self) -> str:
        """Describe it in one line."""
        return f"images that look like {', '.join(each.name for each in self.pictures)}"

    def vector(self, exact: Exact, encoder: Callable[[], Encoder]) -> Vectors:
        """Embed it: (1, dim) unit row; raises BadInput for a file that cannot be decoded."""
        return mean_of(unit_vectors(self.pictures, encoder))


@dataclass(frozen=True, slots=True)
class RowQuery:
    """An image of the collection, which is no answer to itself."""

    own_row: int
    source_id: str
    matches: ClassVar[Matches] = Matches()
    of_text: ClassVar[bool] = False

    @property
    def meaning(self) -> str:
        """Describe it in one line."""
        return f"images that look like {self.source_id}"

    def vector(self, exact: Exact, encoder: Callable[[], Encoder]) -> Vectors:
        """Return the stored vector, (1, dim) unit row."""
        return exact.gather(np.array([self.own_row]))


WordQuery = TaxonQuery | LabelQuery | TextQuery
Query = WordQuery | ImageQuery | RowQuery


def understand(
    names: Names,
    within: Sequence[str] = (),
    *,
    query: str | None = None,
    taxon: str | None = None,
    text: str | None = None,
    image: Given | Sequence[Given] | None = None,
    image_id: str | None = None,
) -> Query:
    """Understand the one argument that is not None.

    `within` names clades, one of which holds the taxon that is meant. Raises Error for none or
    several arguments, UnknownName for a name or id that is unknown or ambiguous, and BadInput for
    a picture that cannot be one.
    """
    given = sum(each is not None for each in (query, taxon, text, image, image_id))
    if given != 1:
        raise Error(
            "Ask for exactly one of a query, a taxon, a text, an image or an image id, "
            f"not {given} of them."
        )
    if query is not None:
        return understand_words(names, query, within)
    if taxon is not None:
        return _of_clades(names, names.taxon(taxon, within))
    if text is not None:
        return _of_text(text)
    if image is not None:
        return ImageQuery(pictures_of(image, names.snapshot.manifest.encoder.dim))
    return _of_image_id(names.snapshot, str(image_id))


def understand_words(names: Names, words: str, within: Sequence[str] = ()) -> WordQuery:
    """Understand words as a taxon, else a label, else a text; raises UnknownName as `understand`.

    One look-up decides (`Names.look_up`).
    """
    return _of_words(names, words, names.look_up(words, within))


def understand_all(
    names: Names, asked: Sequence[str], within: Sequence[str] = ()
) -> list[WordQuery | UnknownName]:
    """Understand many, each as `understand_words`, whose error stands in its place."""
    understood: list[WordQuery | UnknownName] = []
    for words, named in zip(asked, names.look_up_all(asked, within), strict=True):
        try:
            if isinstance(named, UnknownName):
                raise named
            understood.append(_of_words(names, words, named))
        except UnknownName as error:
            understood.append(error)
    return understood


def _of_words(names: Names, words: str, named: NamedClades | NamedLabels | Unknown) -> WordQuery:
    match named:
        case NamedClades():
            return _of_clades(names, named)
        case NamedLabels(labels):
            return _of_labels(names, labels, words)
        case Unknown(suggestion):
            no_name = NO_NAME if _LIKE_A_NAME.fullmatch(words.strip()) else ""
            return _of_text(words, suggestion or no_name)


def mean_of(vectors: Vectors) -> Vectors:
    """Return the mean of unit vectors, renormalised: (1, dim) float16."""
    mean = vectors.mean(axis=0, dtype=np.float32)
    unit: Vectors = (mean / max(float(np.linalg.norm(mean)), 1e-6))[None].astype(np.float16)
    return unit


def _of_text(text: str, note: str = "") -> TextQuery:
    if not text.strip(" ."):
        raise UnknownName("The query is empty; write a name or a text.")
    hint = f" ({note})" if note else ""
    return TextQuery(f'images that look like "{text}"{hint}', (free_text_prompt(text),))


def _of_image_id(snapshot: Snapshot, image_id: str) -> RowQuery:
    found = snapshot.query('SELECT "row", source_id FROM images WHERE image_id = ?', image_id)
    if not found:
        raise UnknownName(
            f"No image of this collection has the id {image_id!r}; "
            "search with --format json shows ids."
        )
    return RowQuery(*found[0])


def _of_labels(names: Names, labels: tuple[str, ...], words: str) -> LabelQuery:
    labelled = Condition("list_contains(?, label)", (labels,))
    no_taxon = Condition("lo IS NULL AND NOT list_contains(?, label)", (labels,))
    matches = _matches(names, labelled, no_taxon)
    prompt = free_text_prompt(words.replace("_", " "))
    return LabelQuery(f"images labelled {', '.join(labels)}", (prompt,), matches)


def _of_clades(names: Names, named: NamedClades) -> TaxonQuery:
    open_taxa = {
        lo
        for clade in named.clades
        for lo in _taxa_that_leave_open(names.snapshot, clade, named.memberless)
    }
    others = of_taxa(OfTaxa((), tuple(sorted(open_taxa)), True, outside=named.intervals))
    matches = Matches(similar=others)
    if named.intervals:
        matches = _matches(names, of_taxa(OfTaxa(named.intervals)), others)
    texts = [text for clade in named.clades[:MOST_TAXA] for text in _prompts(clade)]
    return TaxonQuery(str(named), tuple(dict.fromkeys(texts)), matches)


def _matches(names: Names, labelled: Condition, others: Condition) -> Matches:
    """Divide those that no person's label contradicts by whether a machine's label matches."""
    if not names.has_machine_labels:
        return Matches(labelled, NONE, others)
    identified = Condition(_IDENTIFIED.format(labelled.sql), labelled.values)
    return Matches(labelled, others & identified, others & ~identified)


def _prompts(clade: Clade) -> list[str]:
    """Return the prompts of a taxon; outside the seven ranks only those with its own names."""
    if clade.linnaean:
        return prompts(clade.taxon)
    return [free_text_prompt(name) for name in (clade.name, clade.taxon.common_name) if name]


def _taxa_that_leave_open(snapshot: Snapshot, clade: Clade, memberless: bool) -> list[int]:
    """Return the places of the taxa whose lineage does not exclude that they are of a clade.

    The lineage of a clade outside the seven ranks is that of its parent; so the taxa above it
    leave open whether they are of it, and where nobody lists its members, all below these do, too.
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
