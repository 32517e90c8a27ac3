"""ScaNN: a tree of partitions, anisotropic codes, exact reordering; no filters."""

import numpy as np
import scann

EFFORTS = [
    (leaves, reordered)
    for leaves in (10, 20, 40, 80, 160, 320, 640, 1280)
    for reordered in (50, 100, 200, 400)
]


class System:
    def __init__(self, vectors, folder):
        rows = len(vectors)
        self.searcher = (
            scann.scann_ops_pybind.builder(vectors.astype(np.float32), 10, "dot_product")
            .tree(round(rows**0.5) * 2, 10, training_sample_size=min(rows, 250_000))
            .score_ah(2, anisotropic_quantization_threshold=0.2)
            .reorder(100)
            .build()
        )

    def search(self, queries, k, effort):
        leaves, reordered = effort
        how = {"leaves_to_search": leaves, "pre_reorder_num_neighbors": reordered}
        if len(queries) == 1:
            return self.searcher.search(queries[0], k, **how)[0][None]
        return self.searcher.search_batched(queries, k, **how)[0]
