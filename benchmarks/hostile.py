"""Ten thousand good and a thousand malformed files: does a run end, and what do kills cost?

python -m benchmarks.hostile

For root no file is unreadable; this takes that right away:
setpriv --bounding-set=-all --inh-caps=-all python -m benchmarks.hostile
"""

import io
import os
import random
import resource
import signal
import struct
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
from PIL import Image

from benchmarks.report import figure, write_report
from indexer.catalog.snapshot import open_snapshot

GOOD, BAD, KILLS = 10_000, 1_000, 20
OURS = "taxalens"
Figures = Iterator[dict[str, object]]


def main() -> None:
    work = Path(tempfile.mkdtemp(prefix="taxalens-hostile-"))
    photos = work / "photos"
    write_good(photos)
    bad = write_bad(photos)
    whole, interrupted = work / "whole", work / "interrupted"
    seconds, peak = index(photos, whole)
    killed = index_with_kills(photos, interrupted, seconds)
    case = f"{GOOD:,} good and {bad:,} malformed files"
    figures = [figure(case, OURS, "peak memory", peak, "MB"), *statuses(case, whole)]
    case = f"the same, killed {killed} times at random"
    write_report("hostile", [*figures, *compare(case, whole, interrupted)])


def write_good(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for number in range(GOOD):
        place = folder / f"good{number // 500:02}"
        place.mkdir(parents=True, exist_ok=True)
        small = Image.fromarray(rng.integers(0, 256, (6, 8, 3), np.uint8))
        small.resize((160, 120), Image.Resampling.BICUBIC).save(place / f"{number:05}.jpg")


def write_bad(folder: Path) -> int:
    """Write malformed files of every kind in turn, each with other bytes; return how many."""
    place = folder / "bad"
    place.mkdir()
    kinds = list(special_files(place)) + list(KINDS)
    for number in range(BAD):
        kinds[number % len(kinds)](place / f"{number:04}.jpg", random.Random(number))
    return sum(1 for path in place.rglob("*") if not path.is_dir() or path.is_symlink())


def jpeg(rng: random.Random, **options: object) -> bytes:
    pixels = np.frombuffer(rng.randbytes(96 * 64 * 3), np.uint8).reshape(64, 96, 3)
    buffer = io.BytesIO()
    Image.fromarray(pixels).save(buffer, "JPEG", **options)
    return buffer.getvalue()


def png_claiming(width: int, height: int, extra: bytes = b"") -> bytes:
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"zTXt", extra),
        (b"IDAT", zlib.compress(bytes(100))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def mutated(data: bytes, rng: random.Random) -> bytes:
    changed = bytearray(data)
    for _ in range(200):
        changed[rng.randrange(2, 600)] = rng.randrange(256)
    return bytes(changed)


def _content(make: Callable[[random.Random], bytes]) -> Callable[[Path, random.Random], None]:
    return lambda path, rng: path.write_bytes(make(rng)) and None


KINDS = [
    _content(make)
    for make in (
        lambda rng: jpeg(rng)[: 300 + rng.randrange(3000)],
        lambda rng: jpeg(rng, progressive=True)[: 300 + rng.randrange(3000)],
        lambda rng: b"",
        lambda rng: b"<html>%d not found</html>" % rng.randrange(10**6),
        lambda rng: rng.randbytes(5000),
        lambda rng: mutated(jpeg(rng), rng),
        lambda rng: png_claiming(30_000, 30_000 + rng.randrange(100)),
        lambda rng: png_claiming(65_500, 1 + rng.randrange(3)),
        lambda rng: png_claiming(64, 64, b"k\0\0" + zlib.compress(bytes(10**7), 9)),
        lambda rng: b"II*\0" + struct.pack("<IH", 8, 65535) + rng.randbytes(2000),
        lambda rng: b"GIF89a" + rng.randbytes(300),
        lambda rng: b"RIFF" + rng.randbytes(4) + b"WEBPVP8 " + rng.randbytes(300),
        lambda rng: b"BM" + rng.randbytes(300),
        lambda rng: b"\0\0\0\x18ftypheic" + rng.randbytes(300),
        lambda rng: jpeg(rng)[:2] + b"\xff\xe1\xff\xff" + rng.randbytes(500),
    )
]


def special_files(folder: Path) -> Iterator[Callable[[Path, random.Random], None]]:
    def unreadable(path: Path, rng: random.Random) -> None:
        path.write_bytes(jpeg(rng))
        path.chmod(0)

    def huge(path: Path, rng: random.Random) -> None:
        with path.open("wb") as file:
            file.truncate((1 << 30) + rng.randrange(1000))

    def odd_name(path: Path, rng: random.Random) -> None:
        names = ["=cmd", "<script>alert(1)</script>".replace("/", ""), "a\nb", "é" * 100, "e\u0301"]
        name = f"{rng.choice(names)}{path.name}".encode()
        Path(os.fsdecode(os.fsencode(folder) + b"/" + name)).write_bytes(b"no picture")

    yield unreadable
    yield huge
    yield odd_name
    yield lambda path, rng: path.symlink_to(path)
    yield lambda path, rng: path.symlink_to(folder / "gone.jpg")
    yield lambda path, rng: os.mkfifo(path)
    yield lambda path, rng: path.with_name(f"._{path.name}").write_bytes(b"\0\5\x16\7") and None
    yield lambda path, rng: Path(
        os.fsdecode(os.fsencode(path.with_suffix("")) + b"\xe9.jpg")
    ).touch()


def command(photos: Path, collection: Path) -> list[str]:
    source = ["index", str(photos), "-c", str(collection), "--encoder", "starter"]
    return [sys.executable, "-m", "ui.cli", *source]


def index(photos: Path, collection: Path) -> tuple[float, float]:
    start = time.monotonic()
    subprocess.run(command(photos, collection), check=True, stderr=subprocess.DEVNULL)
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / 1024
    return time.monotonic() - start, peak


def index_with_kills(photos: Path, collection: Path, seconds: float) -> int:
    """Index, killed with SIGKILL at random moments; return how many kills met a run."""
    rng, met = random.Random(1), 0
    for _ in range(KILLS):
        process = subprocess.Popen(command(photos, collection), stderr=subprocess.DEVNULL)
        try:
            process.wait(rng.uniform(2, 2 + seconds / KILLS * 2))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            met += 1
    index(photos, collection)
    return met


def statuses(case: str, collection: Path) -> Figures:
    with open_snapshot(collection) as snapshot:
        rows = snapshot.query("SELECT status, count(*) FROM inputs GROUP BY 1 ORDER BY 1")
        reasons = snapshot.query(
            "SELECT regexp_replace(reason, '[0-9(].*', ''), count(*) FROM inputs "
            "WHERE status = 'failed' GROUP BY 1 ORDER BY 2 DESC"
        )
    yield figure(case, OURS, "status rows", sum(count for _, count in rows))
    for status, count in rows:
        yield figure(case, OURS, status, count)
    for reason, count in reasons:
        yield figure(case, OURS, f"failed: {reason.strip()}", count)


def compare(case: str, whole: Path, interrupted: Path) -> Figures:
    one, other = _content_of(whole), _content_of(interrupted)
    both = one[1].keys() & other[1].keys()
    yield figure(case, OURS, "inputs with another status", len(set(one[0]) ^ set(other[0])))
    yield figure(case, OURS, "images lost", len(one[1].keys() - other[1].keys()))
    yield figure(case, OURS, "images too many", len(other[1].keys() - one[1].keys()))
    least = min(cosine(one[1][key], other[1][key]) for key in both)
    yield figure(case, OURS, "least cosine of a vector", least)
    same = sum(np.array_equal(one[1][key], other[1][key]) for key in both)
    yield figure(case, OURS, "vectors the same to the bit", same)


def cosine(one: np.ndarray, other: np.ndarray) -> float:
    one, other = one.astype(float), other.astype(float)
    return float(one @ other / np.linalg.norm(one) / np.linalg.norm(other))


def _content_of(collection: Path) -> tuple[list[tuple[object, ...]], dict[str, np.ndarray]]:
    with open_snapshot(collection) as snapshot:
        inputs = snapshot.query("SELECT source_id, status, reason, image_id FROM inputs")
        vectors = np.concatenate(snapshot.vectors())
        rows = snapshot.query('SELECT image_id, "row" FROM images')
    assert len({row for _, row in rows}) == len(rows)
    return inputs, {image_id: vectors[row] for image_id, row in rows}


if __name__ == "__main__":
    main()
