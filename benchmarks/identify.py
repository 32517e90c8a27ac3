"""Zero-shot identification among 400,000 real taxa, beside pybioclip with the same weights.

`python -m benchmarks.identify` makes a ViT-B/16 with random weights and text vectors once
(`identify_gallery.py`). Each system answers in a process and an environment of its own; pybioclip
by its own `predict`, whose files are only looked up elsewhere. What is scored "after the encoder"
are 256 made-up image vectors. `CPU ms` is CPU time an image, of all threads together.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks import identify_precision
from benchmarks.identify_gallery import PHOTOS, prepare
from benchmarks.peers import FOLDER, prepared
from benchmarks.report import ROOT, figure, write_report

TAXA = 400_000
OURS, PEER = "taxalens", "pybioclip"
FAMILY_PHOTOS = 3  # pybioclip takes many seconds for each
Told = dict[str, Any]
Figures = Iterator[dict[str, object]]


def main() -> None:
    folder = FOLDER / "identify" / str(TAXA)
    if not (folder / "photos").exists():
        prepare(folder, TAXA)
    peer = prepared(PEER)
    if isinstance(peer, str):
        raise SystemExit(f"{PEER} {peer}")
    script = ROOT / "benchmarks" / "identify_pybioclip.py"
    if not (folder / f"{PEER}.json").exists():
        _run([str(peer), "-P", str(script), str(folder)], "")
    _run([sys.executable, "-m", "benchmarks.identify_taxalens", str(folder)], str(ROOT))
    theirs, ours = (json.loads((folder / f"{name}.json").read_text()) for name in (PEER, OURS))
    figures = [*_same(theirs, ours), *_speed(theirs, ours), *identify_precision.measure()]
    write_report("identify", figures)


def _run(command: list[str], path: str) -> None:
    subprocess.run(command, env={**os.environ, "PYTHONPATH": path}, cwd=ROOT, check=True)


def _speed(theirs: Told, ours: Told) -> Figures:
    for clock, metric, scale in (("times", "ms an image", 1000), ("cpu", "CPU ms an image", 1000)):
        for batch in (1, 10, 256):
            case = f"{TAXA} taxa, after the encoder, species, batch of {batch}"
            for kind in ("float32", "bfloat16"):
                spent = ours[clock][f"species, {kind}, {batch}"] / batch
                yield figure(case, f"{OURS}, {kind}", metric, spent * scale)
                told = theirs[clock][f"species, {batch}"] / batch
                if kind == "bfloat16":
                    yield figure(case, PEER, metric, told * scale)
                yield figure(case, f"{OURS}, {kind}", f"{metric}: times as fast", told / spent)
        for level in ("family", "all ranks"):
            case = f"{TAXA} taxa, after the encoder, {level}, batch of 256 ({PEER}: family, of 3)"
            told = theirs[clock]["family, 3"] / FAMILY_PHOTOS
            flat = theirs[clock].get("family, flat, 1", 0)
            yield figure(case, PEER, metric, told * scale)
            yield figure(case, PEER, f"{metric}, where all taxa are likely", flat * scale)
            for kind in ("float32", "bfloat16"):
                spent = ours[clock][f"{level}, {kind}, 256"] / 256
                yield figure(case, f"{OURS}, {kind}", metric, spent * scale)
                yield figure(case, f"{OURS}, {kind}", f"{metric}: times as fast", told / spent)
                likely = f"{metric}, where all taxa are likely: times as fast"
                yield figure(case, f"{OURS}, {kind}", likely, flat / spent)
        case = f"{TAXA} taxa, {PHOTOS} files to answers ({PEER}: species only)"
        told = theirs[clock]["files, species"] / PHOTOS
        yield figure(case, PEER, metric, told * scale)
        for kind in ("float32", "bfloat16"):
            spent = ours[clock][f"files, {kind}"] / PHOTOS
            yield figure(case, f"{OURS}, {kind}", metric, spent * scale)
            yield figure(case, f"{OURS}, {kind}", f"{metric}: times as fast", told / spent)
    yield figure(f"{TAXA} taxa", PEER, "peak memory, GB", theirs["memory"])
    yield figure(f"{TAXA} taxa", f"{OURS}, bfloat16", "peak memory, GB", ours["memory"])


def _same(theirs: Told, ours: Told) -> Figures:
    """Compare the answers: to vectors, and to photos by the same weights and preprocessing."""
    for case, they, we in (
        ("256 vectors", "species, 256", "species, float32, 256"),
        ("256 vectors, bfloat16", "species, 256", "species, bfloat16, 256"),
        (f"{PHOTOS} photos, their vectors", "files, species", "pictures, float32"),
        (f"{PHOTOS} photos, our runtime", "files, species", "files, float32"),
    ):
        told = [(row["species"], row["score"]) for row in theirs[they]]
        yield from _agreement(case, told, ours[we]["taxa"])
    told = [(row["family"], row["score"]) for row in theirs["family, 3"]]
    yield from _agreement("3 vectors, family", told, ours["family, float32, 256"]["family"])


def _agreement(case: str, told: list[tuple[str, float]], found: list[Any]) -> Figures:
    size = len(found[0])
    pairs = list(zip(range(0, len(told), size), found, strict=False))
    same = [[name for name, _ in told[at : at + size]] == [n for n, _ in we] for at, we in pairs]
    off = [
        abs(s - t)
        for at, we in pairs
        for (_, s), (_, t) in zip(told[at : at + size], we, strict=True)
    ]
    yield figure(f"answers: {case}", OURS, f"same top-{size}, in order", float(np.mean(same)))
    yield figure(f"answers: {case}", OURS, "probabilities differ by at most", max(off))


if __name__ == "__main__":
    main()
