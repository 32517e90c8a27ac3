"""taxalens: the index that `taxalens optimize` makes; filters as its own plan has them."""

from pathlib import Path

import numpy as np

from indexer.backends.exact import Exact
from indexer.backends.lists import Effort
from indexer.backends.selection import Selection, selection_of
from indexer.index_file import make_index, open_index
from indexer.manifest import EncoderEntry, Manifest
from search.nearest import Nearest

EFFORTS = [
    *(Effort(probes, reranked) for probes in (8, 16, 32) for reranked in (50, 100)),
    *(Effort(probes, reranked) for probes in (64, 128, 256) for reranked in (100, 200)),
    *(Effort(probes, reranked) for probes in (512, 1024, 2048) for reranked in (200, 400)),
    *(Effort(4096, reranked) for reranked in (400, 800)),
]


class System:
    def __init__(self, vectors, folder):
        exact = Exact([vectors])
        texts = np.load(folder / "queries.npz")["sample"]
        manifest = Manifest(EncoderEntry("made up", "", vectors.shape[1]))
        manifest = make_index(Path(folder), manifest, exact, texts, lambda step, share: None)
        self.nearest = Nearest(exact, open_index(folder, manifest, exact), manifest.index)
        self.chance = np.load(folder / "chance.npy")
        self.kept = {}

    def search(self, queries, k, effort):
        return self.nearest.index.search(queries, k, None, effort)[1]

    def filtered(self, queries, k, effort, column, low, high):
        key = column, low, high
        if key not in self.kept:  # as a collection keeps its last selections
            rows = np.flatnonzero((self.chance >= low) & (self.chance < high))
            self.kept[key] = (
                Selection(range(low, high)) if column == "place" else selection_of(rows)
            )
        return self.nearest.search(queries, k, self.kept[key])[0][1]
