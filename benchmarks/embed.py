"""Embedding: a folder of JPEGs to vectors on disk, and strings to vectors, beside open_clip.

`python -m benchmarks.embed` uses the starter and one ViT-B/16 with random weights for both
systems. The peer is the loop of open_clip's own README, in float32, 32 pictures a batch.
"""

import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from benchmarks.report import figure, write_report
from indexer.run import index_source
from indexer.snapshot import open_snapshot
from model.clip_encoder import ClipEncoder
from model.encoder import load
from model.open_clip_models import from_network
from model.text_types import render
from training.concepts import class_taxa

SIZES = {"500 px": (500, 375), "2 MP": (1632, 1224), "12 MP": (4000, 3000)}
PICTURES = {"starter": 96, "ViT-B/16": 24}
OURS, LOOP = "taxalens", "open_clip loop"
BATCH = 32
Vectors = npt.NDArray[np.float32]
Figures = Iterator[dict[str, object]]


def main() -> None:
    figures: list[dict[str, object]] = []
    for name, (encoder, reference) in _encoders().items():
        encoder.encode_images([Image.new("RGB", (64, 64))])  # compiled before the clock starts
        for size, shape in SIZES.items():
            with TemporaryDirectory() as folder:
                _write_photos(Path(folder, "photos"), PICTURES[name], shape)
                figures += _pictures(f"{name}, {size} JPEGs", Path(folder), encoder, reference)
        figures += _texts(name, encoder, reference)
    write_report("embed", figures)


def _encoders() -> dict[str, tuple[ClipEncoder, ClipEncoder]]:
    """Each encoder as taxalens runs it here, and in torch, float32."""
    torch.manual_seed(0)
    network = open_clip.create_model("ViT-B-16")
    tokenizer = open_clip.get_tokenizer("ViT-B-16")
    pair = [from_network("random", network, tokenizer, runtime) for runtime in ("auto", "torch")]
    starter: Any = load("starter"), load("starter", "torch")
    return {"starter": starter, "ViT-B/16": (pair[0], pair[1])}


def _write_photos(folder: Path, count: int, shape: tuple[int, int]) -> None:
    """Write unlike JPEGs with as much detail as photographs have."""
    folder.mkdir()
    rng = np.random.default_rng(0)
    for number in range(count):
        coarse = Image.fromarray(rng.integers(0, 256, (30, 40, 3), np.uint8))
        image = np.asarray(coarse.resize(shape, Image.Resampling.BICUBIC), np.int16)
        grain = rng.integers(-12, 13, image.shape, np.int16)
        whole = Image.fromarray(np.clip(image + grain, 0, 255).astype(np.uint8))
        whole.save(folder / f"{number:04}.jpg", quality=88)


def _pictures(case: str, folder: Path, encoder: ClipEncoder, reference: ClipEncoder) -> Figures:
    photos, collection = folder / "photos", folder / "collection"
    paths = sorted(photos.iterdir())
    plain, plain_s = _timed(lambda: _loop(paths, reference, folder / "plain.npy"))
    _, ours_s = _timed(lambda: list(index_source(photos, collection, encoder)))
    snapshot = open_snapshot(collection)
    ours = np.concatenate([np.asarray(part, np.float32) for part in snapshot.vectors()])
    cosines = (ours * plain).sum(axis=1)
    yield figure(case, OURS, "pictures a second", len(paths) / ours_s)
    yield figure(case, LOOP, "pictures a second", len(paths) / plain_s)
    yield figure(case, OURS, "times as fast", plain_s / ours_s)
    yield figure(case, OURS, "cosine to the loop's vectors, mean", float(cosines.mean()))
    yield figure(case, OURS, "cosine to the loop's vectors, least", float(cosines.min()))


def _loop(paths: Sequence[Path], reference: ClipEncoder, target: Path) -> Vectors:
    network = reference.runtime.image_tower.network  # type: ignore[attr-defined]
    transform = image_transform_v2(PreprocessCfg(**reference.identity.preprocessing), False)
    rows = []
    for start in range(0, len(paths), BATCH):
        images = [Image.open(path).convert("RGB") for path in paths[start : start + BATCH]]
        with torch.no_grad():
            pixels = torch.stack([transform(image) for image in images])
            rows.append(network.encode_image(pixels, normalize=True).numpy())
    found: Vectors = np.concatenate(rows)
    np.save(target, found)
    return found


def _texts(name: str, encoder: ClipEncoder, reference: ClipEncoder) -> Figures:
    texts = [render(taxon, "taxon_com") for taxon in class_taxa().values()]
    network = reference.runtime.text_tower.network  # type: ignore[attr-defined]
    length = reference.tokenizer(["a"]).shape[1]
    tokenizer = open_clip.get_tokenizer("ViT-B-16", context_length=length)
    encoder.encode_texts(texts[:8])

    def loop() -> Vectors:
        with torch.no_grad():
            parts = [
                network.encode_text(tokenizer(texts[start : start + BATCH]), normalize=True)
                for start in range(0, len(texts), BATCH)
            ]
        found: Vectors = torch.cat(parts).numpy()
        return found

    plain, plain_s = _timed(loop)
    ours, ours_s = _timed(lambda: encoder.encode_texts(texts))
    case = f"{name}, {len(texts)} lineages with common names"
    yield figure(case, OURS, "strings a second", len(texts) / ours_s)
    yield figure(case, LOOP, "strings a second", len(texts) / plain_s)
    yield figure(case, OURS, "times as fast", plain_s / ours_s)
    yield figure(case, OURS, "largest difference (float16)", float(np.abs(ours - plain).max()))


def _timed(work: Callable[[], Any]) -> tuple[Any, float]:
    start = time.perf_counter()
    done = work()
    return done, time.perf_counter() - start


if __name__ == "__main__":
    main()
