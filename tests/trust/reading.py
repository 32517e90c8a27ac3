"""A reader that opens a collection again and again while somebody writes, in several threads.

python -m trust.reading FOLDER THREADS: until FOLDER/stop is there, or its parent is gone, it opens
FOLDER/c and compares what it sees with FOLDER's tables; then it prints how many openings it made.
"""

import os
import random
import sys
import threading
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq

import taxalens

SOURCE = "abcdefghijklmnopqrstuvwxyz"
"""Names of the tables that are indexed, in this order."""


def expected(folder: Path) -> dict[str, np.ndarray]:
    """Return the unit vectors of all sources by their ids."""
    found = {}
    for path in sorted(folder.glob("?.parquet")):
        for line in pq.read_table(path).to_pylist():
            vector = np.asarray(line["emb"])
            found[f"{path.name}/{line['uuid']}"] = vector / np.linalg.norm(vector)
    return found


def look(folder: Path, known: dict[str, np.ndarray], chance: random.Random) -> int:
    """Open the collection, check it, and return the number of its images."""
    with taxalens.open(folder / "c") as one:
        rows = one.snapshot.query('SELECT "row", source_id, image_id FROM images ORDER BY "row"')
        assert [row for row, *_ in rows] == list(range(len(rows))), "a row is lost or doubled"
        sources = {source_id for _, source_id, _ in rows}
        assert len(sources) == len(rows), "a source is doubled"
        begun = {source_id[0] for source_id in sources}
        whole = {source_id for source_id in known if source_id[0] in begun}
        assert sources == whole, "a commit is half there"
        for row, source_id, image_id in chance.sample(rows, 5):
            seen = one.snapshot.vector(row).astype(float)
            assert np.abs(seen - known[source_id]).max() < 1e-3, "a vector of another image"
            hits = one.search(image_id=image_id, k=5)
            best = sorted(float(known[each] @ seen) for each in sources - {source_id})[-5:]
            scores = sorted(hit.score for hit in hits)
            assert np.abs(np.subtract(scores, best)).max() < 2e-3, "a nearer image is missing"
        assert len(one) == len(rows), "the generation changed while it was open"
        return len(rows)


def read(folder: Path, known: dict[str, np.ndarray], seed: int, looks: list[int]) -> None:
    """Look until the end; what is wrong ends the process."""
    chance, before = random.Random(seed), 0
    parent = os.getppid()
    while not (folder / "stop").exists() and os.getppid() == parent:
        now = look(folder, known, chance)
        assert now >= before, "a later opening is of an earlier generation"
        before = now
        looks.append(now)


def main(folder: Path, threads: int) -> None:
    known, looks = expected(folder), []
    failed: list[object] = []
    threading.excepthook = failed.append
    readers = [
        threading.Thread(target=read, args=(folder, known, seed, looks)) for seed in range(threads)
    ]
    for reader in readers:
        reader.start()
    print("reading", flush=True)
    for reader in readers:
        reader.join()
    for each in failed:
        sys.__excepthook__(each.exc_type, each.exc_value, each.exc_traceback)  # type: ignore[attr-defined]
    print(len(looks), len(set(looks)), flush=True)
    sys.exit(bool(failed))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
