"""pybioclip's answers and times, in its own virtual environment; only where its files lie is ours.

python benchmarks/identify_pybioclip.py FOLDER writes FOLDER/pybioclip.json.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import torch
from bioclip import Rank, TreeOfLifeClassifier
from PIL import Image

FOLDER = Path(sys.argv[1])


class Local(TreeOfLifeClassifier):
    def get_cached_datafile(self, filename):
        return str(FOLDER / Path(filename).name)


def main():
    classifier = Local(model_str="ViT-B-16", pretrained_str=str(FOLDER / "random.pt"))
    photos = sorted(map(str, (FOLDER / "photos").iterdir()))
    found = {"times": {}, "cpu": {}}
    with torch.no_grad():
        pictures = [Image.open(photo).convert("RGB") for photo in photos]
        features = classifier.create_image_features(pictures)
        np.save(FOLDER / "features-pybioclip.npy", features.numpy())

    def measure(name, images, rank, batch, repeats):
        told = []
        for _ in range(repeats):
            start, cpu = time.perf_counter(), time.process_time()
            found[name] = classifier.predict(images, rank, batch_size=batch, callback=print_nothing)
            told.append((time.perf_counter() - start, time.process_time() - cpu))
        found["times"][name], found["cpu"][name] = map(min, zip(*told, strict=True))

    measure("files, species", photos, Rank.SPECIES, 10, 2)
    queries = torch.from_numpy(np.load(FOLDER / "queries.npy"))
    nothing = Image.new("RGB", (1, 1))
    classifier.create_image_features = lambda images: queries[: len(images)]
    for batch, repeats in ((1, 12), (10, 12), (256, 6)):
        measure(f"species, {batch}", [nothing] * batch, Rank.SPECIES, batch, repeats)
    measure("family, 3", [nothing] * 3, Rank.FAMILY, 3, 1)
    classifier.model.logit_scale.data.fill_(np.log(1 / 0.07))  # as open_clip begins: all are likely
    measure("family, flat, 1", [nothing], Rank.FAMILY, 1, 1)
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    (FOLDER / "pybioclip.json").write_text(json.dumps(found))


def print_nothing(*_):
    pass


if __name__ == "__main__":
    main()
