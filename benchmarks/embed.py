"""Embedding: a folder of JPEGs to vectors on disk, and strings to vectors, beside the peers.

`python -m benchmarks.embed` uses the starter and one ViT-B/16 with random weights for all. The
loop is that of open_clip's own README, in float32, 32 pictures a batch; pybioclip and
clip-retrieval run their own commands (benchmarks/peers.py).
"""

import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import numpy.typing as npt
import open_clip
import torch
from open_clip.transform import PreprocessCfg, image_transform_v2
from PIL import Image

from benchmarks import embed_texts, peers
from benchmarks.report import DATA, figure, timed, write_report
from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.run import index_source
from indexer.inputs.decoding import decode
from model.clip_encoder import ClipEncoder
from model.encoder import load
from model.open_clip_models import from_network

SIZES = {"500 px": (500, 375), "2 MP": (1632, 1224), "12 MP": (4000, 3000)}
PICTURES = {"starter": 96, "ViT-B/16": 32}
OURS, LOOP = "taxalens", "open_clip loop"
BATCH = 32
Vectors = npt.NDArray[np.float32]
Figures = Iterator[dict[str, object]]


def main() -> None:
    figures: list[dict[str, object]] = []
    with TemporaryDirectory() as folder:
        checkpoint = Path(folder, "random.pt")
        for name, (encoder, reference) in _encoders(checkpoint).items():
            encoder.encode_images([Image.new("RGB", (64, 64))])  # compiled before the clock starts
            for size, shape in SIZES.items():
                case, work = f"{name}, {size} JPEGs", Path(folder, name.replace("/", "-"), size)
                write_photos(work / "photos", PICTURES[name], shape)
                write_photos(work / "one", 1, shape)
                figures += _pictures(case, work, encoder, reference)
                if name != "starter":
                    figures += _peers(case, work, checkpoint)
            figures += embed_texts.measure(name, encoder, reference)
            if name == "starter":
                figures += _birds(encoder, reference)
    write_report("embed", figures)


def _encoders(checkpoint: Path) -> dict[str, tuple[ClipEncoder, ClipEncoder]]:
    """Each encoder as taxalens runs it here, and in torch, float32."""
    torch.manual_seed(0)
    network = open_clip.create_model("ViT-B-16")
    torch.save(network.state_dict(), checkpoint)
    tokenizer = open_clip.get_tokenizer("ViT-B-16")
    pair = [from_network("random", network, tokenizer, runtime) for runtime in ("auto", "torch")]
    starter: Any = load("starter"), load("starter", "torch")
    return {"starter": starter, "ViT-B/16": (pair[0], pair[1])}


def write_photos(folder: Path, count: int, shape: tuple[int, int]) -> None:
    """Write unlike JPEGs with as much detail as photographs have."""
    folder.mkdir(parents=True)
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
    plain, plain_s = timed(lambda: _loop(paths, reference, folder / "plain.npy"))
    _, ours_s = timed(lambda: list(index_source(photos, collection, encoder)))
    snapshot = open_snapshot(collection)
    ours = np.concatenate([np.asarray(part, np.float32) for part in snapshot.vectors()])
    cosines = (ours * plain).sum(axis=1)
    yield figure(case, OURS, "pictures a second", len(paths) / ours_s)
    yield figure(case, LOOP, "pictures a second", len(paths) / plain_s)
    yield figure(case, OURS, "times as fast", plain_s / ours_s)
    yield figure(case, OURS, "cosine to the loop's vectors, mean", float(cosines.mean()))
    yield figure(case, OURS, "cosine to the loop's vectors, least", float(cosines.min()))
    yield figure(case, OURS, "share of the floor", _floor(paths, encoder) / ours_s)


def _floor(paths: Sequence[Path], encoder: ClipEncoder) -> float:
    """Return the seconds that decoding and encoding take alone, spread over all processors."""
    start = time.process_time()
    images = [decode(path.read_bytes()).image for path in paths]
    for first in range(0, len(images), BATCH):
        encoder.encode_images(images[first : first + BATCH])
    return (time.process_time() - start) / (os.cpu_count() or 1)


def _peers(case: str, work: Path, checkpoint: Path) -> Figures:
    for peer in peers.PACKAGES:
        found = peers.rate(peer, work / "one", work / "photos", checkpoint)
        if isinstance(found, str):
            yield figure(f"{case}: {peer} {found}", OURS, "", 0)
        else:
            yield figure(case, peer, "pictures a second", found)


def _birds(encoder: ClipEncoder, reference: ClipEncoder) -> Figures:
    """Compare neighbours among real photographs with those of the reference path."""
    paths = sorted((DATA / "birds" / "images").rglob("*.jpg"))
    if not paths:
        return
    labels = np.array([path.parent.name for path in paths])
    with TemporaryDirectory() as folder:
        plain = _loop(paths, reference, Path(folder, "plain.npy"))
        list(index_source(DATA / "birds" / "images", Path(folder, "c"), encoder))
        with open_snapshot(Path(folder, "c")) as snapshot:
            ids = [row[0] for row in snapshot.query('SELECT source_id FROM images ORDER BY "row"')]
            ours = np.concatenate([np.asarray(part, np.float32) for part in snapshot.vectors()])
    ours = ours[np.argsort(ids)]
    order = np.argsort([f"images/{path.relative_to(DATA / 'birds' / 'images')}" for path in paths])
    nearest = [_nearest(vectors) for vectors in (ours, plain[order])]
    shared = [len(set(a) & set(b)) / 10 for a, b in zip(*nearest, strict=True)]
    case = f"starter, {len(paths)} photographs of birds"
    yield figure(case, OURS, "overlap@10 with the loop's neighbours", float(np.mean(shared)))
    for system, rows in zip((OURS, LOOP), nearest, strict=True):
        same = labels[order][rows[:, 0]] == labels[order]
        yield figure(case, system, "P@1", float(same.mean()))


def _nearest(vectors: Vectors) -> npt.NDArray[np.int64]:
    cosines = vectors @ vectors.T
    np.fill_diagonal(cosines, -1)
    return np.argsort(-cosines, axis=1)[:, :10]


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


if __name__ == "__main__":
    main()
