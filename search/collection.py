"""A collection opened for searching."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property, partial
from itertools import islice
from pathlib import Path
from typing import Any, Unpack

import numpy as np
import pyarrow as pa

from indexer.backends.exact import Exact
from indexer.backends.selection import Selection
from indexer.exports import Account, export
from indexer.identity import check_encoder
from indexer.index_file import open_index
from indexer.labels import Label
from indexer.meanings import taxonomy_of
from indexer.snapshot import Snapshot, open_snapshot
from indexer.taxonomy.store import Taxonomy, open_taxonomy
from model.encoder import Encoder
from model.encoder import load as load_encoder
from model.errors import Error, UnknownName
from model.vectors import Vectors
from search import queries
from search.answering import Answering
from search.auditing import audit
from search.conditions import Selections
from search.examples import rows_of
from search.filters import Filters
from search.findings import KINDS, Findings
from search.hits import Hits
from search.identifications import Identifications
from search.identifying import Asked
from search.labelling import How, Labelling, label
from search.mixing import Part, mixed, parts_of
from search.names import Names
from search.nearest import Nearest
from search.neighbours import neighbours
from search.preparing import Preparation, Wanted, prepare
from search.suggesting import Suggestions, suggest
from search.thinning import Thinning


class Collection:
    """One generation of a collection, with its own encoder; both load when first needed."""

    def __init__(
        self, snapshot: Snapshot, encoder: Encoder | None = None, taxonomy: Taxonomy | None = None
    ) -> None:
        self.snapshot = snapshot
        self.names = Names(snapshot, taxonomy)
        self.selections = Selections(snapshot)
        self._given_encoder = encoder

    def __len__(self) -> int:
        """Return the number of images."""
        return int(self.snapshot.query("SELECT count(*) FROM images")[0][0])

    def __repr__(self) -> str:
        """Describe it in one line."""
        return f"Collection({str(self.snapshot.folder)!r}, {len(self)} images)"

    def search(
        self,
        query: str | None = None,
        *,
        taxon: str | None = None,
        text: str | None = None,
        image: Path | str | Sequence[Path | str] | None = None,
        image_id: str | None = None,
        k: int = 10,
        within: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        rank: str = "",
        where: str = "",
        date: str = "",
        near: str = "",
        plus: str | Sequence[str] = (),
        minus: str | Sequence[str] = (),
        skip: int = 0,
        group_by: str = "",
        distinct: bool = False,
        diverse: bool = False,
    ) -> Hits:
        """Return the k best images for one question, or all where there are fewer.

        `query` is a taxon if the collection has one of that name (any rank, scientific or
        common), else a label, else a text; `taxon` and `text` force it; `image` is a picture
        file, or several of one specimen, `image_id` an image of the collection, which is left out
        of its own answer. `plus` and `minus` are names, texts or picture files, perhaps with a
        weight ("2*snow"), that what is found is more and less like (`search.mixing`). The answer
        to a taxon is what is labelled so, best look first, then what has no label that
        speaks against it.

        Only images that pass every filter answer: `within` and `exclude` name clades that their
        label is in, or not; `rank` is the one that it reaches at least; `where` a condition in
        SQL over what is said of them, `date` and `near` when and where they are of
        (`search.filters`). `within` also says which of several
        taxa of one name is meant. `group_by` a column shows the best of each of its values,
        `distinct` nothing twice, `diverse` what is unlike the rest (`search.thinning`); `skip`
        leaves out the first so many, for the next page. Raises UnknownName or BadInput for what
        cannot be understood or read.
        """
        filters = Filters(_several(within), _several(exclude), rank, where, date, near)
        question = self._understand(
            filters.within, query=query, taxon=taxon, text=text, image=image, image_id=image_id
        )
        if k < 1 or skip < 0:
            raise Error(f"k is the number of hits, 1 or more, and skip 0 or more: not {k}, {skip}.")
        parts = parts_of(self.names, _several(plus), _several(minus))
        if parts:
            meaning = ", ".join((question.meaning, *map(str, parts)))
            question = replace(question, meaning=meaning, is_mixed=True)
        passing = filters.condition(self.names)
        thinning = Thinning(group_by, distinct, diverse)
        answering = Answering(self.snapshot, self.selections, self.nearest, thinning)
        return answering.page(question, lambda: self._vector(question, parts), passing, k, skip)

    def search_each(
        self,
        asked: Iterable[str],
        k: int = 10,
        *,
        within: str | Sequence[str] = (),
        where: str = "",
    ) -> Iterator[Hits]:
        """Yield the answer to each of any number of queries, in their order; see `search`.

        Texts are embedded together. A query that cannot be understood has no hits and says why.
        """
        passing = Filters(_several(within), where=where).condition(self.names)
        answering = Answering(self.snapshot, self.selections, self.nearest, Thinning())
        left = iter(asked)
        while part := list(islice(left, _TOGETHER)):
            understood = [self._question_or_why(words, _several(within)) for words in part]
            questions = [each for each in understood if isinstance(each, queries.Question)]
            vectors = iter(queries.vectors_of_texts(questions, lambda: self.encoder))
            for each in understood:
                if isinstance(each, str):
                    yield Hits((), each)
                else:
                    vector = partial(np.asarray, next(vectors))
                    yield answering.page(each, vector, passing, k)

    def neighbours(
        self, k: int = 10, *, within: str | Sequence[str] = (), where: str = ""
    ) -> Iterator[pa.RecordBatch]:
        """Yield the k nearest images of every image, among those that pass the filters.

        Batches have the columns of `search.neighbours.SCHEMA`.
        """
        return neighbours(self.snapshot, self.nearest, self._among(within, where), k)

    def audit(
        self,
        kinds: str | Sequence[str] = KINDS,
        k: int = 20,
        *,
        within: str | Sequence[str] = (),
        where: str = "",
    ) -> Findings:
        """Return the k worst findings of each kind (`search.findings`), among what passes."""
        among = self._among(within, where)
        return audit(self.snapshot, self.nearest, among, _several(kinds), k)

    def suggest(
        self, k: int = 20, *, within: str | Sequence[str] = (), where: str = ""
    ) -> Suggestions:
        """Return which unlabelled images to label next, at most k, among what passes."""
        return suggest(self.snapshot, self.nearest.exact, self._among(within, where), k)

    def label(
        self,
        examples: Path | str | Mapping[str, Label] | None = None,
        *,
        query: str | None = None,
        first: int = 1000,
        within: str | Sequence[str] = (),
        where: str = "",
        **how: Unpack[How],
    ) -> Labelling:
        """Learn labels from a few examples, to give them to other images (`labelling.How`).

        `examples` is a CSV or Parquet file (`search.examples`); without one, what people labelled
        are the examples. All other images are labelled, or those that pass the filters, or the
        `first` of a `query`; they are as `batches` of the answer are taken. Raises BadInput for
        examples of less than two classes, Error for a precision that they cannot tell of.
        """
        if query is None:
            condition = Filters(_several(within), where=where).condition(self.names)
            rows = self.selections.of(condition).array
        else:
            hits = self.search(query, k=first, within=within, where=where)
            rows = rows_of(self.snapshot, [hit.image_id for hit in hits])
        return label(self.snapshot, self.nearest.exact, rows, examples, **how)

    def export(
        self,
        path: Path | str,
        format: str = "",
        *,
        within: str | Sequence[str] = (),
        where: str = "",
    ) -> Account:
        """Write the images that pass the filters in a format of `indexer/exports`.

        "" is the format that the suffix of the path says. Raises UnknownName or BadInput, as
        `indexer.exports.export` does.
        """
        *_, account = self.exporting(Path(path), format, within=within, where=where)
        return account

    def exporting(
        self, path: Path, format: str, *, within: str | Sequence[str] = (), where: str = ""
    ) -> Iterator[Account]:
        """Do what `export` does, and yield the account as it grows."""
        condition = Filters(_several(within), where=where).condition(self.names)
        return export(self.snapshot, path, format, self.selections.of(condition).array)

    def prepare(self, **wanted: Unpack[Wanted]) -> Preparation:
        """Return what identifying takes: its `texts` may take long to encode, the first time."""
        parts = (self.snapshot, lambda: self.nearest, self.names.taxonomy)
        return prepare(lambda: self.encoder, *parts, **wanted)

    def identify(
        self,
        images: Path | str | Sequence[Path | str],
        precision: float = 0.9,
        *,
        rank: str = "",
        k: int = 5,
        group_by: str = "",
        **wanted: Unpack[Wanted],
    ) -> Identifications:
        """Identify photographs, each as deep as that share of answers is right.

        `images` are files, folders, patterns or tables of them; see `search.identifying.Asked` for
        the options, and `search.preparing.Wanted` for what may be an answer.
        """
        asked = Asked(precision, rank, k, group_by)
        ready = self.prepare(**wanted)
        sources = [images] if isinstance(images, str | Path) else images
        return ready.identifier().all(sources, asked, ready.notes)

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder that the collection was made with; raises EncoderMismatch for any other."""
        entry = self.snapshot.manifest.encoder
        encoder = self._given_encoder or load_encoder(entry.spec, fingerprint=entry.fingerprint)
        check_encoder(entry, self.snapshot.folder, encoder)
        return encoder

    @cached_property
    def nearest(self) -> Nearest:
        """What finds rows near a vector."""
        exact = Exact(self.snapshot.vectors())
        manifest = self.snapshot.manifest
        return Nearest(exact, open_index(self.snapshot.folder, manifest, exact), manifest.index)

    def _among(self, within: str | Sequence[str], where: str) -> Selection:
        condition = Filters(_several(within), where=where).condition(self.names)
        return self.selections.of(condition)

    def _question_or_why(self, words: str, within: Sequence[str]) -> queries.Question | str:
        try:
            return queries.ask_name(self.names, words, within)
        except UnknownName as error:
            return str(error)

    def _vector(self, question: queries.Question, parts: Sequence[Part]) -> Vectors:
        def embedded(each: queries.Question) -> Vectors:
            return queries.vector_of(each, self.snapshot, lambda: self.encoder)

        if not parts:
            return embedded(question)
        others = [(part.weight, embedded(part.question)) for part in parts]
        return mixed(embedded(question), others, self.nearest.exact)

    def _understand(self, within: Sequence[str], **asked: Any) -> queries.Question:
        given = {kind: value for kind, value in asked.items() if value is not None}
        if len(given) != 1:
            raise Error(
                "Ask for exactly one of a query, a taxon, a text, an image or an image id, "
                f"not {len(given)} of them."
            )
        match given.popitem():
            case "query", value:
                return queries.ask_name(self.names, value, within)
            case "taxon", value:
                return queries.ask_taxon(self.names, value, within)
            case "text", value:
                return queries.ask_text(value)
            case "image", value:
                paths = [value] if isinstance(value, str | Path) else value
                return queries.ask_images([Path(path) for path in paths])
            case _, value:
                return queries.ask_image_id(self.snapshot, value)


def open_collection(
    folder: Path | str, encoder: Encoder | None = None, taxonomy: str | None = None
) -> Collection:
    """Open the current generation of a collection.

    `taxonomy` is the name or file of an imported one, to know the names of what is not labelled
    here too; None is the collection's own, if it is on this machine. Raises CollectionError where
    there is no collection, UnknownName where there is no such taxonomy.
    """
    snapshot = open_snapshot(Path(folder))
    known = open_taxonomy(taxonomy) if taxonomy else taxonomy_of(snapshot.manifest)
    return Collection(snapshot, encoder, known)


def _several(names: str | Sequence[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


_TOGETHER = 512  # queries whose texts are embedded together
