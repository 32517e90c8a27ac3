"""taxalens' answers and times on what benchmarks/identify.py prepared, in a process of its own.

python -m benchmarks.identify_taxalens FOLDER writes FOLDER/taxalens.json.
"""

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from indexer.decoding import decode
from model.clip_encoder import ClipEncoder
from model.open_clip_models import from_network
from search.zero_shot.candidates import Candidates, candidates_of, quickened
from search.zero_shot.scoring import Scored, score

FOLDER = Path(sys.argv[1])
BATCH = 32


def main() -> None:
    plain = candidates_of(np.load(FOLDER / "texts.npy"), pq.read_table(FOLDER / "taxa.parquet"))
    start = time.perf_counter()
    quick = quickened(plain)
    found: dict[str, Any] = {"times": {"quickened": time.perf_counter() - start}, "cpu": {}}
    encoder = _encoder("auto")
    photos = sorted((FOLDER / "photos").iterdir())

    def measure(name: str, work: Callable[[], Scored], of: Candidates) -> None:
        told = []
        for _ in range(3):
            start, cpu = time.perf_counter(), time.process_time()
            scored = work()
            told.append((time.perf_counter() - start, time.process_time() - cpu))
        found["times"][name], found["cpu"][name] = map(min, zip(*told, strict=True))
        found[name] = _answers(scored, of)

    queries = np.load(FOLDER / "queries.npy")
    for kind, candidates in (("float32", plain), ("bfloat16", quick)):
        for batch in (1, 10, 256):
            some = queries[:batch]
            name = f"{kind}, {batch}"
            measure(f"species, {name}", _scoring(some, candidates, []), candidates)
            measure(f"all ranks, {name}", _scoring(some, candidates, None), candidates)
            measure(f"family, {name}", _scoring(some, candidates, ["family"]), candidates)
    for kind, candidates in (("float32", plain), ("bfloat16", quick)):
        _answer(photos[:1], encoder, candidates)
        measure(f"files, {kind}", _answering(photos, encoder, candidates), candidates)
    theirs = np.load(FOLDER / "features-pybioclip.npy")
    found["pictures, float32"] = _answers(score(theirs, plain), plain)
    found["memory"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
    (FOLDER / "taxalens.json").write_text(json.dumps(found))


def _scoring(
    images: Any, candidates: Candidates, levels: Sequence[str] | None
) -> Callable[[], Scored]:
    return lambda: score(images, candidates, levels=levels)


def _answering(
    photos: Sequence[Path], encoder: ClipEncoder, candidates: Candidates
) -> Callable[[], Scored]:
    return lambda: _answer(photos, encoder, candidates)


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
