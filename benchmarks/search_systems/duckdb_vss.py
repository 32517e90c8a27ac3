"""DuckDB with its extension vss, where that can be downloaded; filters after the search."""

import duckdb
import numpy as np
import pyarrow as pa

EFFORTS = [16, 64, 256, 1024]


class System:
    def __init__(self, vectors, folder):
        chance = np.load(folder / "chance.npy")
        self.database = duckdb.connect()
        self.database.execute("INSTALL vss; LOAD vss")
        dim = vectors.shape[1]
        self.database.execute(
            f"CREATE TABLE images (place BIGINT, chance BIGINT, vector FLOAT[{dim}])"
        )
        for start in range(0, len(vectors), 50_000):
            block = vectors[start : start + 50_000].astype(np.float32)
            rows = np.arange(start, start + len(block))
            array = pa.FixedSizeListArray.from_arrays(pa.array(block.ravel()), dim)
            columns = {"place": rows, "chance": chance[rows], "vector": array}
            self.database.register("block", pa.table(columns))
            self.database.execute("INSERT INTO images SELECT * FROM block")
        self.database.execute(
            "CREATE INDEX graph ON images USING HNSW (vector) "
            "WITH (metric = 'ip', M = 16, ef_construction = 100)"
        )

    def search(self, queries, k, effort, where="true"):
        self.database.execute(f"SET hnsw_ef_search = {effort}")
        found = []
        for query in queries:
            near = f"array_negative_inner_product(vector, ?::FLOAT[{len(query)}])"
            sql = f"SELECT place FROM images WHERE {where} ORDER BY {near} LIMIT {k}"
            rows = [row for (row,) in self.database.execute(sql, [query.tolist()]).fetchall()]
            found.append(rows + [-1] * (k - len(rows)))
        return found

    def filtered(self, queries, k, effort, column, low, high):
        return self.search(queries, k, effort, f"{column} >= {low} AND {column} < {high}")
