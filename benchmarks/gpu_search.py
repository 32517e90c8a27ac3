"""One GPU: exact search of 1 and 10 million vectors, beside a float32 loop and FAISS.

`python -m benchmarks.gpu_search` writes `benchmarks/results/gpu-search.json` and its table in
docs/benchmarks. It needs torch and numpy alone. Where there is no GPU, `--tiny` runs every part
of it on the processor without writing figures, to see that it starts.
"""

import sys
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial

import numpy as np
import torch

from benchmarks.report import figure, timed, write_report
from indexer.backends import Found, Rows
from indexer.backends.gpu import Card
from model.vectors import Features, Vectors

OURS, LOOP, FAISS = "taxalens", "torch, float32", "faiss, float16"
K = 10
BATCHES = {1: 50, 32: 20, 1024: 3}  # queries, and how often they are asked
CLUMP = 100  # rows of one species
_BLOCK = 1 << 20  # rows
Figures = Iterator[dict[str, object]]
Search = Callable[[Features], Found]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    rows: tuple[int, ...]
    dim: int
    device: str


FULL = Sizes((1_000_000, 10_000_000), 512, "cuda")
TINY = Sizes((5_000,), 32, "cpu")


def main() -> None:
    is_tiny = "--tiny" in sys.argv[1:]
    if not is_tiny and not torch.cuda.is_available():
        sys.exit("There is no GPU here; --tiny searches few rows on the CPU and writes nothing.")
    started, figures = time.perf_counter(), []
    for each in measure(TINY if is_tiny else FULL):
        figures.append(each)
        print(f"{time.perf_counter() - started:4.0f} s", *each.values(), flush=True)
    if not is_tiny:
        write_report("gpu-search", figures, notes={"gpu": torch.cuda.get_device_name()})


def measure(sizes: Sizes) -> Figures:
    """Yield all figures."""
    for rows in sizes.rows:
        case, vectors = f"{rows:,} × {sizes.dim}", made_up(rows, sizes)
        asked = {batch: _queries(vectors, batch) for batch in BATCHES}
        yield from _resident(case, vectors, sizes.device, asked)
        parts = _card(vectors, sizes.device, room=0)
        case += ", the vectors pass through the card"
        yield from _figures(case, OURS, lambda queries, card=parts: card.search(queries, K), asked)


def _resident(case: str, vectors: Vectors, device: str, asked: Mapping[int, Features]) -> Figures:
    card, seconds = timed(lambda: _card(vectors, device))
    yield figure(case, OURS, "seconds to bring the vectors to the card", seconds)
    loop = _loop(card)
    truth = {batch: loop(queries)[1] for batch, queries in asked.items()}
    yield from _figures(case, OURS, lambda queries: card.search(queries, K), asked, truth)
    yield from _figures(case, LOOP, loop, asked)
    if (faiss := _faiss(vectors)) is not None:
        yield from _figures(case, FAISS, faiss, asked, truth)


def _figures(
    case: str,
    system: str,
    search: Search,
    asked: Mapping[int, Features],
    truth: Mapping[int, Rows] | None = None,
) -> Figures:
    for batch, queries in asked.items():
        found = search(queries)  # warm
        ask = partial(search, queries)
        seconds = min(timed(ask)[1] for _ in range(BATCHES[batch]))
        yield figure(f"{case}, {batch} queries", system, "ms a query", 1000 * seconds / batch)
        if truth:
            same = float((found[1] == truth[batch]).mean())
            yield figure(f"{case}, {batch} queries", system, "share of the loop's rows", same)


def made_up(rows: int, sizes: Sizes) -> Vectors:
    """Return unit rows in clumps, those of a clump side by side: (rows, dim) float16."""
    random = torch.Generator(sizes.device).manual_seed(0)
    vectors = np.empty((rows, sizes.dim), np.float16)
    for start in range(0, rows, _BLOCK):
        count = min(_BLOCK, rows - start)
        shape = {"generator": random, "device": sizes.device}
        centres = torch.randn(-(-count // CLUMP), sizes.dim, **shape)
        block = centres.repeat_interleave(CLUMP, 0)[:count]
        block = block + 0.8 * torch.randn(count, sizes.dim, **shape)
        unit = torch.nn.functional.normalize(block, dim=1).half()
        vectors[start : start + count] = unit.cpu().numpy()
    return vectors


def _queries(vectors: Vectors, count: int) -> Features:
    random = np.random.default_rng(count)
    near = vectors[random.integers(0, len(vectors), count)].astype(np.float32)
    near += 0.5 / near.shape[1] ** 0.5 * random.normal(size=near.shape).astype(np.float32)
    queries: Features = near / np.linalg.norm(near, axis=1, keepdims=True)
    return queries


def _card(vectors: Vectors, device: str, room: int | None = None) -> Card:
    return Card([vectors], device, lambda rows: vectors[rows], room)


def _loop(card: Card) -> Search:
    """Return the obvious search: float32 products of all rows, block by block, and topk."""
    whole = card._resident
    assert whole is not None

    def search(queries: Features) -> Found:
        asked = torch.from_numpy(queries).to(whole.device)
        scores, rows = [], []
        for start in range(0, len(whole), _BLOCK // 4):
            best = (asked @ whole[start : start + _BLOCK // 4].float().T).topk(K, dim=1)
            scores.append(best.values)
            rows.append(best.indices + start)
        last = torch.cat(scores, 1).topk(K, dim=1)
        chosen = torch.cat(rows, 1).gather(1, last.indices)
        return last.values.cpu().numpy(), chosen.cpu().numpy()

    return search


def _faiss(vectors: Vectors) -> Search | None:
    try:
        import faiss
    except ImportError:
        return None
    if not faiss.get_num_gpus():
        return None
    config = faiss.GpuIndexFlatConfig()
    config.useFloat16 = True
    index = faiss.GpuIndexFlatIP(faiss.StandardGpuResources(), vectors.shape[1], config)
    for start in range(0, len(vectors), _BLOCK):
        index.add(vectors[start : start + _BLOCK].astype(np.float32))
    return lambda queries: index.search(queries, K)


if __name__ == "__main__":
    main()
