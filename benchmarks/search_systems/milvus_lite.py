"""Milvus Lite: its own choice of index in one file; filters by expression."""

import numpy as np
from pymilvus import DataType, MilvusClient

EFFORTS = [16, 64, 256, 1024]


class System:
    def __init__(self, vectors, folder):
        chance = np.load(folder / "chance.npy")
        file = folder / "milvus.db"
        self.client = MilvusClient(str(file))
        if self.client.has_collection("images"):
            self.client.drop_collection("images")
        schema = self.client.create_schema(auto_id=False)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("place", DataType.INT64)
        schema.add_field("chance", DataType.INT64)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=vectors.shape[1])
        index = self.client.prepare_index_params()
        index.add_index(
            "vector",
            index_type="IVF_FLAT",
            metric_type="IP",
            params={"nlist": round(len(vectors) ** 0.5)},
        )
        self.client.create_collection("images", schema=schema, index_params=index)
        for start in range(0, len(vectors), 2000):
            block = vectors[start : start + 2000].astype(np.float32)
            self.client.insert(
                "images",
                [
                    {"id": row, "place": row, "chance": int(chance[row]), "vector": vector}
                    for row, vector in enumerate(block, start)
                ],
            )

    def search(self, queries, k, effort, where=""):
        found = self.client.search(
            "images",
            [*queries],
            filter=where,
            limit=k,
            search_params={"params": {"nprobe": effort}},
        )
        return [[hit["id"] for hit in hits] + [-1] * (k - len(hits)) for hits in found]

    def filtered(self, queries, k, effort, column, low, high):
        return self.search(queries, k, effort, f"{column} >= {low} and {column} < {high}")
