"""What a large collection costs to make, to open, to search and to add to.

    python -m benchmarks.growth ROWS

A made-up collection: the vectors of `vectors.py` with the labels of their species, a date, a place
and a site each, written as segments. All else is done by the product's own functions, each step in
a process of its own, so that its memory is told apart.
"""

import json
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.peers import FOLDER
from benchmarks.report import figure, timed, write_report
from benchmarks.vectors import DIM, world
from indexer.catalog import catalog_path, write_catalog
from indexer.manifest import EncoderEntry, Manifest, commit, read_manifest
from indexer.optimize import optimize
from indexer.segment import INPUTS, LABELS, ROWS
from model.taxon import Taxon
from search.collection import open_collection
from ui.indexing import index

PART = 16  # blocks of 65,536 rows a segment
ADDED = 1000
ASKED = 100
SPEC = "made-up"
_RANKS = ("k", "p", "c", "o", "f", "Genus")
Seen = Iterator[tuple[str, float, str]]


def main(rows: int) -> None:
    """Make the collection, measure each step and write the report."""
    folder = FOLDER / "galleries" / f"collection-{rows}"
    shutil.rmtree(folder, ignore_errors=True)
    figures = []
    for step in STEPS:
        command = [sys.executable, "-m", "benchmarks.growth", str(rows), step, str(folder)]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        for metric, value, unit in json.loads(said.splitlines()[-1]):
            print(step, metric, round(value, 4), unit)
            figures.append(figure(f"{rows:,} images: {step}", "taxalens", metric, value, unit))
    shutil.rmtree(folder, ignore_errors=True)
    write_report(f"growth-{rows}", figures)


