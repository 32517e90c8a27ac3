"""Zero-shot identification among 400,000 real taxa, beside pybioclip with the same weights.

`python -m benchmarks.identify` makes a ViT-B/16 with random weights and text vectors once
(`identify_gallery.py`). Each system answers in a process and an environment of its own; pybioclip
by its own `predict`, whose files are only looked up elsewhere. What is scored "after the encoder"
are 256 made-up image vectors. `CPU ms` is processor time an image, with one thread for products in
either; only our encoder runs on all cores.
"""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np

from benchmarks.identify_gallery import PHOTOS, prepare
from benchmarks.peers import FOLDER, prepared
from benchmarks.report import ROOT, figure, write_report

TAXA = 400_000
OURS, PEER = "taxalens", "pybioclip"
KINDS = ("float32",)
TIED = 1e-5
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
    figures = [*_speed(theirs, ours), *_same(theirs, ours)]
    write_report("identify", figures)


def _run(command: list[str], path: str) -> None:
    own = {"PYTHONPATH": path, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    subprocess.run(command, env={**os.environ, **own}, cwd=ROOT, check=True)


def _speed(theirs: Told, ours: Told) -> Figures:
    for batch in (1, 10, 256):
        case = f"{TAXA} taxa, after the encoder, species, batch of {batch}"
        told = theirs["cpu"][f"species, {batch}"] / batch
        spent = {kind: ours["cpu"][f"species, {kind}, {batch}"] / batch for kind in KINDS}
        yield from _beside(case, "CPU ms an image", told, spent)
    for level in ("family", "all ranks"):
        case = f"{TAXA} taxa, after the encoder, {level}, batch of 256"
        spent = {kind: ours["cpu"][f"{level}, {kind}, 256"] / 256 for kind in KINDS}
        told = theirs["cpu"]["family, 3"] / FAMILY_PHOTOS
        yield from _beside(f"{case} ({PEER}: family, of 3)", "CPU ms an image", told, spent)
        flat = theirs["cpu"]["family, flat, 1"]
        if level == "family":
            likely = {kind: ours["cpu"][f"family, flat, {kind}, 256"] / 256 for kind in KINDS}
            case = f"the same, where all taxa are likely ({PEER}: of 1)"
            yield from _beside(case, "CPU ms an image", flat, likely)
    for clock, metric in (("cpu", "CPU ms an image"), ("times", "wall ms an image")):
        case = f"{TAXA} taxa, {PHOTOS} files to answers of all ranks ({PEER}: species)"
        spent = {kind: ours[clock][f"files, {kind}"] / PHOTOS for kind in KINDS}
        yield from _beside(case, metric, theirs[clock]["files, species"] / PHOTOS, spent)
    yield figure(f"{TAXA} taxa", f"{OURS}, float32", "peak memory", ours["memory"], "GB")
    yield figure(f"{TAXA} taxa", PEER, "peak memory", theirs["memory"], "GB")


def _beside(case: str, metric: str, told: float, spent: dict[str, float]) -> Figures:
    for kind, seconds in spent.items():
        yield figure(case, f"{OURS}, {kind}", metric, seconds * 1000)
        yield figure(case, f"{OURS}, {kind}", f"{metric}: times as fast", told / seconds)
    yield figure(case, PEER, metric, told * 1000)


def _same(theirs: Told, ours: Told) -> Figures:
    """Compare the answers: to vectors, and to photos by the same weights and preprocessing."""
    for kind, case, they, we in (
        ("float32", "256 vectors", "species, 256", "species, float32, 256"),
        ("float32", f"{PHOTOS} photos, their vectors", "files, species", "pictures, float32"),
        ("float32", f"{PHOTOS} photos, our encoder", "files, species", "files, float32"),
    ):
        told = [(row["species"], row["score"]) for row in theirs[they]]
        yield from _agreement(case, kind, told, ours[we]["taxa"])
    told = [(row["family"], row["score"]) for row in theirs["family, 3"]]
    for kind in KINDS:
        found = ours[f"family, {kind}, 256"]["family"]
        yield from _agreement("3 vectors, family", kind, told, found)


def _agreement(case: str, kind: str, told: list[tuple[str, float]], found: list[Any]) -> Figures:
    size = len(found[0])
    pairs = [
        [(*they, *we) for they, we in zip(told[at : at + size], best, strict=True)]
        for at, best in zip(range(0, len(told), size), found, strict=False)
    ]
    rows = {
        f"same top-{size}, in order": lambda a, s, b, t: a == b,
        f"same top-{size}, or as likely to {TIED}": lambda a, s, b, t: a == b or abs(s - t) < TIED,
    }
    for metric, same in rows.items():
        share = float(np.mean([all(same(*each) for each in image) for image in pairs]))
        yield figure(f"answers: {case}", f"{OURS}, {kind}", metric, share)
    most = max(abs(s - t) for image in pairs for _, s, _, t in image)
    yield figure(f"answers: {case}", f"{OURS}, {kind}", "probabilities × 1e6 differ by", most * 1e6)


if __name__ == "__main__":
    main()
