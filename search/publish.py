"""Publishing a collection on a vector database, to be searched by many."""

from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import numpy as np

from indexer.backends.floor import names_of_taxa
from indexer.publish import milvus
from indexer.publish.address import address_of
from indexer.publish.milvus import INDEX_FROM, Publication
from indexer.publish.recall import QUERIES
from indexer.store.manifest import FloorEntry
from model.encoder import Encoder
from model.errors import EncoderUnavailable
from model.progress import OnStep, ignore
from search.collection import open_collection


def publish(
    collection: Path | str,
    uri: str,
    encoder: Encoder | None = None,
    progress: OnStep | None = None,
    index_from: int = INDEX_FROM,
) -> Publication:
    """Publish a collection in Milvus: milvus://HOST:19530/NAME, or milvus://FILE.db/NAME.

    Vectors, labels, metadata and source ids are published, with places of threatened species to a
    tenth of a degree; pictures, their EXIF and this machine's folders are not. An earlier
    publication of that name is replaced when the new one is whole and finds .99 of what the
    collection itself finds. From `index_from` images on Milvus builds a graph; it compares fewer
    one by one. Raises BadInput, CollectionError and Error as `indexer.publish.milvus.publish`.
    """
    address = address_of(uri)
    with open_collection(collection, encoder) as opened:
        names = list(names_of_taxa(opened.snapshot, QUERIES).values())
        try:
            texts, text_floor = opened.encoder.encode_texts(names), opened.text_floor
        except EncoderUnavailable:  # vectors that came without it: nobody can ask by text
            dim = opened.snapshot.manifest.encoder.dim
            texts, text_floor = np.empty((0, dim), np.float16), None
        return milvus.publish(
            opened.snapshot,
            address,
            texts=texts,
            floor=FloorEntry(opened.image_floor, text_floor),
            made_by=_version(),
            progress=progress or ignore,
            index_from=index_from,
        )


def _version() -> str:
    try:
        return version("taxalens")
    except PackageNotFoundError:
        return ""
