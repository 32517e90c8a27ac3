"""One search system on one gallery, in a process and an environment of its own.

    python search_worker.py SYSTEM.py GALLERY RESULT.json

A system is a file with a class `System(vectors, folder)`, `EFFORTS` from little to much, and
`search(queries, k, effort)`; where it can filter, `filtered(queries, k, effort, column, low, high)`
over two columns: `place`, the row's place in the order of taxa, and `chance`, a shuffle of it.
`system.kind` tells it what is asked: `image` or `text`; `PLANNED` that it chooses the effort of a
filtered search itself. A system with `build(vectors, folder)` builds in a process of its own first,
so that memory is that of searching. CPU time is that of a whole process, its threads included.
"""

import importlib.util
import json
import resource
import subprocess
import sys
import time
import traceback
from pathlib import Path

import numpy as np

K = 10
SINGLES = 60
ENOUGH = 0.995  # recall from which no greater effort is tried
SLOW = 0.1  # CPU seconds a query from which none is tried, either
PATIENCE = 6  # seconds for one point; slow systems are asked fewer queries
SHARES = (0.5, 0.1, 0.01, 0.001, 0.0001)


def measure(system_file: Path, gallery: Path, result: Path, building: bool) -> None:
    """Build a system, then ask everything at every effort; write what was seen so far each time."""
    specification = importlib.util.spec_from_file_location("system", system_file)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    vectors = np.load(gallery / "vectors.npy", mmap_mode="r")
    queries = np.load(gallery / "queries.npz")
    seen = {"curves": [], "filters": []}
    if hasattr(module, "build"):
        if building:
            result.write_text(
                json.dumps(_timed("build", lambda: module.build(vectors, gallery))[1])
            )
            return
        arguments = [__file__, system_file, gallery, result, "build"]
        subprocess.run([sys.executable, "-P", *map(str, arguments)], check=True)
        seen |= json.loads(result.read_text())
    system, took = _timed(
        "open" if hasattr(module, "build") else "build", lambda: module.System(vectors, gallery)
    )
    seen |= took
    for kind in ("image", "text"):
        system.kind = kind
        for effort in module.EFFORTS:
            point = _asked(system.search, queries[kind], queries[f"{kind} all"], effort)
            seen["curves"].append({"kind": kind, "effort": str(effort), **point})
            seen |= {"memory": _memory(), "own memory": _own_memory()}
            result.write_text(json.dumps(seen))
            if point["recall"] >= ENOUGH or point["single"] > 1000 * SLOW:
                break
    for case, kind, column, low, high in cases(len(vectors)):
        if not hasattr(system, "filtered"):
            break
        _filtered(module, system, queries, (case, kind, column, low, high), seen)
        seen["memory, filtered"] = _memory()
        result.write_text(json.dumps(seen))


def _timed(name, work):
    """Return what a piece of work returns, and its CPU seconds, seconds and peak memory (MB)."""
    start, wall = time.process_time(), time.perf_counter()
    done = work()
    took, waited = time.process_time() - start, time.perf_counter() - wall
    return done, {name: took, f"{name}_wall": waited, f"{name}_memory": _memory()}


def _memory():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def _own_memory():
    """Return what is in memory without the pages of mapped files (MB), where that can be told."""
    status = Path("/proc/self/status")
    lines = status.read_text().splitlines() if status.exists() else []
    return next((int(line.split()[1]) / 1024 for line in lines if line.startswith("RssAnon")), 0)


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
    case, system.kind, column, low, high = asked
    for effort in module.EFFORTS[: 1 if hasattr(module, "PLANNED") else None]:

        def search(some, k, effort):
            return system.filtered(some, k, effort, column, low, high)

        some = queries[system.kind][:50]
        point = _asked(search, some, queries[case][:50], effort, singles=15)
        seen["filters"].append({"case": case, "effort": str(effort), **point})
        if point["recall"] >= ENOUGH or point["single"] > 1000 * SLOW:
            break


def _asked(search, queries, truth, effort, singles=SINGLES):
    search(queries[:1], K, effort)
    start = time.process_time()
    search(queries[1:2], K, effort)
    affordable = max(10, int(PATIENCE / 2 / max(time.process_time() - start, 1e-4)))
    queries, truth = queries[:affordable], truth[:affordable]
    start = time.process_time()
    found = search(queries, K, effort)
    batch = (time.process_time() - start) / len(queries)
    times = []
    for query in queries[:singles]:
        start = time.process_time()
        search(query[None], K, effort)
        times.append(time.process_time() - start)
    pairs = zip(truth.tolist(), np.asarray(found).tolist(), strict=True)
    hits = [len(set(true) & set(rows)) for true, rows in pairs]
    single, half = sum(times) / len(times), sorted(times)[len(times) // 2]
    return {
        "recall": sum(hits) / truth.size,
        "batch": 1000 * batch,
        "single": 1000 * single,
        "p50": 1000 * half,
    }


if __name__ == "__main__":
    try:
        measure(*map(Path, sys.argv[1:4]), building=len(sys.argv) > 4)
    except Exception:
        traceback.print_exc()
        sys.exit(1)
