"""How quickly the nearest rows are found, and how surely: taxalens and its peers.

    python -m benchmarks.search ROWS

Two made-up galleries (`vectors.py`): one whose neighbours are those of taxonomy, one where they
hardly are. Each system builds its index in a process and an environment of its own, then answers
pictures and texts at growing effort; times at equal recall are read from its own curve. `CPU ms` is
CPU time a query, of all threads together.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
from numpy.lib.format import open_memmap

from benchmarks.peers import FOLDER, prepared
from benchmarks.report import ROOT, figure, write_report
from benchmarks.search_worker import K, cases
from benchmarks.vectors import BLOCK, DIM, World, world
from indexer.backends.exact import Exact
from indexer.backends.selection import Selection, selection_of

GALLERIES = {"taxonomic": 0.85, "other": 0.25}
QUERIES = 300
TARGETS = (0.95, 0.98, 0.99)
PEERS = {
    "hnswlib_graph": "hnswlib",
    "usearch_graph": "usearch",
    "scann_tree": "scann",
    "lancedb_table": "lancedb",
    "chroma_collection": "chromadb",
    "milvus_lite": "milvus-lite",
    "qdrant_edge": "qdrant-edge-py",
}
OURS = "taxalens_lists"
QUIET = {"OMP_WAIT_POLICY": "passive", "OPENBLAS_THREAD_TIMEOUT": "4"}  # no time spent on waiting
LIMIT = 1800  # seconds that one system may take on one gallery


def main(rows: int, only: list[str]) -> None:
    """Measure every system on both galleries and write the report."""
    figures: list[dict[str, object]] = []
    for name, share in GALLERIES.items():
        gallery = FOLDER / "galleries" / f"{name}-{rows}"
        if not (gallery / "queries.npz").exists():
            make(gallery, world(max(2000, min(450_000, rows // 20)), share), rows)
        for system in (OURS, *PEERS):
            if not only or system in only:
                seen = run(system, gallery)
                print(name, system, seen if isinstance(seen, str) else f"{seen['build']:.0f} s")
        for system in (OURS, *PEERS):
            figures += told(name, system, gallery)
    write_report(f"search-{rows}", figures)


def make(gallery: Path, drawn: World, rows: int) -> None:
    """Write a gallery in the order of taxa, its queries and their true answers."""
    gallery.mkdir(parents=True, exist_ok=True)
    unsorted = gallery / "blocks.npy"  # each in the order of taxa: read in runs, not row by row
    blocks = open_memmap(unsorted, "w+", np.float16, (rows, DIM))
    species = np.empty(rows, np.int32)
    for start, (block, of) in zip(range(0, rows, BLOCK), drawn.images(rows), strict=True):
        order = np.argsort(of, kind="stable")
        blocks[start : start + len(of)] = block[order]
        species[start : start + len(of)] = of[order]
    order = np.argsort(species, kind="stable")
    vectors = open_memmap(gallery / "vectors.npy", "w+", np.float16, (rows, DIM))
    for start in range(0, rows, BLOCK):
        vectors[start : start + BLOCK] = blocks[order[start : start + BLOCK]]
    vectors.flush()
    unsorted.unlink()
    random = np.random.default_rng(9)
    chance = random.permutation(rows)
    np.save(gallery / "chance.npy", chance)
    images = next(drawn.images(QUERIES, seed=77))[0]
    texts = drawn.texts(QUERIES, seed=78)[0]
    sample = drawn.texts(QUERIES, seed=79)[0]
    exact = Exact([np.load(gallery / "vectors.npy", mmap_mode="r")])
    queries = {"image": images, "text": texts}
    saved = {**queries, "sample": sample}
    for kind, asked in queries.items():
        saved[f"{kind} all"] = exact.search(asked, K)[1]
    for case, kind, column, low, high in cases(rows):
        passing = np.flatnonzero((chance >= low) & (chance < high))
        among = Selection(range(low, high)) if column == "place" else selection_of(passing)
        saved[case] = exact.search(queries[kind][:50], K, among)[1]
    np.savez(gallery / "queries.npz", **saved)


def run(system: str, gallery: Path) -> dict[str, object] | str:
    """Measure one system unless that was done; return what was seen, or why nothing was."""
    result = gallery / f"{system}.json"
    if not result.exists():
        python = sys.executable if system == OURS else prepared(PEERS[system])
        if isinstance(python, str) and system != OURS:
            result.write_text(json.dumps({"failed": python}))
            return python
        folder = Path(__file__).parent
        command = [str(python), "-P", str(folder / "search_worker.py")]
        command += [str(folder / "search_systems" / f"{system}.py"), str(gallery), str(result)]
        environment = {**os.environ, **QUIET, "PYTHONPATH": str(ROOT) if system == OURS else ""}
        try:
            ended = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=LIMIT
            )
            failed = ended.stderr.strip().splitlines()[-1] if ended.returncode else ""
        except subprocess.TimeoutExpired:
            failed = f"more than {LIMIT // 60} minutes"
        if failed:
            seen = json.loads(result.read_text()) if result.exists() else {}
            result.write_text(json.dumps({**seen, "failed": failed[:200]}))
        for left in ("lancedb", "chroma"):
            shutil.rmtree(gallery / left, ignore_errors=True)
    seen = json.loads(result.read_text())
    return seen if "build" in seen else str(seen["failed"])


def told(name: str, system: str, gallery: Path) -> list[dict[str, object]]:
    """Return the figures of one system on one gallery."""
    result = gallery / f"{system}.json"
    if not result.exists():
        return []
    seen = json.loads(result.read_text())
    figures = []
    if "build" in seen:
        figures.append(figure(f"{name}, build", system, "CPU time", seen["build"], "s"))
    for kind in ("image", "text"):
        points = [each for each in seen.get("curves", ()) if each["kind"] == kind]
        for target in TARGETS:
            for metric in ("batch", "single"):
                if (time := at(points, target, metric)) is not None:
                    case = f"{name}, {kind}, recall {target}"
                    figures.append(figure(case, system, f"CPU, {metric}", time, "ms"))
    for case in dict.fromkeys(each["case"] for each in seen.get("filters", ())):
        points = [each for each in seen["filters"] if each["case"] == case]
        time = at(points, TARGETS[-1], "single")
        best = max(points, key=lambda each: each["recall"])
        where = f"{name}, {case.replace('place', 'clade').replace('chance', 'predicate')}"
        figures.append(figure(where, system, "recall, best", best["recall"], ""))
        if time is not None:
            figures.append(figure(where, system, "CPU at .99", time, "ms"))
    return figures


def at(points: list[dict[str, float]], target: float, metric: str) -> float | None:
    """Return the least time for a recall, between the points of a curve; None if it is too high."""
    before: dict[str, float] | None = None
    for point in sorted(points, key=lambda each: each[metric]):
        if point["recall"] >= target:
            if before is None:
                return point[metric]
            share = (target - before["recall"]) / (point["recall"] - before["recall"])
            return before[metric] ** (1 - share) * point[metric] ** share
        if before is None or point["recall"] > before["recall"]:
            before = point
    return None


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
