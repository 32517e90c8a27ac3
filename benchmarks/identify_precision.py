"""What bfloat16 costs: top-1 and probabilities beside float32, on genuine vectors.

- BioCLIP 2 images against the centroids of their genera, the image itself among its genus';
- halfway between two genuine CLIP texts of names, against all of these;
- photographs of birds by the starter, against its own texts of the 100 species.
"""

import csv
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from benchmarks.report import DATA, figure
from indexer.inputs.decoding import decode
from model.encoder import load
from search.zero_shot.candidates import candidates_of, quickened
from search.zero_shot.scoring import score

OURS = "taxalens, bfloat16"
PHOTOS = 300
Floats = npt.NDArray[np.float32]


def measure() -> Iterator[dict[str, object]]:
    """Compare both precisions wherever the data are there."""
    for case, images, texts in _cases():
        names = pa.table({"name": [str(place) for place in range(len(texts))]})
        plain = candidates_of(texts.astype(np.float16), names, levels=["name"])
        exact, quick = (score(images, each, 1) for each in (plain, quickened(plain)))
        same = exact.taxa.numbers == quick.taxa.numbers
        off = np.abs(exact.taxa.probabilities - quick.taxa.probabilities)
        case = f"{case}: {len(images)} by {len(texts)}"
        yield figure(case, OURS, "top-1 as in float32", float(same.mean()))
        yield figure(case, OURS, "probability of it × 1e6 off by, mean", float(off.mean()) * 1e6)
        yield figure(case, OURS, "probability of it × 1e6 off by, most", float(off.max()) * 1e6)


def _cases() -> Iterator[tuple[str, Floats, Floats]]:
    vectors = DATA / "vectors"
    if (vectors / "bioclip2_1k.parquet").exists():
        table = pq.read_table(vectors / "bioclip2_1k.parquet", columns=["emb", "genus"])
        images = _unit(np.array(table["emb"].to_pylist(), np.float32))
        genera, which = np.unique(table["genus"].to_numpy().astype(str), return_inverse=True)
        sums = np.zeros((len(genera), images.shape[1]), np.float32)
        np.add.at(sums, which, images)
        yield "BioCLIP 2 images, genera", images, _unit(sums)
        files = sorted((vectors / "clip_text_names").glob("*.npy"))
        texts = np.unique(np.concatenate([_unit(np.load(file)) for file in files]), axis=0)
        random = np.random.default_rng(0)
        pairs = random.integers(0, len(texts), (2, 1000))
        yield "CLIP texts, names", _unit(texts[pairs[0]] + 0.9 * texts[pairs[1]]), texts
    if (DATA / "birds" / "taxa.csv").exists():
        encoder = load("starter")
        with (DATA / "birds" / "taxa.csv").open(newline="") as file:
            names = [row["taxon"] for row in csv.DictReader(file)]
        photos = sorted((DATA / "birds" / "images").rglob("*.jpg"))
        some = photos[:: max(1, len(photos) // PHOTOS)]
        images = encoder.encode_images([decode(path.read_bytes()).image for path in some])
        texts = encoder.encode_texts([f"a photo of {name}." for name in names])
        yield "starter, birds", images.astype(np.float32), texts.astype(np.float32)


def _unit(rows: Floats) -> Floats:
    unit: Floats = (rows / np.linalg.norm(rows, axis=1, keepdims=True)).astype(np.float32)
    return unit
