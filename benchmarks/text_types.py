"""BioCLIP's claim in small: mixed text types are as good as each alone, asked in other types.

`python -m benchmarks.text_types` trains `training/recipes/tiny.toml` on drawn organisms, once with
mixed text types and once with each alone, and asks all of them in all types (zero-shot top-1 on
pictures that no run has seen). Minutes on two cores; `docs/benchmarks` gets the table.
"""

import io
import tempfile
from collections.abc import Iterator
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.report import figure, timed, write_report
from model.encoder import Encoder, load
from model.text_types import TRAINED_TYPES
from training.contrastive.drawn import write_drawn
from training.contrastive.recipe import PER_SAMPLE, read_contrastive_recipe
from training.contrastive.shards import Sample, read_image, read_index
from training.contrastive.train import train

RECIPE = Path(str(files("training") / "recipes" / "tiny.toml"))
TYPES = tuple(map(str, TRAINED_TYPES))


def main() -> None:
    figures: list[dict[str, object]] = []
    with tempfile.TemporaryDirectory() as folder:
        data = Path(folder) / "shards"
        write_drawn(data)
        asked = read_index(data, "val")
        recipe = read_contrastive_recipe(RECIPE)
        for trained in (PER_SAMPLE, *TYPES):
            run = Path(folder) / trained
            own = replace(recipe, text_type=trained)
            steps, seconds = timed(lambda own=own, run=run: list(train(own, data, run)))
            system = f"trained on {trained}"
            for text_type, accuracy in accuracies(load(f"local-dir:{run / 'best'}"), asked):
                figures.append(figure(f"asked in {text_type}", system, "top-1", accuracy))
                print(trained, text_type, f"{accuracy:.3f}", flush=True)
            figures.append(figure("training", system, "duration", seconds, "s"))
            print(trained, f"{seconds:.0f} s, loss {steps[-1].loss:.3f}", flush=True)
    write_report("text-types", figures)


def accuracies(encoder: Encoder, asked: list[Sample]) -> Iterator[tuple[str, float]]:
    """Yield zero-shot top-1 over all species by each text type."""
    pictures = [Image.open(io.BytesIO(read_image(sample))).convert("RGB") for sample in asked]
    images = encoder.encode_images(pictures).astype(np.float32)
    names = np.array([sample.texts["taxon_com"] for sample in asked])
    _, firsts, truth = np.unique(names, return_index=True, return_inverse=True)
    for text_type in TYPES:
        prompts = [asked[place].texts[text_type] for place in firsts]
        scores = images @ encoder.encode_texts(prompts).astype(np.float32).T
        yield text_type, float((scores.argmax(axis=1) == truth).mean())


if __name__ == "__main__":
    main()
