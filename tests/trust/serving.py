"""A gallery that is published on a server, and what is found there; a program of its own.

    python -m trust.serving publish ROOT URI     print how long it took, and the recall
    python -m trust.serving measure ROOT URI     print the recall of each kind of query and filter

It runs in the server's network namespace, where nothing else answers.
"""

import json
import re
import sys
import time
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

import taxalens
from benchmarks.vectors import DIM, World, world
from indexer.ingest.run import index_source
from model.taxon import RANKS
from model.vectors import Identity, Vectors
from search.hits import Hits
from search.publish import publish

SPECIES, IMAGES, INDEX_FROM = 1000, 10_000, 1000
ASKED = 25  # queries of a kind
K = 10
ROUNDING = 1e-5
URI = "milvus://127.0.0.1:19530/gallery"


class GalleryEncoder:
    """Texts that name a species by its number lie where texts of its images do."""

    def __init__(self, drawn: World) -> None:
        self.spec, self.dim = "bioclip-2", DIM
        self.identity = Identity("a gallery", {}, "numbers")
        vectors, species = drawn.texts(5000)
        self._texts = dict(zip(species.tolist(), vectors.astype(np.float16), strict=True))
        self._others = vectors.astype(np.float16)

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        raise NotImplementedError

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        return np.stack([self._text(text) for text in texts])

    def _text(self, text: str) -> Vectors:
        found = re.search(r"species(\d+)", text)
        other = self._others[zlib.crc32(text.encode()) % len(self._others)]
        return self._texts.get(int(found[1]), other) if found else other


def make(root: Path) -> None:
    """Index a gallery: vectors whose labels are a tree of taxa."""
    drawn = world(SPECIES)
    blocks = list(drawn.images(IMAGES))
    vectors = np.concatenate([block for block, _ in blocks])
    lineages = drawn.lineages[np.concatenate([species for _, species in blocks])]
    names = {
        str(rank): [f"{str(rank).title()}{number}" for number in lineages[:, place]]
        for place, rank in enumerate(RANKS[:-1])
    }
    names["species"] = [f"Genus{line[-2]} species{line[-1]}" for line in lineages]
    table = {"uuid": [f"image {number}" for number in range(IMAGES)], **names}
    emb = pa.FixedSizeListArray.from_arrays(pa.array(vectors.ravel()), DIM)
    pq.write_table(pa.table(table | {"emb": emb}), root / "gallery.parquet")
    for _ in index_source(root / "gallery.parquet", root / "c", "bioclip-2"):
        pass


def measure(root: Path, uri: str) -> dict[str, float]:
    """Return the recall@10 of each kind of query under each filter, against the collection."""
    drawn = world(SPECIES)
    encoder = GalleryEncoder(drawn)
    pictures = next(drawn.images(ASKED, seed=77))[0]
    with taxalens.open(root / "c", encoder) as home, taxalens.open(uri, encoder) as served:
        (line,) = [hit.taxon.lineage for hit in home.search("Species500", k=1) if hit.taxon] or [()]
        found: dict[str, float] = {}
        for name in ("", *line[1:-1]):
            for kind in ("text", "image"):
                values = [f"species{7 * n}" for n in range(ASKED)] if kind == "text" else pictures
                shares = []
                for value in values:
                    options = {kind: value, "within": name or (), "k": K}
                    shares.append(share(served.search(**options), home.search(**options)))
                found[f"{kind} {name or 'all'}"] = float(np.mean(shares))
        return found


def share(found: Hits, expected: Hits) -> float:
    """Return the share of the best hits that were found, or others as good."""
    least = expected[-1].score - ROUNDING
    return sum(hit.score >= least for hit in found) / len(expected)


def main(work: str, root: Path, uri: str) -> None:
    began = time.monotonic()
    if work == "publish":
        encoder = GalleryEncoder(world(SPECIES))
        done = publish(root / "c", uri, encoder, index_from=INDEX_FROM)
        answer: dict[str, object] = {"images": done.images, "recall": done.recall}
    else:
        answer = {"recalls": measure(root, uri)}
    print(json.dumps(answer | {"seconds": time.monotonic() - began}))


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), sys.argv[3])
