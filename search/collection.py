"""A collection opened for searching."""

from functools import cached_property
from pathlib import Path
from typing import Any

from indexer.backends import Index, Rows, Scores
from indexer.identity import check_encoder
from indexer.snapshot import Snapshot, open_snapshot
from model.encoder import Encoder
from model.encoder import load as load_encoder
from model.errors import Error
from model.plugins import load_plugin
from model.taxon import RANKS, Taxon
from model.vectors import Vectors
from search import queries
from search.hits import LABELLED, SIMILAR, Hit, Hits


class Collection:
    """One generation of a collection, with its own encoder; both load when first needed."""

    def __init__(self, snapshot: Snapshot, encoder: Encoder | None = None) -> None:
        self.snapshot = snapshot
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
    ) -> Hits:
        """Return the k best images for one question, or all where there are fewer.

        `query` is a taxon if the collection has one of that name (any rank, scientific or
        common), else a label, else a text; `taxon` and `text` force it; `image` is a picture
        file, `image_id` an image of the collection, which is left out of its own answer. The
        answer to a taxon is what is labelled so, best look first, then what has no label that
        speaks against it. Raises UnknownName or BadInput for what cannot be understood or read.
        """
        question = self._understand(
            query=query, taxon=taxon, text=text, image=image, image_id=image_id
        )
        if k < 1:
            raise Error(f"k is the number of hits, 1 or more, not {k}.")
        if not len(question.labelled) and not len(question.similar):
            return Hits((), question.meaning)
        vector = queries.vector_of(question, self.snapshot, self.encoder)
        hits = self._nearest(vector, k, question.labelled, LABELLED)
        hits += self._nearest(vector, k - len(hits), question.similar, SIMILAR)
        return Hits(tuple(hits), question.meaning, labelled=len(question.labelled))

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder that the collection was made with; raises EncoderMismatch for any other."""
        entry = self.snapshot.manifest.encoder
        encoder = self._given_encoder or load_encoder(entry.spec)
        check_encoder(entry, self.snapshot.folder, encoder)
        return encoder

    @cached_property
    def index(self) -> Index:
        """The index over all rows."""
        backend: Any = load_plugin("indexer.backends", "flat", noun="index back end")
        index: Index = backend.build(self.snapshot.vectors())
        return index

    def _understand(self, **asked: Any) -> queries.Question:
        given = {kind: value for kind, value in asked.items() if value is not None}
        if len(given) != 1:
            raise Error(
                "Ask for exactly one of a query, a taxon, a text, an image or an image id, "
                f"not {len(given)} of them."
            )
        match given.popitem():
            case "query", value:
                return queries.ask_name(self.snapshot, value)
            case "taxon", value:
                return queries.ask_taxon(self.snapshot, value)
            case "text", value:
                return queries.ask_text(self.snapshot, value)
            case "image", value:
                return queries.ask_image(self.snapshot, Path(value))
            case _, value:
                return queries.ask_image_id(self.snapshot, value)

    def _nearest(self, vector: Vectors, k: int, among: Rows, match: str) -> list[Hit]:
        if k < 1 or not len(among):
            return []
        scores, rows = self.index.search(vector, k, among)
        return self._hits(rows[0], scores[0], match)

    def _hits(self, rows: Rows, scores: Scores, match: str) -> list[Hit]:
        found = {
            row: (*rest,)
            for row, *rest in self.snapshot.query(_HIT_SQL, [int(row) for row in rows])
        }
        hits = []
        for row, score in zip(rows, scores, strict=True):
            image_id, source_id, label, common_name, metadata, *ranks = found[int(row)]
            taxon = Taxon(tuple(ranks), common_name) if ranks[0] is not None else None
            path = self.snapshot.path_of(source_id)
            cosine = min(1.0, float(score))  # float16 rows are of length 1 to three digits
            hits.append(Hit(image_id, source_id, path, cosine, match, label, taxon, metadata))
        return hits


def open_collection(folder: Path | str, encoder: Encoder | None = None) -> Collection:
    """Open the current generation of a collection; raises CollectionError where there is none."""
    return Collection(open_snapshot(Path(folder)), encoder)


_HIT_SQL = f"""
SELECT "row", image_id, source_id, label, images.common_name, metadata,
    {", ".join(f'taxa."{rank}"' for rank in RANKS)}
FROM images JOIN (SELECT unnest(?) AS "row") USING ("row") LEFT JOIN taxa USING (taxon_key)
"""
