"""One GPU: training a ViT-B/16 beside open_clip's loop, and embedding, decoding left out and in.

`python -m benchmarks.gpu_training` takes at most 8 minutes and writes `benchmarks/results/gpu.json`
and its table in docs/benchmarks. Where there is no GPU, `--tiny` runs every part of it on a
small network without writing figures, to see that it starts.
"""

import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch.utils.flop_counter import FlopCounterMode

from benchmarks.open_clip_loop import run_open_clip
from benchmarks.report import figure, timed, write_report
from benchmarks.training_loop import OURS, THEIRS, run_ours
from indexer.ingest.run import index_source
from model.encoder import load
from training.contrastive.drawn import taxa
from training.contrastive.recipe import ContrastiveRecipe
from training.contrastive.shards import read_index, write_shards
from training.contrastive.train import build, image_size

PEAKS = {"H100": 989e12, "H200": 989e12, "A100": 312e12}  # dense bf16 FLOP/s, NVIDIA's data sheets
WARM = 5  # steps before the clock starts
Figures = Iterator[dict[str, object]]


@dataclass(frozen=True, slots=True)
class Sizes:
    """How much is measured."""

    recipe: ContrastiveRecipe
    photographs: int
    batch: int
    """pictures embedded at once"""


VIT = ContrastiveRecipe(
    architecture="ViT-B-16",
    pretrained="",
    checkpoint_activations=False,
    batch_size=256,
    text_type="taxon",
    steps=40,
    warmup_steps=WARM,
    precision="bf16",
    workers=14,
    validate_every=40,
)
FULL = Sizes(VIT, photographs=2048, batch=256)
NETWORK: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
TINY = Sizes(
    replace(VIT, network=NETWORK, batch_size=8, steps=8, validate_every=8, workers=0),
    photographs=24,
    batch=8,
)


def main() -> None:
    is_tiny = "--tiny" in sys.argv[1:]
    if not is_tiny and not torch.cuda.is_available():
        sys.exit("There is no GPU here; --tiny runs a small network on the CPU and writes nothing.")
    name = torch.cuda.get_device_name() if torch.cuda.is_available() else "no GPU"
    started, figures = time.perf_counter(), []
    with TemporaryDirectory() as folder:
        for each in measure(TINY if is_tiny else FULL, Path(folder), name):
            figures.append(each)
            print(f"{time.perf_counter() - started:4.0f} s", *each.values(), flush=True)
    if not is_tiny:
        write_report("gpu", figures, notes={"gpu": name})


def measure(sizes: Sizes, folder: Path, device_name: str) -> Figures:
    """Yield all figures; `folder` gets photographs and shards."""
    write_photographs(folder / "photographs", sizes.photographs)
    write_squares(folder / "shards", sizes)
    yield from _training(sizes.recipe, folder, device_name)
    yield from _embedding(sizes, folder)


def write_photographs(folder: Path, count: int) -> None:
    """Write unlike JPEGs of 500 × 375 pixels."""
    folder.mkdir(parents=True)
    with ThreadPoolExecutor() as pool:
        list(pool.map(lambda n: _made_up(n, (500, 375)).save(folder / f"{n:05}.jpg"), range(count)))


def write_squares(folder: Path, sizes: Sizes) -> None:
    """Write shards of unlike squares of 224 pixels: so many to train on, a batch to validate on."""
    known = taxa()
    for split, first, count in (
        ("train", 0, sizes.photographs),
        ("val", sizes.photographs, sizes.recipe.batch_size),
    ):
        paths = [folder / f"{n}.jpg" for n in range(first, first + count)]
        folder.mkdir(parents=True, exist_ok=True)
        for number, path in enumerate(paths, first):
            _made_up(number, (224, 224)).save(path)
        samples = [
            (path.stem, path.read_bytes(), known[n % len(known)]) for n, path in enumerate(paths)
        ]
        write_shards(samples, folder / split)


def _made_up(seed: int, shape: tuple[int, int]) -> Image.Image:
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), np.uint8))
    image = np.asarray(coarse.resize(shape, Image.Resampling.BICUBIC), np.int16)
    grain = rng.integers(-12, 13, image.shape, np.int16)
    return Image.fromarray(np.clip(image + grain, 0, 255).astype(np.uint8))


def _training(recipe: ContrastiveRecipe, folder: Path, device_name: str) -> Figures:
    case = f"training, {recipe.precision}, batch {recipe.batch_size}"
    samples = read_index(folder / "shards", "train")
    losses, rate = run_ours(recipe, folder / "shards", folder / "run", skip=WARM)
    theirs = run_open_clip(recipe, samples, every=recipe.steps, skip=WARM)
    peak = next((each for name, each in PEAKS.items() if name in device_name), None)
    per_sample = flops_of_a_sample(recipe)
    for system, own in ((OURS, rate), (THEIRS, theirs.rate(recipe.batch_size))):
        yield figure(case, system, "rate", own, "samples/s")
        yield figure(case, system, "arithmetic", own * per_sample / 1e12, "TFLOP/s")
        if peak:
            yield figure(case, system, "share of the GPU's peak", own * per_sample / peak)
    yield figure(case, OURS, "loss of the first step", losses[0])


def flops_of_a_sample(recipe: ContrastiveRecipe) -> float:
    """Return the floating-point operations of one sample, forward and backward, both towers."""
    network, _, tokenizer = build(recipe)
    many, size = 4, image_size(network)
    with FlopCounterMode(display=False) as counter:
        out = network(torch.zeros(many, 3, size, size), tokenizer(["a"] * many))
        (out["image_features"].sum() + out["text_features"].sum()).backward()
    return counter.get_total_flops() / many


def _embedding(sizes: Sizes, folder: Path) -> Figures:
    encoder = load(f"local-dir:{folder / 'run' / 'best'}", "torch")
    paths = sorted((folder / "photographs").iterdir())
    images = [Image.open(path).convert("RGB") for path in paths]
    batches = [images[n : n + sizes.batch] for n in range(0, len(images), sizes.batch)]
    encoder.encode_images(batches[0])  # warm

    def decoded() -> None:
        for batch in batches:
            encoder.encode_images(batch)

    case = f"embedding, batch {sizes.batch}"
    _, seconds = timed(decoded)
    yield figure(case, OURS, "pictures a second, decoded before", len(images) / seconds)
    _, seconds = timed(
        lambda: list(index_source(folder / "photographs", folder / "collection", encoder))
    )
    yield figure(case, OURS, "pictures a second, JPEGs to vectors on disk", len(images) / seconds)


if __name__ == "__main__":
    main()
