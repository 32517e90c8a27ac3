"""A collection opened for searching."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
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
from search.auditing.audit import audit
from search.auditing.findings import KINDS, Findings
from search.auditing.suggesting import Suggestions, suggest
from search.hits import Hits
from search.identifying.identifications import Identifications
from search.identifying.identifier import Asked
from search.identifying.preparing import Preparation, Wanted, prepare
from search.labelling.examples import rows_of
from search.labelling.few_shot import How, Labelling, label
from search.opened import Opened, several
from search.query.dates_and_places import Place
from search.query.filters import Filters
from search.query.pictures import Given
from search.query.understanding import understand
from search.query.vector_arithmetic import MixedQuery, Weighed, terms_of
from search.ranking.diversify import Diversity
from search.ranking.neighbours import neighbours
from search.retrieval import retrieve, retrieve_each


class Collection(Opened):
    """One generation of a collection, and all that it can be asked."""

    def search(
        self,
        query: str | None = None,
        *,
        taxon: str | None = None,
        text: str | None = None,
        image: Given | Sequence[Given] | None = None,
        image_id: str | None = None,
        k: int = 10,
        within: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        rank: str = "",
        where: str = "",
        date: str = "",
        near: str | Place = "",
        plus: Weighed | Sequence[Weighed] = (),
        minus: Weighed | Sequence[Weighed] = (),
        skip: int = 0,
        group_by: str = "",
        distinct: bool = False,
        diverse: bool = False,
    ) -> Hits:
        """Return the k best images for one query, or all where there are fewer.

        `query` is a taxon if one bears that name (any rank, scientific or common), else a label,
        else a text; `taxon` and `text` force it. `image` is a picture, or several of one specimen:
        a path, bytes, a PIL image, an array (height, width, 3) uint8 or a (dim,) float vector
        (`query.pictures`). `image_id` is an image of the collection, which is left out of its own
        answer. `plus` and `minus` are names, texts or pictures, perhaps with a weight
        (("snow", 2.0) or "2*snow"), that hits resemble more and less (`query.vector_arithmetic`).
        Hits of a taxon are its labelled images, best look first, then the machine-identified
        ones, surest first, then images that no label excludes.

        Only images that pass every filter answer (`query.filters`): `within` and `exclude` name
        clades, `rank` is the least precise rank of a label, `where` a SQL condition, `date` and
        `near` conditions on time and place. `within` also decides which of several taxa of one
        name is meant. `group_by` a column shows the best hit of each value, `distinct` drops
        near-duplicates, `diverse` prefers unlike hits (`ranking.diversify`); `skip` leaves out
        the first hits, for the next page. Raises UnknownName or BadInput for anything that cannot
        be understood or read.
        """
        filters = Filters(several(within), several(exclude), rank, where, date, near)
        understood = understand(
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
        terms = terms_of(self.names, plus, minus)
        asked = MixedQuery(understood, terms) if terms else understood
        passing = filters.condition(self.names)
        return retrieve(self, asked, passing, k, skip, Diversity(group_by, distinct, diverse))

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
        filters = Filters(several(within), where=where)
        yield from retrieve_each(self, asked, filters.condition(self.names), filters.within, k)

    def neighbours(
        self, k: int = 10, *, within: str | Sequence[str] = (), where: str = ""
    ) -> Iterator[pa.RecordBatch]:
        """Yield the k nearest images of every image, among those that pass the filters.

        Batches have the columns of `search.ranking.neighbours.SCHEMA`.
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
        """Return the k worst findings of each kind among what passes (`auditing.findings`)."""
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
        **how: Unpack[How],
    ) -> Labelling:
        """Learn labels from a few examples, to give them to other images (`labelling.How`).

        `examples` is a CSV or Parquet file (`labelling.examples`); without one, what people
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

    def prepare(self, **wanted: Unpack[Wanted]) -> Preparation:
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
        **wanted: Unpack[Wanted],
    ) -> Identifications:
        """Identify photographs, each as deep as that share of answers is right.

        `images` are files, folders, patterns or tables of them; see `identifying.identifier.Asked`
        for the options, and `identifying.preparing.Wanted` for what may be an answer.
        """
        asked = Asked(precision, rank, k, group_by)
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
