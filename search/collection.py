"""A collection opened for searching."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import Any

from indexer.backends import Found
from indexer.backends.exact import Exact
from indexer.backends.selection import Selection
from indexer.identity import check_encoder
from indexer.index_file import open_index
from indexer.meanings import taxonomy_of
from indexer.snapshot import Snapshot, open_snapshot
from indexer.taxonomy.store import Taxonomy, open_taxonomy
from indexer.thumbnails import Thumbnail
from model.encoder import Encoder
from model.encoder import load as load_encoder
from model.errors import Error
from model.taxon import RANKS, Taxon
from model.vectors import Vectors
from search import queries
from search.conditions import Selections
from search.filters import Filters
from search.hits import LABELLED, SIMILAR, Hit, Hits
from search.names import Names
from search.nearest import Nearest
from search.plan import Plan


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
        image: Path | str | None = None,
        image_id: str | None = None,
        k: int = 10,
        within: str | Sequence[str] = (),
        exclude: str | Sequence[str] = (),
        rank: str = "",
        where: str = "",
    ) -> Hits:
        """Return the k best images for one question, or all where there are fewer.

        `query` is a taxon if the collection has one of that name (any rank, scientific or
        common), else a label, else a text; `taxon` and `text` force it; `image` is a picture
        file, `image_id` an image of the collection, which is left out of its own answer. The
        answer to a taxon is what is labelled so, best look first, then what has no label that
        speaks against it.

        Only images that pass every filter answer: `within` and `exclude` name clades that their
        label is in, or not; `rank` is the one that it reaches at least; `where` a condition in
        SQL over what is said of them (`search.filters`). `within` also says which of several
        taxa of one name is meant. Raises UnknownName or BadInput for what cannot be understood
        or read.
        """
        filters = Filters(_several(within), _several(exclude), rank, where)
        question = self._understand(
            filters.within, query=query, taxon=taxon, text=text, image=image, image_id=image_id
        )
        if k < 1:
            raise Error(f"k is the number of hits, 1 or more, not {k}.")
        passing = filters.condition(self.names)
        labelled = self.selections.of(question.labelled & passing)
        similar = None
        if len(labelled) < k:
            similar = self.selections.of(question.similar & passing)
        if not len(labelled) and not similar:
            return Hits((), question.meaning)
        vector = queries.vector_of(question, self.snapshot, lambda: self.encoder)
        looks = ((labelled, LABELLED), (similar, SIMILAR))
        hits: list[Hit] = []
        plans: list[Plan] = []
        for among, match in looks:
            if among and len(hits) < k:
                found, plan = self._nearest(vector, question, k - len(hits), among)
                hits += self._hits(found, match)
                plans.append(plan)
        return Hits(tuple(hits), question.meaning, len(labelled), tuple(plans))

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
                return queries.ask_image(Path(value))
            case _, value:
                return queries.ask_image_id(self.snapshot, value)

    def _nearest(
        self, vector: Vectors, question: queries.Question, k: int, among: Selection
    ) -> tuple[Found, Plan]:
        itself = question.source if isinstance(question.source, int) else None
        wanted = k + (itself is not None)  # an image is no answer to itself
        (scores, rows), plan = self.nearest.search(vector, wanted, among, question.of_text)
        kept = rows[0] != itself
        return (scores[0][kept][:k], rows[0][kept][:k]), plan

    def _hits(self, found: Found, match: str) -> list[Hit]:
        scores, rows = found
        told = self.snapshot.query(_HIT_SQL, [int(row) for row in rows])
        said_of = {row: rest for row, *rest in told}
        hits = []
        for row, score in zip(rows, scores, strict=True):
            (image_id, source_id, url, thumb), said, ranks = said_of[int(row)]
            label, common_name, metadata, name = said
            taxon = Taxon(tuple(ranks), common_name) if ranks[0] is not None else None
            cosine = min(1.0, float(score))  # float16 rows are of length 1 to three digits
            hits.append(
                Hit(
                    image_id,
                    source_id,
                    self.snapshot.path_of(source_id),
                    url,
                    cosine,
                    match,
                    label,
                    taxon,
                    metadata,
                    Thumbnail(self.snapshot.folder / thumb, image_id) if thumb else None,
                    name or "",
                )
            )
        return hits


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


_HIT_SQL = f"""
SELECT "row", (image_id, source_id, url, thumbs.file),
    (label, coalesce(nullif(images.common_name, ''), taxa.common_name), metadata, taxa.name),
    ({", ".join(f'taxa."{rank}"' for rank in RANKS)})
FROM images JOIN (SELECT unnest(?) AS "row") USING ("row") LEFT JOIN taxa USING (taxon_key)
LEFT JOIN thumbs USING (image_id)
"""
