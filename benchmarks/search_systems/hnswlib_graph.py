"""hnswlib: a graph over float32 vectors; filters by a function in Python."""

import hnswlib
import numpy as np

EFFORTS = [16, 32, 64, 128, 256, 512, 1024, 2048]


class System:
    def __init__(self, vectors, folder):
        self.index = hnswlib.Index("ip", vectors.shape[1])
        self.index.init_index(len(vectors), ef_construction=200, M=16)
        for start in range(0, len(vectors), 10_000):
            block = vectors[start : start + 10_000].astype(np.float32)
            self.index.add_items(block, np.arange(start, start + len(block)))
        self.index.set_num_threads(1)
        self.chance = np.load(folder / "chance.npy")

    def search(self, queries, k, effort):
        self.index.set_ef(effort)
        return self.index.knn_query(queries, k)[0]

    def filtered(self, queries, k, effort, column, low, high):
        self.index.set_ef(effort)
        of = self.chance if column == "chance" else None
        passes = (
            (lambda row: low <= of[row] < high)
            if of is not None
            else (lambda row: low <= row < high)
        )
        try:
            return self.index.knn_query(queries, k, filter=passes)[0]
        except RuntimeError:  # fewer than k were found
            return np.full((len(queries), k), -1)
