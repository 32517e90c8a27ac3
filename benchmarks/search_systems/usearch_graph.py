"""usearch: a graph over float16 vectors; no filters in Python."""

import numpy as np
from usearch.index import Index

EFFORTS = [16, 32, 64, 128, 256, 512, 1024, 2048]


class System:
    def __init__(self, vectors, folder):
        self.index = Index(
            ndim=vectors.shape[1], metric="ip", dtype="f16", connectivity=16, expansion_add=128
        )
        for start in range(0, len(vectors), 10_000):
            block = np.asarray(vectors[start : start + 10_000])
            self.index.add(np.arange(start, start + len(block)), block)

    def search(self, queries, k, effort):
        self.index.expansion_search = effort
        found = self.index.search(queries.astype(np.float16), k, threads=1).keys
        return np.asarray(found).reshape(len(queries), -1)
