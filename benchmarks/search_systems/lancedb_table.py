"""LanceDB: IVF with 8-bit product quantisation, refined; filters before the search."""

import lancedb
import numpy as np
import pyarrow as pa

EFFORTS = [(8, 10), (16, 10), (32, 10), (64, 20), (128, 20), (256, 40), (512, 40)]


class System:
    def __init__(self, vectors, folder):
        chance = np.load(folder / "chance.npy")
        dim = vectors.shape[1]
        schema = pa.schema(
            [
                ("id", pa.int64()),
                ("place", pa.int64()),
                ("chance", pa.int64()),
                ("vector", pa.list_(pa.float32(), dim)),
            ]
        )

        def blocks():
            for start in range(0, len(vectors), 50_000):
                block = vectors[start : start + 50_000].astype(np.float32)
                rows = np.arange(start, start + len(block))
                array = pa.FixedSizeListArray.from_arrays(pa.array(block.ravel()), dim)
                yield pa.record_batch([rows, rows, chance[rows], array], schema=schema)

        database = lancedb.connect(str(folder / "lancedb"))
        self.table = database.create_table("images", blocks(), schema=schema, mode="overwrite")
        lists = round(len(vectors) ** 0.5)
        self.table.create_index(
            metric="dot", num_partitions=lists, num_sub_vectors=dim // 8, index_type="IVF_PQ"
        )
        for column in ("place", "chance"):
            self.table.create_scalar_index(column)

    def _search(self, query, k, effort, where=None):
        probes, refine = effort
        asked = (
            self.table.search(query).metric("dot").nprobes(probes).refine_factor(refine).limit(k)
        )
        asked = asked.where(where, prefilter=True) if where else asked
        rows = asked.select(["id"]).to_arrow()["id"].to_pylist()
        return rows + [-1] * (k - len(rows))

    def search(self, queries, k, effort):
        return [self._search(query, k, effort) for query in queries]

    def filtered(self, queries, k, effort, column, low, high):
        where = f"{column} >= {low} AND {column} < {high}"
        return [self._search(query, k, effort, where) for query in queries]
