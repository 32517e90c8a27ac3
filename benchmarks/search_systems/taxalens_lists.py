"""taxalens: the index that `taxalens optimize` makes; filters as its own plan has them."""

from pathlib import Path

import faiss
import numpy as np

from indexer.backends.exact import Exact
from indexer.backends.index_file import make_index, open_index
from indexer.backends.lists import Effort
from indexer.backends.selection import Selection, selection_of
from indexer.backends.tuning import samples_of
from indexer.store.manifest import EncoderEntry, Manifest, commit, read_manifest
from search.ranking.nearest import Nearest

PLANNED = True
EFFORTS = [
    Effort(probes, reranked)
    for probes in (8, 16, 32, 64, 128, 256, 512, 1024, 2048, 4096, 16384)
    for reranked in (50, 100, 200, *((400, 800) if probes >= 256 else ()))
]


def build(vectors, folder):
    texts = np.load(folder / "queries.npz")["sample"]
    empty = Manifest(EncoderEntry("made up", "", vectors.shape[1]))
    exact = Exact([vectors])
    samples = samples_of(exact, texts)
    made = make_index(Path(folder), empty, exact, samples, lambda step, share: None)
    commit(Path(folder), made)


class System:
    def __init__(self, vectors, folder):
        exact, manifest = Exact([vectors]), read_manifest(Path(folder))
        self.nearest = Nearest(exact, open_index(folder, manifest, exact), manifest.index)
        self.chance = np.load(folder / "chance.npy", mmap_mode="r")
        self.kept = {}
        self.kind = "image"
        faiss.omp_set_num_threads(1)

    def search(self, queries, k, effort):
        return self.nearest.index.search(queries, k, None, effort)[1]

    def filtered(self, queries, k, effort, column, low, high):
        key = column, low, high
        if key not in self.kept:  # as a collection keeps its last selections
            rows = np.flatnonzero((self.chance >= low) & (self.chance < high))
            self.kept[key] = (
                Selection(range(low, high)) if column == "place" else selection_of(rows)
            )
        of_text = self.kind == "text"
        return self.nearest.search(queries, k, self.kept[key], of_text)[0][1]
