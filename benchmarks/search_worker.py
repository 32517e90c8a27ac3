"""One search system on one gallery, in a process and an environment of its own.

    python search_worker.py SYSTEM.py GALLERY RESULT.json

A system is a file with a class `System(vectors, folder)`, `EFFORTS` from little to much, and
`search(queries, k, effort)`; where it can filter, `filtered(queries, k, effort, column, low, high)`
over two columns: `place`, the row's place in the order of taxa, and `chance`, a shuffle of it.
CPU time is that of the whole process, its threads included.
"""

import importlib.util
import json
import sys
import time
import traceback
from pathlib import Path

import numpy as np

K = 10
SINGLES = 60
ENOUGH = 0.995  # recall from which no greater effort is tried
SLOW = 0.4  # CPU seconds a query from which none is tried, either
SHARES = (0.5, 0.1, 0.01, 0.001, 0.0001)


def measure(system_file: Path, gallery: Path, result: Path) -> None:
    """Build a system, then ask everything at every effort; write what was seen so far each time."""
    specification = importlib.util.spec_from_file_location("system", system_file)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    vectors = np.load(gallery / "vectors.npy", mmap_mode="r")
    queries = np.load(gallery / "queries.npz")
    seen = {"curves": [], "filters": []}
    start, wall = time.process_time(), time.perf_counter()
    system = module.System(vectors, gallery)
    seen["build"] = time.process_time() - start
    seen["build_wall"] = time.perf_counter() - wall
    for kind in ("image", "text"):
        for effort in module.EFFORTS:
            point = _asked(system.search, queries[kind], queries[f"{kind} all"], effort)
            seen["curves"].append({"kind": kind, "effort": str(effort), **point})
            result.write_text(json.dumps(seen))
            if point["recall"] >= ENOUGH or point["single"] > 1000 * SLOW:
                break
    for case, kind, column, low, high in cases(len(vectors)):
        if not hasattr(system, "filtered"):
            break
        _filtered(module, system, queries, (case, kind, column, low, high), seen)
        result.write_text(json.dumps(seen))


def cases(rows):
    """Yield each filter: a clade or an arbitrary predicate, of which rows, asked by which kind."""
    random = np.random.default_rng(11)
    for share in SHARES:
        count = max(K, round(rows * share))
        for column in ("place", "chance"):
            low = int(random.integers(0, rows - count + 1))
            for kind in ("image", "text"):
                yield f"{column} {share:.2%} {kind}", kind, column, low, low + count


def _filtered(module, system, queries, asked, seen):
    case, kind, column, low, high = asked
    for effort in module.EFFORTS:

        def search(some, k, effort):
            return system.filtered(some, k, effort, column, low, high)

        some = queries[kind][:50]
        point = _asked(search, some, queries[case][:50], effort, singles=15)
        seen["filters"].append({"case": case, "effort": str(effort), **point})
        if point["recall"] >= ENOUGH or point["single"] > 1000 * SLOW:
            break


def _asked(search, queries, truth, effort, singles=SINGLES):
    search(queries[:1], K, effort)
    start = time.process_time()
    found = search(queries, K, effort)
    batch = (time.process_time() - start) / len(queries)
    start = time.process_time()
    for query in queries[:singles]:
        search(query[None], K, effort)
    single = (time.process_time() - start) / min(singles, len(queries))
    pairs = zip(truth.tolist(), np.asarray(found).tolist(), strict=True)
    hits = [len(set(true) & set(rows)) for true, rows in pairs]
    return {"recall": sum(hits) / truth.size, "batch": 1000 * batch, "single": 1000 * single}


if __name__ == "__main__":
    try:
        measure(*map(Path, sys.argv[1:]))
    except Exception:
        traceback.print_exc()
        sys.exit(1)
