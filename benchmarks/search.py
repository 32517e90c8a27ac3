"""How quickly the nearest rows are found, and how surely: taxalens and its peers.

    python -m benchmarks.search ROWS [SYSTEM …]

Two made-up galleries (`vectors.py`): one whose neighbours are those of taxonomy, one where they
hardly are. Each system builds its index in a process and an environment of its own, then answers
pictures and texts at growing effort (`search_worker.py`); times at equal recall are read from its
own curve (`search_tables.py`). What was measured is kept in `peers/galleries/` and not measured
again.
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
from benchmarks.report import ROOT, write_report
from benchmarks.search_tables import Seen, figures, notes, tables
from benchmarks.search_worker import K, cases
from benchmarks.vectors import BLOCK, DIM, World, world
from indexer.backends.exact import Exact
from indexer.backends.selection import Selection, selection_of

GALLERIES = {"taxonomic": 0.85, "other": 0.25}
QUERIES = 300
PEERS = {
    "hnswlib_graph": "hnswlib",
    "usearch_graph": "usearch",
    "scann_tree": "scann",
    "lancedb_table": "lancedb",
    "chroma_collection": "chromadb",
    "milvus_lite": "milvus-lite",
    "qdrant_edge": "qdrant-edge-py",
    "duckdb_vss": "duckdb",
}
# Rows from which a system is left out: at a tenth of them it took more than three minutes.
LEFT_OUT = dict.fromkeys(PEERS, 5_000_000)
LEFT_OUT |= dict.fromkeys(("lancedb_table", "chroma_collection", "milvus_lite"), 500_000)
ONE_GALLERY = 5_000_000  # rows from which only the taxonomic gallery is made: 10 GB each
OURS = "taxalens_lists"
QUIET = {"OMP_WAIT_POLICY": "passive", "OPENBLAS_THREAD_TIMEOUT": "4"}  # no time spent on waiting
LIMIT = 1800  # seconds that one system may take on one gallery


def main(rows: int, only: list[str]) -> None:
    """Measure every system on both galleries and write the report."""
    seen: dict[tuple[str, str], Seen] = {}
    for name, share in list(GALLERIES.items())[: 1 if rows >= ONE_GALLERY else None]:
        gallery = FOLDER / "galleries" / f"{name}-{rows}"
        if not (gallery / "queries.npz").exists():
            make(gallery, world(max(2000, min(450_000, rows // 20)), share), rows)
        for system in (OURS, *PEERS):
            if rows >= LEFT_OUT.get(system, rows + 1):
                found: Seen = {"failed": "left out at this size: it would take too long"}
            elif not only or system in only:
                found = run(system, gallery)
            else:
                result = gallery / f"{system}.json"
                found = json.loads(result.read_text()) if result.exists() else {}
            seen[name, system] = found or {"failed": "not measured"}
            print(name, system, seen[name, system].get("failed", "measured"))
    write_report(f"search-{rows}", figures(seen), tables(seen), notes(seen))


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


def run(system: str, gallery: Path) -> Seen:
    """Measure one system unless that was done; return what was seen, or why nothing was."""
    result = gallery / f"{system}.json"
    if not result.exists():
        python = sys.executable if system == OURS else prepared(PEERS[system])
        if isinstance(python, str) and system != OURS:
            result.write_text(json.dumps({"failed": python}))
            return {"failed": python}
        folder = Path(__file__).parent
        command = [str(python), "-P", str(folder / "search_worker.py")]
        command += [str(folder / "search_systems" / f"{system}.py"), str(gallery), str(result)]
        environment = {**os.environ, **QUIET, "PYTHONPATH": str(ROOT) if system == OURS else ""}
        try:
            ended = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=LIMIT
            )
            failed = _why(ended.stderr) if ended.returncode else ""
        except subprocess.TimeoutExpired:
            failed = f"stopped after {LIMIT // 60} minutes"
        if failed:
            seen = json.loads(result.read_text()) if result.exists() else {}
            result.write_text(json.dumps({**seen, "failed": failed[:200]}))
        for left in ("lancedb", "chroma", "qdrant"):
            shutil.rmtree(gallery / left, ignore_errors=True)
    seen = json.loads(result.read_text())
    return dict(seen)


def _why(said: str) -> str:
    """Return what the last line that names an error says, or the last at all."""
    lines = said.strip().splitlines() or ["it ended"]
    named = next((line for line in reversed(lines) if "Error: " in line), lines[-1])
    return named.rpartition("Error: ")[2].partition(" at ")[0]


if __name__ == "__main__":
    main(int(sys.argv[1]), sys.argv[2:])
