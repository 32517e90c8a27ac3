"""A collection opened: every question that it answers.

Each method imports what it uses, so that a search does not wait for scikit-learn.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Self

from indexer.catalog.snapshot import open_snapshot
from indexer.labels.label_resolution import taxonomy_of
from indexer.publish.address import is_address
from indexer.taxonomy.store import open_taxonomy
from model.encoder import Encoder
from model.errors import UnknownName
from model.plugins import load_plugin
from model.taxon import Rank
from search.counts import count
from search.curation import Curation
from search.hits import Hit, Hits
from search.query.filters import Day, filters_of

if TYPE_CHECKING:
    import pyarrow as pa

    from indexer.exports.account import Account
    from indexer.labels.label_files import Label
    from model.progress import OnStep
    from model.vectors import Vectors
    from search.identify.identifications import Identifications
    from search.identify.morphospecies import Morphospecies
    from search.identify.preparation import Preparation
    from search.label.labelling import Labelling
    from search.query.dates_and_places import Place
    from search.query.pictures import Given
    from search.query.vector_arithmetic import Weighed

Names = str | Sequence[str]


class Collection(Curation):
    """One generation of a collection: a mapping of image ids to images that answers questions.

    A collection without images is still true.
    """

    def search(
        self,
        query: str | None = None,
        *,
        taxon: str | None = None,
        text: str | None = None,
        image: "Given | Sequence[Given] | None" = None,
        image_id: str | None = None,
        k: int = 10,
        within: Names = (),
        exclude: Names = (),
        rank: Rank | str | None = None,
        where: str | None = None,
        date: Day | tuple[Day | None, Day | None] | None = None,
        near: "str | Place | None" = None,
        plus: "Weighed | Sequence[Weighed]" = (),
        minus: "Weighed | Sequence[Weighed]" = (),
        skip: int = 0,
        group_by: str | None = None,
        sequence: float | None = None,
        distinct: bool = False,
        diverse: bool = False,
    ) -> Hits:
        """Return the k best images for one query, or all where there are fewer.

        `query` is a taxon if one bears that name (any rank, scientific or common), else a label,
        else a text; `taxon` and `text` force it. `image` is a picture, or several of one specimen:
        a path, bytes, a PIL image, an array (height, width, 3) uint8 or a (dim,) float vector
        (`query.pictures`). `image_id` is an image of the collection, which is left out of its own
        answer. `plus` and `minus` are names, texts or pictures, perhaps with a weight,
        ("snow", 2.0), that hits resemble more and less (`query.vector_arithmetic`). Hits of a
        taxon are its labelled images, best look first, then the machine-identified ones, surest
        first, then images that no label excludes.

        Only images that pass every filter answer (`query.filters`): `within` and `exclude` name
        clades, `rank` is the least precise rank of a label, `where` a SQL condition, `date` a
        time or a pair of first and last, `near` a latitude, a longitude and the km around them, or
        two corners. `within` also decides which of several taxa of one name is meant. `group_by`
        a column shows the best hit of each value, `sequence` that of each sequence of photographs
        at most so many seconds apart (`indexer.exports.sequences`), `distinct` drops
        near-duplicates, `diverse` prefers unlike hits (`ranking.diversify`); `skip` leaves out the
        first hits, for the next page.
        Raises UnknownName or BadInput for anything that cannot be understood or read.
        """
        from search.query.understanding import understand
        from search.query.vector_arithmetic import MixedQuery, terms_of
        from search.ranking.diversify import Diversity
        from search.retrieval import retrieve

        filters = filters_of(within, exclude, rank, where, date, near)
        understood = understand(
            self.names,
            filters.within,
            query=query,
            taxon=taxon,
            text=text,
            image=image,
            image_id=image_id,
        )
        count(k, "k", "hits")
        count(skip, "skip", "hits to leave out", least=0)
        terms = terms_of(self.names, plus, minus)
        asked = MixedQuery(understood, terms) if terms else understood
        diversity = Diversity(group_by or "", sequence, distinct, diverse)
        return retrieve(self, asked, filters.condition(self.names), k, skip, diversity)

    def search_each(
        self,
        asked: Iterable[str],
        k: int = 10,
        *,
        within: Names = (),
        exclude: Names = (),
        rank: Rank | str | None = None,
        where: str | None = None,
        date: Day | tuple[Day | None, Day | None] | None = None,
        near: "str | Place | None" = None,
    ) -> Iterator[Hits]:
        """Yield the answer to each query, in order; one not understood has no hits and says why.

        Filters are those of `search`.
        """
        from search.retrieval import retrieve_each

        count(k, "k", "hits")
        filters = filters_of(within, exclude, rank, where, date, near)
        yield from retrieve_each(self, asked, filters.condition(self.names), filters.within, k)

    def neighbours(
        self, k: int = 10, *, within: Names = (), where: str | None = None
    ) -> "Iterator[pa.RecordBatch]":
        """Yield the k nearest images of every image in `search.ranking.neighbours.SCHEMA`."""
        from search.ranking.neighbours import neighbours

        among, found = self.among(within, where or ""), self.adaptation
        return neighbours(self.snapshot, self.nearest, among, k, found.map if found else None)

    def label(
        self,
        examples: "Path | str | Mapping[str, Label] | None" = None,
        *,
        precision: float = 0.0,
        sets: float = 0.0,
        query: str | None = None,
        first: int = 1000,
        within: Names = (),
        where: str | None = None,
        relabel: bool = False,
        novel: float | None = None,
    ) -> "Labelling":
        """Learn labels from a few examples, to give them to other images.

        `examples` is a CSV or Parquet file (`search.label.examples`); by default the images
        that people labelled. A label is given if it is right with the probability `precision`;
        `novel` is the share of images of other classes; `sets` adds labels of which one is right
        in this share of cases. Labelled are images that no person labelled, of the filters or the
        `first` hits of a `query`; with `relabel` or `within` others, too, but no detected person or
        vehicle; `save` keeps the `batches`. Raises BadInput for less than two classes, Error where
        examples cannot calibrate a precision.
        """
        from search.label.examples import rows_of
        from search.label.labelling import label

        count(first, "first", "hits to label")
        if query is None:
            rows = self.among(within, where or "").array
        else:
            hits = self.search(query, k=first, within=within, where=where)
            rows = rows_of(self.snapshot, [hit.image_id for hit in hits])
        return label(
            self.snapshot,
            self.nearest.exact,
            rows,
            examples,
            precision=precision,
            sets=sets,
            labelled=relabel or bool(within),
            novel=novel,
        )

    def export(
        self,
        path: Path | str,
        format: str | None = None,
        *,
        within: Names = (),
        exclude: Names = (),
        rank: Rank | str | None = None,
        where: str | None = None,
        date: Day | tuple[Day | None, Day | None] | None = None,
        near: "str | Place | None" = None,
        map: "Mapping[str, str] | None" = None,
        progress: "OnStep | None" = None,
    ) -> "Account":
        """Write the images that pass the filters in a format of `indexer/exports/formats`.

        Filters are those of `search`; the path's suffix decides the format by default. `map` names
        the terms of columns of metadata: {"fecha": "eventDate"}. Raises UnknownName or BadInput as
        `indexer.exports.export` does.
        """
        from indexer.exports.export import export
        from model.progress import Step, ignore

        report = progress or ignore
        filters = filters_of(within, exclude, rank, where, date, near)
        rows = self.selections.of(filters.condition(self.names)).array
        for account in export(self.snapshot, Path(path), format or "", rows, map):
            report(Step("images to export", "images", account.images, len(rows)))
        return account

    def identify(
        self,
        images: Path | str | Sequence[Path | str],
        precision: float = 0.9,
        *,
        rank: Rank | str | None = None,
        k: int = 5,
        group_by: str | None = None,
        sequence: float | None = None,
        within: Names = (),
        exclude: Names = (),
        checklist: Sequence[str] | None = None,
        checklist_weight: float = 0.0,
        whole_taxonomy: bool = False,
        novel: float | None = None,
        progress: "OnStep | None" = None,
    ) -> "Identifications":
        """Identify photographs, each to the deepest rank at which that share of answers is right.

        `images` are files, folders, patterns or tables of them. `rank` is the deepest rank, `k` the
        number of likeliest taxa beside each answer. Photographs that agree in `group_by`, a column
        or "folder", or in a `sequence` of so many seconds, show one specimen. `novel` is the share
        of photographs of unlabelled species (default: estimated). `prepare` has the others.
        """
        from indexer.taxonomy.text_encoding import encode_missing
        from search.identify.identifier import AnswerOptions

        asked = AnswerOptions(precision, str(rank or ""), k, group_by or "", sequence, novel)
        ready = self.prepare(within, exclude, checklist, checklist_weight, whole_taxonomy)
        encode_missing(ready.texts, progress)
        sources = [images] if isinstance(images, str | Path) else images
        return ready.identifier().all(sources, asked, ready.notes)

    def morphospecies(
        self,
        *,
        within: Names = (),
        where: str | None = None,
        progress: "OnStep | None" = None,
    ) -> "Morphospecies":
        """Group unlabelled images that look like each other and like no labelled species.

        Raises Error where too few species are labelled to tell new ones.
        """
        from indexer.taxonomy.text_encoding import encode_missing
        from search.identify.morphospecies import morphospecies

        ready = self.prepare()
        encode_missing(ready.texts, progress)
        among, identifier = self.among(within, where or ""), ready.identifier()
        return morphospecies(self.snapshot, self.nearest.exact, identifier, among, progress)

    def fit(self, progress: "OnStep | None" = None) -> None:
        """Fit what `identify` takes to the labels; the collection keeps it.

        Does nothing where no image is labelled with a taxon.
        """
        from indexer.taxonomy.text_encoding import encode_missing
        from search.identify.candidate_taxa import OF_LABELS, taxa_of

        if taxa_of(self.snapshot.cursor(), OF_LABELS):
            ready = self.prepare()
            encode_missing(ready.texts, progress)
            ready.identifier()

    def prepare(
        self,
        within: Names = (),
        exclude: Names = (),
        checklist: Sequence[str] | None = None,
        checklist_weight: float = 0.0,
        whole_taxonomy: bool = False,
    ) -> "Preparation":
        """Return all that identifying takes; encoding its `texts` may take long the first time.

        `within` and `exclude` name clades, `checklist` the taxa that occur: any other has the
        prior weight `checklist_weight`. Candidates are the taxa of labels, or those of the whole
        taxonomy.
        """
        from model.encoder import checked
        from search.identify.preparation import prepare

        return prepare(
            lambda: checked(self.encoder),
            self.snapshot,
            lambda: self.nearest,
            self.names.taxonomy,
            within=within,
            exclude=exclude,
            checklist=checklist,
            checklist_weight=checklist_weight,
            whole_taxonomy=whole_taxonomy,
        )

    def info(self) -> dict[str, str]:
        """Return facts about the collection by name, in the order in which they are read."""
        from search.summary import summarise

        return summarise(self.snapshot)

    def to_arrow(self) -> "pa.Table":
        """Return every image as a line of `search.images_table.SCHEMA`."""
        from search.images_table import images_table

        return images_table(self.snapshot)

    def vectors(self) -> "Vectors":
        """Return the unit vectors, (images, dim) float16, in the order of `to_arrow`."""
        import numpy as np

        from search.images_table import image_rows

        rows = np.array(image_rows(self.snapshot), np.int64)
        if not len(rows):
            return np.empty((0, self.snapshot.manifest.encoder.dim), np.float16)
        return self.nearest.exact.gather(rows)

    def __getitem__(self, image_id: str) -> Hit:
        """Return an image as a hit of score 1, its cosine with itself; raises UnknownName."""
        import numpy as np

        from search.hits import SIMILAR, hits_of

        found = self.snapshot.query('SELECT "row" FROM images WHERE image_id = ?', image_id)
        if not found:
            raise UnknownName(f"{self.snapshot.folder} has no image with the id {image_id!r}.")
        rows = np.array(found[0], np.int64)
        return hits_of(self.snapshot, (np.ones(1, np.float32), rows), SIMILAR)[0]

    def __iter__(self) -> Iterator[str]:
        """Iterate over the image ids, in the order of `to_arrow`."""
        ids = self.snapshot.query('SELECT image_id FROM images ORDER BY "row"')
        return iter([image_id for (image_id,) in ids])

    def __contains__(self, image_id: object) -> bool:
        """Return whether an image has this id."""
        return bool(self.snapshot.query("SELECT 1 FROM images WHERE image_id = ?", str(image_id)))

    def __bool__(self) -> bool:
        """Return True, for a collection without images too."""
        return True

    def reload(self) -> None:
        """Open the current generation of the same collection in place of this one.

        The encoder stays loaded. No other thread may be using the collection meanwhile.
        """
        encoder = self.__dict__.get("encoder", self._given_encoder)
        fresh = Collection(open_snapshot(self.snapshot.folder), encoder, self.names.taxonomy)
        self.close()
        self.__dict__ = fresh.__dict__

    def close(self) -> None:
        """Close the collection's files; nothing can be asked of it from then on."""
        self.snapshot.close()

    def __enter__(self) -> Self:
        """Return the collection, which is closed at the end of the block."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()


def open_collection(
    folder: Path | str = "taxalens.collection",
    encoder: Encoder | None = None,
    taxonomy: str | None = None,
) -> Collection:
    """Open the current generation of a collection, or one published at milvus://HOST:19530/NAME.

    `taxonomy` is the name or file of an imported one, for names of taxa without a label here; by
    default the collection's own, if it is on this machine. Raises CollectionError where there is
    no collection, UnknownName where there is no such taxonomy.
    """
    if is_address(folder):
        server = load_plugin("search.served", "milvus", "server")
        served: Collection = server.open_published(folder, encoder, taxonomy)
        return served
    snapshot = open_snapshot(Path(folder))
    known = open_taxonomy(taxonomy) if taxonomy else taxonomy_of(snapshot.manifest)
    return Collection(snapshot, encoder, known)
