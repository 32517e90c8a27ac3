"""Chroma: a graph in a local database; filters by metadata."""

import chromadb
import numpy as np

EFFORTS = [16, 64, 128, 256, 512]


class System:
    def __init__(self, vectors, folder):
        chance = np.load(folder / "chance.npy")
        client = chromadb.PersistentClient(str(folder / "chroma"))
        if "images" in [each.name for each in client.list_collections()]:
            client.delete_collection("images")
        how = {
            "hnsw": {"space": "ip", "ef_construction": 100, "max_neighbors": 16, "ef_search": 128}
        }
        self.images = client.create_collection("images", configuration=how, embedding_function=None)
        for start in range(0, len(vectors), 5000):
            block = vectors[start : start + 5000].astype(np.float32)
            rows = range(start, start + len(block))
            told = [{"place": row, "chance": int(chance[row])} for row in rows]
            self.images.add(ids=[str(row) for row in rows], embeddings=block, metadatas=told)
        self.effort = 128

    def search(self, queries, k, effort, where=None):
        if effort != self.effort:
            self.images.modify(configuration={"hnsw": {"ef_search": effort}})
            self.effort = effort
        found = self.images.query(query_embeddings=queries, n_results=k, where=where, include=[])
        return [[int(each) for each in ids] + [-1] * (k - len(ids)) for ids in found["ids"]]

    def filtered(self, queries, k, effort, column, low, high):
        where = {"$and": [{column: {"$gte": low}}, {column: {"$lt": high}}]}
        return self.search(queries, k, effort, where)
