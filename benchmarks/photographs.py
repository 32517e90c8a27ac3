"""Images to classify: birds, flowers, vectors of BioCLIP 2, made-up ones."""

import csv
import hashlib
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow.parquet as pq
from platformdirs import user_cache_path

from benchmarks.report import DATA
from benchmarks.vectors import world
from indexer.inputs.decoding import decode_file
from indexer.labels.label_files import read_label_file
from model.encoders import starter
from model.taxon import RANKS, Taxon
from model.text_types import TextType, render
from ui.demo.photos import TABLE, obtain_photos

FOLDERS = {"birds": "birds/images", "flowers": "flowers/train"}
FEWEST = 20  # images of an order
SPECIES, EACH = 60, 40  # of made-up images
Floats = npt.NDArray[np.float32]
Ints = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Images:
    """Unit vectors, the class of each, and the taxon and the text of each class."""

    vectors: Floats
    classes: Ints
    taxa: Sequence[Taxon]
    texts: Floats | None
    whole: str = ""
    """the rank whose clades are labelled whole, or not at all; "" where species are"""


def photographs(name: str) -> Images:
    """Return one of FOLDERS."""
    folder = DATA / FOLDERS[name]
    paths = sorted(folder.rglob("*.jpg"))
    known = read_label_file(DATA / name / "taxa.csv")
    labels, classes = np.unique([path.parent.name for path in paths], return_inverse=True)
    taxa = [known[label].taxon or Taxon(("",) * len(RANKS)) for label in labels]
    return _embedded(folder, paths, classes.astype(np.int64), taxa)


def demo() -> Images:
    """Return the pictures of the demo, a class for each taxon and name."""
    folder = obtain_photos(user_cache_path("taxalens") / "demo")
    with TABLE.open(encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if (folder / line["file_name"]).is_file()]
    taxa = [Taxon.from_ranks([line[rank] for rank in RANKS], line["common_name"]) for line in lines]
    said = [(taxon.key, taxon.common_name) for taxon in taxa]
    _, first, classes = np.unique(said, axis=0, return_index=True, return_inverse=True)
    paths = [folder / line["file_name"] for line in lines]
    return _embedded(folder, paths, classes.astype(np.int64), [taxa[place] for place in first])


def _embedded(folder: Path, paths: Sequence[Path], classes: Ints, taxa: Sequence[Taxon]) -> Images:
    """Embed pictures by the starter, once: kept by their files."""
    encoder = starter.load()
    texts = encoder.encode_texts([render(taxon, TextType.TAXON_COM) for taxon in taxa])
    told = [(path.relative_to(folder).as_posix(), path.stat().st_size) for path in paths]
    digest = hashlib.sha256(repr((told, encoder.identity.fingerprint)).encode()).hexdigest()[:16]
    cached = Path(tempfile.gettempdir(), f"taxalens-vectors-{digest}.npy")
    if not cached.exists():
        batches = [paths[start : start + 32] for start in range(0, len(paths), 32)]
        parts = [encoder.encode_images([decode_file(path) for path in part]) for part in batches]
        np.save(cached, np.concatenate(parts))
    return Images(np.load(cached).astype(np.float32), classes, taxa, texts.astype(np.float32))


def orders() -> Images:
    """Return vectors of BioCLIP 2 by order, of orders with FEWEST images."""
    depth = RANKS.index("order") + 1
    rows = pq.read_table(Path(DATA, "vectors", "bioclip2_1k.parquet")).to_pylist()
    rows = [row for row in rows if all(row[rank] for rank in RANKS[:depth])]
    lineages = [tuple(row[rank] for rank in RANKS[:depth]) for row in rows]
    names = sorted({each for each in lineages if lineages.count(each) >= FEWEST})
    kept = [place for place, each in enumerate(lineages) if each in names]
    vectors = np.array([rows[place]["emb"] for place in kept], np.float32)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    taxa = [Taxon((*name, *[""] * (len(RANKS) - depth))) for name in names]
    return Images(vectors, np.array([names.index(lineages[each]) for each in kept]), taxa, None)


def made_up() -> Images:
    """Return vectors that behave like BioCLIP's (`vectors`), noisier: EACH of SPECIES."""
    drawn = world(SPECIES, share=0.55, seed=3)
    classes = np.repeat(np.arange(SPECIES), EACH)
    vectors = drawn.images_of(classes, own=0.45)
    taxa = [
        Taxon(tuple(f"{r}{n}" for r, n in zip(RANKS, line, strict=True))) for line in drawn.lineages
    ]
    return Images(vectors, classes, taxa, None)
