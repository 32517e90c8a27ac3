"""Qdrant Edge: a graph over 8-bit vectors in a local shard; filters by indexed payload."""

import shutil

import numpy as np
import qdrant_edge as qdrant

EFFORTS = [16, 32, 64, 128, 256, 512, 1024]
RESCORED = qdrant.QuantizationSearchParams(rescore=True, oversampling=2.0)


class System:
    def __init__(self, vectors, folder):
        chance = np.load(folder / "chance.npy")
        shutil.rmtree(folder / "qdrant", ignore_errors=True)
        codes = qdrant.ScalarQuantizationConfig(qdrant.ScalarType.Int8, always_ram=True)
        self.shard = qdrant.EdgeShard.create(
            str(folder / "qdrant"),
            qdrant.EdgeConfig(
                vectors=qdrant.EdgeVectorParams(vectors.shape[1], qdrant.Distance.Dot),
                quantization_config=codes,
                hnsw_config=qdrant.HnswIndexConfig(
                    m=16, ef_construct=100, full_scan_threshold=1000
                ),
                optimizers=qdrant.EdgeOptimizersConfig(
                    default_segment_number=1, indexing_threshold=1000
                ),
            ),
        )
        for column in ("place", "chance"):
            self.shard.update(
                qdrant.UpdateOperation.create_field_index(column, qdrant.PayloadSchemaType.Integer)
            )
        for start in range(0, len(vectors), 2000):
            block = vectors[start : start + 2000].astype(np.float32)
            points = [
                qdrant.Point(row, vector.tolist(), {"place": row, "chance": int(chance[row])})
                for row, vector in enumerate(block, start)
            ]
            self.shard.update(qdrant.UpdateOperation.upsert_points(points))
        self.shard.optimize()

    def _search(self, query, k, effort, passing=None):
        asked = qdrant.SearchRequest(
            query=qdrant.Query.Nearest(query.tolist()),
            limit=k,
            filter=passing,
            params=qdrant.SearchParams(hnsw_ef=effort, quantization=RESCORED),
        )
        rows = [hit.id for hit in self.shard.search(asked)]
        return rows + [-1] * (k - len(rows))

    def search(self, queries, k, effort):
        return [self._search(query, k, effort) for query in queries]

    def filtered(self, queries, k, effort, column, low, high):
        between = qdrant.RangeFloat(gte=low, lt=high)
        passing = qdrant.Filter(must=[qdrant.FieldCondition(column, range=between)])
        return [self._search(query, k, effort, passing) for query in queries]
