"""How long a first `identify` takes with 50,000 labelled images, fitted anew and kept.

`python -m benchmarks.first_identify` makes a collection of made-up vectors with the labels of their
species (`growth`), and identifies 200 new ones. *Fitted* is a collection that keeps nothing yet,
*kept* the same one afterwards; each in a process of its own, from opening to the last answer.
"""

import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks import growth
from benchmarks.peers import FOLDER
from benchmarks.report import figure, write_report
from benchmarks.vectors import DIM, World, world
from indexer.catalog.catalog_file import write_catalog
from indexer.store.manifest import read_manifest
from model.vectors import Identity, Vectors
from search.collection import open_collection

ROWS, ASKED = 50_000, 200
SPECIES = max(2000, ROWS // 20)  # as `growth.make` draws them
_DIGITS = str.maketrans("abcdefghij", "0123456789")


class Texts:
    """An encoder whose text of a species leans towards the images of that species."""

    spec, dim = growth.SPEC, DIM
    identity = Identity("", {}, "")

    def __init__(self, drawn: World) -> None:
        self.drawn = drawn

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        """Return a vector for each text that names a species; of others for the first one."""
        mean = self.drawn.centres.mean(axis=0)
        found = [re.search(r" s([a-j]+)\b", text) for text in texts]
        species = [int(each[1].translate(_DIGITS)) if each else 0 for each in found]
        noise = np.stack([np.random.default_rng(each).standard_normal(DIM) for each in species])
        towards = _unit(self.drawn.centres[species] - mean)
        made = 0.16 * _unit(mean[None]) + 0.3 * towards + 0.35 * noise / DIM**0.5
        return _unit(made @ self.drawn.rotation + self.drawn.text_cone).astype(np.float16)

    def encode_images(self, images: Sequence[object]) -> Vectors:
        """Refuse: nothing here has a picture."""
        raise NotImplementedError


def main() -> None:
    folder = FOLDER / "galleries" / "first-identify"
    shutil.rmtree(folder, ignore_errors=True)
    list(growth.make(folder, ROWS))
    write_catalog(folder, read_manifest(folder))
    vectors, _ = next(world(SPECIES).images(ASKED, seed=77))
    ids = [str(place) for place in range(ASKED)]
    pq.write_table(pa.table({"uuid": ids, "emb": list(vectors)}), folder.with_suffix(".parquet"))
    figures = []
    for system in ("texts encoded, fitted", "fitted", "kept"):
        if system == "fitted":
            shutil.rmtree(folder / "derived")
        command = [sys.executable, "-m", "benchmarks.first_identify", str(folder)]
        said = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout
        for metric, value in json.loads(said.splitlines()[-1]).items():
            figures.append(figure(f"{ROWS:,} labelled images", system, metric, value, "s"))
    shutil.rmtree(folder)
    write_report("first-identify", figures)


def identify(folder: Path) -> None:
    encoder = Texts(world(SPECIES))
    start, cpu = time.perf_counter(), time.process_time()
    collection = open_collection(folder, encoder)
    collection.prepare().identifier()
    ready, ready_cpu = time.perf_counter() - start, time.process_time() - cpu
    collection.identify(folder.with_suffix(".parquet"))
    whole, whole_cpu = time.perf_counter() - start - ready, time.process_time() - cpu - ready_cpu
    names = (
        "ready, wall",
        "ready, CPU",
        "200 answers, wall",
        "200 answers, CPU",
    )
    print(json.dumps(dict(zip(names, (ready, ready_cpu, whole, whole_cpu), strict=True))))


def _unit(rows: np.ndarray) -> np.ndarray:
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


if __name__ == "__main__":
    identify(Path(sys.argv[1])) if len(sys.argv) > 1 else main()
