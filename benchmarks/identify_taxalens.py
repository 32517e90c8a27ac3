"""taxalens' answers and times on what benchmarks/identify.py prepared, in a process of its own.

python -m benchmarks.identify_taxalens FOLDER writes FOLDER/taxalens.json.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from indexer.inputs.decoding import decode
from model.clip_encoder import ClipEncoder
from model.open_clip_models import from_network
from search.zero_shot.candidates import Candidates, candidates_of
from search.zero_shot.scoring import Scored, score

FOLDER = Path(sys.argv[1])
BATCH = 32
REPEATS = {1: 12, 10: 12, 256: 6}


def main() -> None:
    plain = candidates_of(np.load(FOLDER / "texts.npy"), pq.read_table(FOLDER / "taxa.parquet"))
    found: dict[str, Any] = {"times": {}, "cpu": {}}
    encoder = _encoder("auto")
    photos = sorted((FOLDER / "photos").iterdir())
    queries, theirs = np.load(FOLDER / "queries.npy"), np.load(FOLDER / "features-pybioclip.npy")

    def measure(name: str, work: Callable[[], Scored], of: Candidates, repeats: int = 4) -> None:
        told = []
        for _ in range(repeats):
            start, cpu = time.perf_counter(), time.process_time()
            scored = work()
            told.append((time.perf_counter() - start, time.process_time() - cpu))
        found["times"][name], found["cpu"][name] = map(min, zip(*told, strict=True))
        found[name] = _answers(scored, of)

    def measure_all(kind: str, of: Candidates) -> None:
        for batch in (1, 10, 256):
            scored = partial(score, queries[:batch], of, levels=[])
            measure(f"species, {kind}, {batch}", scored, of, REPEATS[batch])
        measure(f"all ranks, {kind}, 256", lambda: score(queries, of), of)
        family = ["family"]
        measure(f"family, {kind}, 256", lambda: score(queries, of, levels=family), of)
        flat = f"family, flat, {kind}, 256"
        measure(flat, lambda: score(queries, of, levels=family, scale=1 / 0.07), of)
        _answer(photos[:1], encoder, of)
        measure(f"files, {kind}", lambda: _answer(photos, encoder, of), of)
        found[f"pictures, {kind}"] = _answers(score(theirs, of), of)

    measure_all("float32", plain)
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    (FOLDER / "taxalens.json").write_text(json.dumps(found))


def _answer(photos: Sequence[Path], encoder: ClipEncoder, candidates: Candidates) -> Scored:
    images = [decode(photo.read_bytes()).image for photo in photos]
    parts = [images[start : start + BATCH] for start in range(0, len(images), BATCH)]
    return score(np.concatenate([encoder.encode_images(part) for part in parts]), candidates)


def _encoder(runtime: str) -> ClipEncoder:
    import open_clip

    network = open_clip.create_model("ViT-B-16", pretrained=str(FOLDER / "random.pt"))
    return from_network("random", network, open_clip.get_tokenizer("ViT-B-16"), runtime)


def _answers(scored: Scored, candidates: Candidates) -> dict[str, Any]:
    """Return for each image its best species, and clades, with their probabilities."""
    best = scored.taxa
    told: dict[str, Any] = {
        "taxa": [
            [[candidates.taxon(place).at("species"), float(share)] for place, share in pairs]
            for pairs in map(zip, best.numbers, best.probabilities)
        ]
    }
    for level, clades in scored.clades.items():
        told[level] = [
            [[candidates.clade(level, number).name, float(share)] for number, share in pairs]
            for pairs in map(zip, clades.numbers, clades.probabilities)
        ]
    return told


if __name__ == "__main__":
    main()
