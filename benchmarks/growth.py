"""What a large collection costs to make, to open, to search and to add to.

    python -m benchmarks.growth ROWS [STEP …]

A made-up collection: the vectors of `vectors.py` with the labels of their species, a date, a place
and a site each, written as segments. All else is done by the product's own functions, each step in
a process of its own, so that its memory is told apart.
"""

import json
import re
import resource
import shutil
import subprocess
import sys
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.peers import FOLDER
from benchmarks.report import figure, timed, write_report
from benchmarks.vectors import DIM, world
from indexer.backends.selection import Selection
from indexer.catalog.catalog_file import catalog_path, write_catalog
from indexer.ingest.indexing import index
from indexer.ingest.optimize import optimize
from indexer.store.manifest import EncoderEntry, Manifest, commit, read_manifest
from indexer.store.segment import INPUTS, LABELS, ROWS
from model.taxon import RANKS, Taxon
from model.vectors import Identity, Vectors
from search.collection import open_collection

PART = 16  # blocks of 65,536 rows a segment
ADDED = 1000
ASKED = 100
OF_A_FILE = 1000  # queries
SPEC, TEXTS = "made-up", "texts.npy"
# With endings: "Of" would be read as a word, and a family is known by its own.
_NAMES = ("K{}ota", "P{}zoa", "C{}oida", "O{}formes", "F{}idae", "Genus{}")
Seen = Iterator[tuple[str, float, str]]


def main(rows: int, steps: Sequence[str]) -> None:
    """Make the collection, measure each step, or some, and write the report."""
    folder = FOLDER / "galleries" / f"collection-{rows}"
    shutil.rmtree(folder, ignore_errors=True)
    figures = []
    for step in steps or STEPS:
        command = [
            sys.executable,
            "-m",
            "benchmarks.growth",
            "--step",
            step,
            str(rows),
            str(folder),
        ]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        for metric, value, unit in json.loads(said.splitlines()[-1]):
            print(step, metric, round(value, 4), unit, flush=True)
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
    np.save(folder / TEXTS, drawn.texts(ASKED)[0].astype(np.float16))
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
    letters = str.maketrans("0123456789", "abcdefghij")  # digits are no part of names
    *above, epithet = (str(node).translate(letters) for node in line)
    names = [name.format(node) for name, node in zip(_NAMES, above, strict=True)]
    return Taxon((*names, f"{names[-1]} s{epithet}"))


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
        "labels": (LABELS, [ids, empty, pa.array(keys), empty, metadata, *[pa.nulls(n)] * 3]),
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
    collection, seconds = timed(lambda: open_collection(folder, Given(folder)))
    yield "time", seconds, "s"
    yield "first answer", timed(lambda: collection.search(text="0"))[1], "s"


def searched(folder: Path, rows: int) -> Seen:
    """Answer texts whose vectors are known, among all and within clades of several sizes."""
    collection = open_collection(folder, Given(folder))
    asked = list(map(str, range(ASKED)))
    whole = Selection(range(len(collection.nearest.exact)))
    vectors = collection.encoder.encode_texts(asked)
    nearest = collection.nearest

    def found(word: str) -> object:
        return nearest.search(vectors[int(word)][None], 10, whole, of_text=True)

    yield "nearest rows, CPU time, median", _median(found, asked), "ms"
    yield (
        "whole answer, CPU time, median",
        _median(lambda each: collection.search(text=each), asked),
        "ms",
    )
    for share in (0.0001, 0.001, 0.01, 0.1, 0.5):
        ((name, images),) = collection.snapshot.query(_CLADE, rows * share)

        def within(word: str, name: str = name) -> object:
            return collection.search(text=word, within=name)

        metric = f"within a clade of {images / rows:.2%}, CPU time, median"
        yield metric, _median(within, asked), "ms"
    species = [name for (name,) in collection.snapshot.query(_SPECIES, OF_A_FILE)]
    texts = [f"an animal that looks like number {number}" for number in range(OF_A_FILE)]
    for kind, words in (("texts", texts), ("species", species)):
        list(collection.search_each(words[:20]))
        start = time.process_time()
        list(collection.search_each(words))
        each = 1000 * (time.process_time() - start) / len(words)
        yield f"{len(words):,} {kind} of a file, CPU time each", each, "ms"


def added(folder: Path, rows: int) -> Seen:
    """Add vectors that others computed, with a taxon that is known each."""
    vectors = next(world(2000, seed=5).images(ADDED))[0]
    with open_collection(folder).snapshot as snapshot:
        found = snapshot.query(f"SELECT taxon_key FROM images USING SAMPLE {ADDED} ROWS")
    taxa = [Taxon.from_key(key) for (key,) in found]
    said = {str(rank): [taxon.at(rank) for taxon in taxa] for rank in RANKS}
    ids = [f"new-{number}" for number in range(ADDED)]
    source = folder.parent / "added.parquet"
    pq.write_table(pa.table({"uuid": ids, "emb": list(vectors), **said}), source)
    yield "time", timed(lambda: index(source, folder, encoder=SPEC))[1], "s"
    yield "CPU time", time.process_time(), "s"
    with open_collection(folder).snapshot as snapshot:
        ((images,),) = snapshot.query("SELECT count(*) FROM images")
    yield "images afterwards", images, ""


class Given:
    """An encoder of texts that are numbers: their vectors lie beside the collection."""

    spec, dim = SPEC, DIM
    identity = Identity("", {}, "")

    def __init__(self, folder: Path) -> None:
        self.vectors = np.load(folder / TEXTS)

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return the vectors of "a photo of 7." and of "7", and any for a text without a number."""
        numbers = [int(re.sub(r"\D", "", text) or zlib.crc32(text.encode())) for text in texts]
        return self.vectors[[number % len(self.vectors) for number in numbers]]

    def encode_images(self, images: Sequence[object]) -> Vectors:
        """Refuse: nothing here has a picture."""
        raise NotImplementedError


def _median(work: Callable[[str], object], asked: list[str]) -> float:
    times = []
    for each in asked:
        start = time.process_time()
        work(each)
        times.append(time.process_time() - start)
    return 1000 * float(np.median(times))


_SPECIES = """
SELECT name FROM taxa WHERE rank = 'species' ORDER BY hash(name) LIMIT ?
"""
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
    if sys.argv[1] != "--step":
        main(int(sys.argv[1]), sys.argv[2:])
    else:
        step, count, place = sys.argv[2:]
        told = list(STEPS[step](Path(place), int(count)))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        print("\n" + json.dumps([*told, ("peak memory", peak, "GB")]))