def make(folder: Path, rows: int) -> Seen:
    """Write the segments of a collection, not in the order of taxa."""
    drawn = world(max(2000, min(450_000, rows // 20)))
    keys = np.array([_taxon(line).key for line in drawn.lineages.tolist()])
    manifest = Manifest(EncoderEntry(SPEC, "", DIM), roots={"photos": str(folder)})
    for table in ("segments", "inputs", "labels"):
        (folder / table).mkdir(parents=True)
    blocks, left = drawn.images(rows), True
    number = 0
    while left:
        part = [block for _, block in zip(range(PART), blocks, strict=False)]
        left = len(part) == PART
        if part:
            vectors = np.concatenate([block.astype(np.float16) for block, _ in part])
            manifest = _write(folder, manifest, number, vectors, keys[_species(part)])
            number += 1
    yield (
        "vectors",
        sum(e.bytes for p, e in manifest.files.items() if p.endswith("npy")) / 1e9,
        "GB",
    )


def _species(part: list[tuple[np.ndarray, np.ndarray]]) -> np.ndarray:
    return np.concatenate([species for _, species in part])


def _taxon(line: list[int]) -> Taxon:
    above = [f"{rank}{node}" for rank, node in zip(_RANKS, line, strict=False)]
    return Taxon((*above, f"{above[-1]} s{line[-1]}"))


def _write(
    folder: Path, manifest: Manifest, number: int, vectors: np.ndarray, keys: np.ndarray
) -> Manifest:
    name, n = f"{number:08d}", len(keys)
    random = np.random.default_rng(number)
    np.save(folder / f"segments/{name}.npy", vectors)
    ids, sources = _words(random, n, 8), [f"photos/{number}/{row}.jpg" for row in range(n)]
    size, empty = pa.repeat(pa.scalar(2000, pa.int32()), n), pa.repeat("", n)
    about = [
        {
            "eventDate": f"20{row % 25:02}-0{row % 9 + 1}-1{row % 10}",
            "decimalLatitude": f"{row % 180 - 90}.5",
            "decimalLongitude": f"{row % 360 - 180}.25",
            "site": f"site {row % 97}",
        }
        for row in range(10_000)
    ]
    metadata = [list(about[row % len(about)].items()) for row in range(n)]
    tables = {
        "segments": (ROWS, [ids, sources, _words(random, n, 32), size, size, empty]),
        "inputs": (
            INPUTS,
            [sources, pa.repeat("embedded", n), empty, ids, pa.repeat(10**6, n), pa.repeat(1, n)],
        ),
        "labels": (LABELS, [ids, empty, pa.array(keys), empty, metadata]),
    }
    paths = [f"segments/{name}.npy"]
    for table, (schema, columns) in tables.items():
        paths.append(f"{table}/{name}.parquet")
        told = pa.table(
            [pa.array(c, t) for c, t in zip(columns, schema.types, strict=True)], schema
        )
        pq.write_table(told, folder / paths[-1], compression="zstd", write_page_checksum=True)
    return commit(folder, manifest, paths)


def _words(random: np.random.Generator, n: int, size: int) -> list[str]:
    text = random.bytes(size * n).hex()
    return [text[start : start + 2 * size] for start in range(0, len(text), 2 * size)]


def catalog(folder: Path, rows: int) -> Seen:
    """Derive the catalog from all tables."""
    manifest = read_manifest(folder)
    yield "time", timed(lambda: write_catalog(folder, manifest))[1], "s"
    yield "size", catalog_path(folder, manifest).stat().st_size / 1e9, "GB"


def optimized(folder: Path, rows: int) -> Seen:
    """Bring it into the order of taxa and index it."""
    manifest, seconds = timed(lambda: optimize(folder))
    yield "time", seconds, "s"
    yield "CPU time", time.process_time(), "s"
    if manifest.index:
        yield "recall@10 of pictures", manifest.index.image.recall, ""
        yield "index", manifest.index.bytes / rows, "bytes an image"


def opened(folder: Path, rows: int) -> Seen:
    """Open it and answer once, files cached as after any use."""
    collection, seconds = timed(lambda: open_collection(folder))
    yield "time", seconds, "s"
    (image_id,) = _some_ids(collection, 1)
    yield "first answer", timed(lambda: collection.search(image_id=image_id))[1], "s"


def searched(folder: Path, rows: int) -> Seen:
    """Answer pictures of the collection, among all and within clades of several sizes."""
    collection = open_collection(folder)
    ids = _some_ids(collection, ASKED)
    yield "CPU time, median", _median(lambda each: collection.search(image_id=each), ids), "ms"
    for share in (0.0001, 0.001, 0.01, 0.1, 0.5):
        ((name, images),) = collection.snapshot.query(_CLADE, rows * share)
        within = _median(lambda each, name=name: collection.search(image_id=each, within=name), ids)
        yield f"CPU time, median, within a clade of {images / rows:.2%}", within, "ms"


def added(folder: Path, rows: int) -> Seen:
    """Add vectors that others computed, with a taxon that is known each."""
    vectors = next(world(2000, seed=5).images(ADDED))[0]
    collection = open_collection(folder)
    found = collection.snapshot.query("SELECT taxon_key FROM images USING SAMPLE 1000 ROWS")
    collection.snapshot.close()
    names = [Taxon.from_key(key).name for (key,) in found]
    table = pa.table(
        {"uuid": [f"new-{n}" for n in range(ADDED)], "emb": list(vectors), "species": names}
    )
    pq.write_table(table, folder.parent / "added.parquet")
    yield (
        "time",
        timed(lambda: index(folder.parent / "added.parquet", folder, encoder=SPEC))[1],
        "s",
    )
    collection = open_collection(folder)
    yield "images afterwards", len(collection), ""


def _some_ids(collection: object, n: int) -> list[str]:
    found = collection.snapshot.query(
        f"SELECT image_id FROM images USING SAMPLE {n} (reservoir, 1)"
    )
    return [image_id for (image_id,) in found]


def _median(work: Callable[[str], object], asked: list[str]) -> float:
    times = []
    for each in asked:
        start = time.process_time()
        work(each)
        times.append(time.process_time() - start)
    return 1000 * float(np.median(times))


_CLADE = """
SELECT name, count(*) AS n FROM (SELECT lo, hi, name FROM taxa WHERE rank <> 'species') AS clade
JOIN images ON clade.lo <= images.lo AND images.lo < clade.hi
GROUP BY clade.lo, name ORDER BY abs(n - ?), name LIMIT 1
"""
STEPS = {
    "segments": make,
    "catalog": catalog,
    "optimize": optimized,
    "open": opened,
    "search": searched,
    "add 1,000": added,
}

if __name__ == "__main__":
    if len(sys.argv) == 2:
        main(int(sys.argv[1]))
    else:
        told = list(STEPS[sys.argv[2]](Path(sys.argv[3]), int(sys.argv[1])))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print("\n" + json.dumps([*told, ("peak memory", peak, "GB")]))
