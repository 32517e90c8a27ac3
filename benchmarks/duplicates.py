"""How many copies of photographs an audit finds, by how they were changed, and what else it finds.

`python -m benchmarks.duplicates` needs a folder of bird photographs. Of ORIGINALS of them copies
are made, one for each change; all go into one collection, and the audit is asked for everything. A
copy counts as found where it is in one group with its original; any group with pictures of two
originals in it is a false one. Peers see the same files: a hash of imagehash within the distance
that imagededup takes by default, and the cosine at which an audit spoke of duplicates before.
"""

import json
import shutil
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from itertools import combinations
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageOps

from benchmarks.peers import prepared
from benchmarks.report import DATA, figure, timed, write_report
from indexer.ingest.indexing import index
from search.audit.findings import DUPLICATES
from search.collection import Collection, open_collection
from search.ranking.diversify import SAME

ORIGINALS, DISTANCE, SEED = 150, 10, 5
Change = Callable[[Image.Image, np.random.Generator], tuple[Image.Image, int]]
Flags = npt.NDArray[np.bool_]
_HASHES = """
import json, sys
from pathlib import Path
import imagehash
from PIL import Image
files = sorted(Path(sys.argv[1]).iterdir())
found = {file.name: [str(hash(Image.open(file))) for hash in (imagehash.phash, imagehash.dhash)]
         for file in files}
print(json.dumps(found))
"""


def _scaled(share: float) -> Change:
    return lambda image, _: (
        image.resize((round(image.width * share), round(image.height * share))),
        90,
    )


def _cropped(image: Image.Image, random: np.random.Generator) -> Image.Image:
    left, top = random.random(2) * 0.05
    width, height = image.size
    box = (left * width, top * height, (0.95 + left) * width, (0.95 + top) * height)
    left, top, right, bottom = (round(side) for side in box)
    return image.crop((left, top, right, bottom))


CHANGES: dict[str, Change] = {
    **{f"saved again, q{q}": (lambda image, _, q=q: (image, q)) for q in (90, 75, 50)},
    **{f"scaled to {share:.0%}": _scaled(share) for share in (0.9, 0.7, 0.5)},
    "grey": lambda image, _: (image.convert("L"), 90),
    "cropped by 5%": lambda image, random: (_cropped(image, random), 90),
    "mirrored": lambda image, _: (ImageOps.mirror(image), 90),
    "mirrored, cropped by 5%": lambda image, random: (
        _cropped(ImageOps.mirror(image), random),
        75,
    ),
    "scaled to 50%, grey, q50": lambda image, _: (
        image.resize((image.width // 2, image.height // 2)).convert("L"),
        50,
    ),
}


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        photographs, collection = Path(folder, "photographs"), Path(folder, "c")
        photographs.mkdir()
        changed = _write(photographs)
        index(photographs, collection, encoder="starter")
        figures = list(_figures(open_collection(collection), photographs, changed))
    write_report("duplicates", figures)


def _write(folder: Path) -> dict[str, tuple[str, str]]:
    """Write photographs and copies; return what each copy is of, and its change, by file name."""
    random = np.random.default_rng(SEED)
    paths = sorted((DATA / "birds" / "images").rglob("*.jpg"))
    for path in paths:
        shutil.copy2(path, folder / f"{path.parent.name}-{path.name}")
    changed = {}
    for place in random.choice(len(paths), ORIGINALS, replace=False).tolist():
        of = f"{paths[place].parent.name}-{paths[place].name}"
        with Image.open(folder / of) as opened:
            image = opened.convert("RGB")
        for number, (name, change) in enumerate(CHANGES.items()):
            made, quality = change(image, random)
            file = f"{Path(of).stem}-{number}.jpg"
            made.save(folder / file, "JPEG", quality=quality)
            changed[file] = (of, name)
    return changed


def _figures(
    collection: Collection, folder: Path, changed: dict[str, tuple[str, str]]
) -> Iterator[dict[str, object]]:
    findings, seconds = timed(lambda: collection.audit(DUPLICATES, k=len(collection)))
    groups: dict[str, list[str]] = {}
    for each in findings:
        groups.setdefault(each.cohort, []).append(each.hit.file_name)
    ours = [pair for files in groups.values() for pair in combinations(sorted(files), 2)]
    names = sorted(file.name for file in folder.iterdir())
    systems = {"taxalens": ours, **_peers(collection, folder, names)}
    for system, pairs in systems.items():
        found, wrong = set(pairs), 0
        for one, other in found:
            origins = [changed.get(each, (each, ""))[0] for each in (one, other)]
            wrong += origins[0] != origins[1]
            if system == "taxalens" and origins[0] != origins[1]:
                print("no planted pair:", one, other)
        for change in CHANGES:
            copies = [(of, file) for file, (of, what) in changed.items() if what == change]
            share = np.mean([tuple(sorted(pair)) in found for pair in copies])
            yield figure(f"{ORIGINALS} copies", system, change, float(share))
        case = f"{len(names):,} photographs and copies"
        yield figure(case, system, "pairs of other photographs", wrong)
    yield figure(case, "taxalens", "time of the audit", seconds, "s")


def _peers(
    collection: Collection, folder: Path, names: Sequence[str]
) -> dict[str, list[tuple[str, str]]]:
    """Return the pairs that a peer finds, by peer."""
    files = [Path(each).name for each in collection.to_arrow()["source_id"].to_pylist()]
    vectors = collection.vectors()[np.argsort(files)].astype(np.float32)
    peers = {f"cosine of {SAME}": _pairs(names, lambda some: vectors[some] @ vectors.T >= SAME)}
    python = prepared("imagehash")
    if isinstance(python, str):
        print(f"imagehash: {python}")
        return peers
    command = [str(python), "-c", _HASHES, str(folder)]
    hashes = json.loads(subprocess.run(command, capture_output=True, check=True).stdout)
    for number, name in enumerate(("phash", "dhash")):
        bits = np.array([int(hashes[each][number], 16) for each in names], np.uint64)
        peers[f"imagehash, {name}"] = _pairs(names, lambda some, bits=bits: _close(bits, some))
    return peers


def _close(bits: npt.NDArray[np.uint64], some: slice) -> Flags:
    close: Flags = np.bitwise_count(bits[some, None] ^ bits) <= DISTANCE
    return close


def _pairs(names: Sequence[str], same: Callable[[slice], Flags]) -> list[tuple[str, str]]:
    found = []
    for start in range(0, len(names), 512):
        ones, others = np.nonzero(same(slice(start, start + 512)))
        kept = ones + start < others
        found += zip((ones[kept] + start).tolist(), others[kept].tolist(), strict=True)
    return [(names[one], names[other]) for one, other in found]


if __name__ == "__main__":
    main()
