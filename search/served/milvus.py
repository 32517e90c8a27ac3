"""A published collection, opened: it answers searches where Milvus serves it."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import numpy as np

from indexer.catalog.snapshot import Snapshot
from indexer.labels.label_resolution import taxonomy_of
from indexer.publish.address import Address, address_of
from indexer.publish.facts import PublishedFacts, read_facts
from indexer.publish.milvus_server import FACTS, asking, connect, is_missing, load, published
from indexer.publish.namings import open_namings
from indexer.taxonomy.store import Taxonomy, open_taxonomy
from model.encoder import Encoder
from model.errors import CollectionError, Error, UnknownName
from model.once import once
from model.taxon import Rank
from search.collection import Collection, Names
from search.counts import count
from search.hits import SIMILAR, Hit, Hits
from search.opened import encoder_of
from search.published.images import Ranked, StoredImages
from search.published.retrieval import Published, StoredImageQuery, hits_of, retrieve
from search.query.conditions import Selections
from search.query.embedded_queries import embedded_queries
from search.query.filters import Day, filters_of
from search.query.names import Names as NamesOf
from search.query.understanding import Query, understand
from search.query.vector_arithmetic import MixedQuery, terms_of

if TYPE_CHECKING:
    from pymilvus import MilvusClient

    from search.query.dates_and_places import Place
    from search.query.pictures import Given
    from search.query.vector_arithmetic import Weighed


class PublishedCollection(Collection):
    """A collection that was published: a search answers as the collection itself would.

    Whatever needs the collection's own files is refused. Names of taxa and labels are in memory,
    images stay in Milvus.
    """

    def __init__(
        self,
        client: "MilvusClient",
        address: Address,
        images: StoredImages,
        facts: PublishedFacts,
        encoder: Encoder | None,
        taxonomy: Taxonomy | None,
    ) -> None:
        self.address, self.facts = address, facts
        small = Snapshot(Path(str(address)), facts.manifest, open_namings(facts.tables))
        counted = small.query('SELECT counted FROM images ORDER BY "row"')
        ends = np.cumsum([0, *(each for (each,) in counted)], dtype=np.int64)
        self.published = Published(small, Selections(small), ends, images, facts.sample)
        self._names = NamesOf(small, taxonomy)
        self._client, self._given = client, encoder

    @once
    def encoder(self) -> Encoder:
        """The encoder that the collection was made with; raises EncoderMismatch for any other."""
        return encoder_of(self.facts.encoder, str(self.address), self._given)

    @once
    def image_floor(self) -> float | None:
        """The floor of picture queries, as it was published."""
        return self.facts.floor.image

    @once
    def text_floor(self) -> float | None:
        """The floor of text queries, as it was published."""
        return self.facts.floor.text

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
        """Return the k best images for one query, as `Collection.search` does.

        Raises Error for `where`, `date`, `near`, `group_by`, `sequence`, `distinct` and `diverse`,
        which need the collection itself.
        """
        self._refuse(
            where=where,
            date=date,
            near=near,
            group_by=group_by,
            sequence=sequence,
            distinct=distinct,
            diverse=diverse,
        )
        filters = filters_of(within, exclude, rank, None, None, None)
        asked = (query, taxon, text, image)
        understood: Query | MixedQuery
        if image_id is not None and all(each is None for each in asked):
            understood = self._stored_query(image_id)
        else:
            understood = understand(
                self._names,
                filters.within,
                query=query,
                taxon=taxon,
                text=text,
                image=image,
                image_id=image_id,
            )
        count(k, "k", "hits")
        count(skip, "skip", "hits to leave out", least=0)
        if terms := terms_of(self._names, plus, minus):
            understood = MixedQuery(understood, terms)
        return retrieve(self, self.published, understood, filters.condition(self._names), k, skip)

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

        Raises Error for `where`, `date` and `near`, which need the collection itself.
        """
        self._refuse(where=where, date=date, near=near)
        count(k, "k", "hits")
        filters = filters_of(within, exclude, rank, None, None, None)
        condition = filters.condition(self._names)
        parts = embedded_queries(self._names, lambda: self.encoder, asked, filters.within)
        for each in chain.from_iterable(parts):
            if isinstance(each, UnknownName):
                yield Hits((), str(each))
            else:
                yield retrieve(self, self.published, each.query, condition, k, vector=each.vector)

    def info(self) -> dict[str, str]:
        """Return facts about the collection by name, in the order in which they are read."""
        return {
            "published at": str(self.address),
            "images": f"{self.facts.images:,}",
            "taxa": f"{self.published.small.query('SELECT count(*) FROM taxa')[0][0]:,}",
            "encoder": f"{self.facts.encoder.spec}, {self.facts.encoder.dim} numbers a picture",
            "generation": str(self.facts.generation),
            "recall@10 in Milvus": f"{self.facts.recall:.3f}, the lowest of sampled filters",
            "published by": f"taxalens {self.facts.made_by}",
        }

    def __len__(self) -> int:
        """Return the number of images."""
        return self.facts.images

    def __repr__(self) -> str:
        """Describe it in one line."""
        return f"{type(self).__name__}({str(self.address)!r}, {len(self)} images)"

    def __getitem__(self, image_id: str) -> Hit:
        """Return an image as a hit of score 1, its cosine with itself; raises UnknownName."""
        line = self.published.images.line(image_id)
        if line is None:
            raise UnknownName(f"{self.address} has no image with the id {image_id!r}.")
        return hits_of(self.published.small, [Ranked(1.0, line)], SIMILAR)[0]

    def __contains__(self, image_id: object) -> bool:
        """Return whether an image has this id."""
        return self.published.images.line(str(image_id)) is not None

    def reload(self) -> None:
        """Open what the public name leads to now in place of this one; the encoder stays loaded."""
        encoder = self.__dict__.get("encoder", self._given)
        fresh = open_published(str(self.address), encoder, None)
        self.close()
        self.__dict__ = fresh.__dict__

    def close(self) -> None:
        """Close the connection; nothing can be asked of it from then on."""
        self.published.small.close()
        self._client.close()

    def __getattr__(self, name: str) -> NoReturn:
        """Refuse what needs the files of the collection: they are not here."""
        if name.startswith("__"):
            raise AttributeError(name)
        raise Error(
            f"{self.__dict__.get('address', 'It')} is published, and answers searches only: open "
            "the collection's own folder for anything else."
        )

    def _stored_query(self, image_id: str) -> StoredImageQuery:
        line = self.published.images.line(image_id, with_vector=True)
        if line is None:
            raise UnknownName(
                f"No image of this collection has the id {image_id!r}; "
                "search with --format json shows ids."
            )
        vector = np.array(line["vector"], np.float32)[None].astype(np.float16)
        return StoredImageQuery(-1, line["source_id"], image_id, vector)

    def _refuse(self, **given: Any) -> None:
        """Raise Error for the first argument that Milvus cannot serve."""
        for name, value in given.items():
            if value:
                raise Error(
                    f"{name} needs the collection itself, and {self.address} is published: leave "
                    f"{name} out, or search the collection's own folder."
                )


def open_published(
    uri: Path | str, encoder: Encoder | None = None, taxonomy: str | None = None
) -> PublishedCollection:
    """Open what is published at milvus://HOST:19530/NAME.

    Names and facts are read, no images. Raises BadInput for an address that is malformed,
    CollectionError where nothing is published there.
    """
    address = address_of(uri)
    nothing = CollectionError(
        f"Nothing is published at {address}; publish a collection with: taxalens publish milvus "
        f"--uri {address}"
    )
    if is_missing(address):
        raise nothing
    client = connect(address)
    try:
        with asking(address):
            collection = published(client, address)
            if not collection:
                raise nothing
            for each in (collection, collection + FACTS):
                load(client, each)
            facts = read_facts(client, address, collection)
        known = open_taxonomy(taxonomy) if taxonomy else taxonomy_of(facts.manifest)
        images = StoredImages(client, address, collection, facts.effort)
        return PublishedCollection(client, address, images, facts, encoder, known)
    except BaseException:
        client.close()
        raise
