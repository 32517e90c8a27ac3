"""A collection opened for searching."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Unpack

import pyarrow as pa

from indexer.catalog.snapshot import open_snapshot
from indexer.exports.account import Account
from indexer.exports.export import export
from indexer.labels.label_files import Label
from indexer.labels.label_resolution import taxonomy_of
from indexer.taxonomy.store import open_taxonomy
from model.encoder import Encoder, checked
from model.errors import Error
from model.vectors import Vectors
from search import queries
from search.answering import Answering
from search.audit.audit import audit
from search.audit.findings import KINDS, Findings
from search.audit.suggestions import Suggestions, suggest
from search.filters import Filters
from search.hits import Hits
from search.identify.candidate_taxa import OF_LABELS, taxa_of
from search.identify.identifications import Identifications
from search.identify.identifier import AnswerOptions
from search.identify.preparation import CandidateOptions, Preparation, prepare
from search.label.examples import rows_of
from search.label.labelling import Labelling, LabelOptions, label
from search.mixing import parts_of, vector_of
from search.neighbours import neighbours
from search.opened import Opened, several
from search.thinning import Thinning


class Collection(Opened):
    """One generation of a collection, and all that it can be asked."""

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
        filters = Filters(several(within), several(exclude), rank, where, date, near)
        question = queries.ask(
            self.names,
            filters.within,
            query=query,
            taxon=taxon,
            text=text,
            image=image,
            image_id=image_id,
        )
        if k < 1 or skip < 0:
            raise Error(f"k is the number of hits, 1 or more, and skip 0 or more: not {k}, {skip}.")
        parts = parts_of(self.names, several(plus), several(minus))
        if parts:
            meaning = ", ".join((question.meaning, *map(str, parts)))
            question = replace(question, meaning=meaning, is_mixed=True)

        def embedded() -> Vectors:
            return vector_of(
                question, parts, self.snapshot, self.nearest.exact, lambda: self.encoder
            )

        passing = filters.condition(self.names)
        thinning = Thinning(group_by, distinct, diverse)
        answering = Answering(self.snapshot, self.selections, self.nearest, thinning)
        return answering.page(question, embedded, passing, k, skip)

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
        passing = Filters(several(within), where=where).condition(self.names)
        answering = Answering(self.snapshot, self.selections, self.nearest, Thinning())
        names = several(within)
        yield from answering.each(asked, self.names, names, passing, k, lambda: self.encoder)

    def neighbours(
        self, k: int = 10, *, within: str | Sequence[str] = (), where: str = ""
    ) -> Iterator[pa.RecordBatch]:
        """Yield the k nearest images of every image, among those that pass the filters.

        Batches have the columns of `search.neighbours.SCHEMA`.
        """
        return neighbours(self.snapshot, self.nearest, self.among(within, where), k)

    def audit(
        self,
        kinds: str | Sequence[str] = KINDS,
        k: int = 20,
        *,
        within: str | Sequence[str] = (),
        where: str = "",
    ) -> Findings:
        """Return the k worst findings of each kind among what passes (`audit.findings`)."""
        among = self.among(within, where)
        return audit(self.snapshot, self.nearest, among, several(kinds), k)

    def suggest(
        self, k: int = 20, *, within: str | Sequence[str] = (), where: str = ""
    ) -> Suggestions:
        """Return which unlabelled images to label next, at most k, among what passes."""
        return suggest(self.snapshot, self.nearest.exact, self.among(within, where), k)

    def label(
        self,
        examples: Path | str | Mapping[str, Label] | None = None,
        *,
        query: str | None = None,
        first: int = 1000,
        within: str | Sequence[str] = (),
        where: str = "",
        **how: Unpack[LabelOptions],
    ) -> Labelling:
        """Learn labels from a few examples, to give them to other images (`label.labelling`).

        `examples` is a CSV or Parquet file (`label.examples`); without one, what people
        labelled are the examples. All other images are labelled, or those that pass the filters, or
        the `first` of a `query`; they are as `batches` of the answer are taken. Raises BadInput for
        examples of less than two classes, Error for a precision that they cannot tell of.
        """
        if query is None:
            rows = self.among(within, where).array
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
        return export(self.snapshot, path, format, self.among(within, where).array)

    def fit(self) -> None:
        """Fit what `identify` takes to the labels; the collection keeps it.

        Does nothing where no image is labelled with a taxon.
        """
        if taxa_of(self.snapshot.cursor(), OF_LABELS):
            self.prepare().identifier()

    def prepare(self, **wanted: Unpack[CandidateOptions]) -> Preparation:
        """Return what identifying takes: its `texts` may take long to encode, the first time."""
        parts = (self.snapshot, lambda: self.nearest, self.names.taxonomy)
        return prepare(lambda: checked(self.encoder), *parts, **wanted)

    def identify(
        self,
        images: Path | str | Sequence[Path | str],
        precision: float = 0.9,
        *,
        rank: str = "",
        k: int = 5,
        group_by: str = "",
        **wanted: Unpack[CandidateOptions],
    ) -> Identifications:
        """Identify photographs, each as deep as that share of answers is right.

        `images` are files, folders, patterns or tables of them; see
        `identify.identifier.AnswerOptions` and `identify.preparation.CandidateOptions`.
        """
        asked = AnswerOptions(precision, rank, k, group_by)
        ready = self.prepare(**wanted)
        sources = [images] if isinstance(images, str | Path) else images
        return ready.identifier().all(sources, asked, ready.notes)


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
