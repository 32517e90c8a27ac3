"""Drawn organisms whose looks follow their tree: real enough to train on for minutes, all our own.

Alone, or beside shards of photographs such as the demo's.

A class has a body, an order a ground colour, a family a pattern, a genus a head, a species a shade.
"""

import colorsys
import io
import random
import shutil
from collections.abc import Iterator
from itertools import product
from pathlib import Path

from PIL import Image, ImageDraw

from model.taxon import Taxon
from training.contrastive.shards import SPLITS, write_shards

SIZE = 48  # pixels
_CLASSES, _ORDERS, _FAMILIES, _GENERA, _SPECIES = 2, 3, 2, 2, 2
_STEMS = ("bar", "cel", "dor", "fen", "gul", "hir", "jav", "kor", "lum", "mel", "nor", "pal")
_ENDS = ("ax", "eth", "ile", "onn", "ura", "ysa", "ive", "ock")
_FIRST = ("red", "lone", "swift", "pale", "river", "stone", "amber", "north", "crested", "little")
_SECOND = ("tumbler", "glider", "weaver", "hopper", "diver", "skimmer", "runner", "drummer")


def taxa() -> list[Taxon]:
    """Return the 48 species of the drawn tree; no name, and no word of a common name, means it."""
    rng = random.Random(0)
    names = [stem + end for stem in _STEMS for end in _ENDS]
    rng.shuffle(names)
    common = [f"{first} {second}" for first in _FIRST for second in _SECOND]
    rng.shuffle(common)
    found: list[Taxon] = []
    shapes = product(*map(range, (_CLASSES, _ORDERS, _FAMILIES, _GENERA, _SPECIES)))
    named: dict[tuple[int, ...], str] = {}
    for shape in shapes:
        ranks = [named.setdefault(shape[: depth + 1], names[len(named)]) for depth in range(5)]
        lineage = ["Animalia", "Chordata", *(name.capitalize() for name in ranks[:4])]
        found.append(Taxon.from_ranks([*lineage, ranks[4]], common[len(found)]))
    return found


def draw(species: int, seed: int) -> Image.Image:
    """Draw an individual of a species: (SIZE, SIZE) RGB, its place, size and shade its own."""
    rng = random.Random(f"{species}/{seed}")
    rest, own = divmod(species, _SPECIES)
    rest, genus = divmod(rest, _GENERA)
    rest, family = divmod(rest, _FAMILIES)
    body, order = divmod(rest, _ORDERS)
    hue = order / _ORDERS + rng.gauss(0, 0.02)
    light = (0.45, 0.85)[own] + rng.gauss(0, 0.05)
    colour = _rgb(hue, 0.8, light)
    ground = tuple(rng.randrange(90, 150) for _ in range(3))
    image = Image.new("RGB", (SIZE, SIZE), ground)
    canvas = ImageDraw.Draw(image)
    x, y = SIZE / 2 + rng.uniform(-5, 5), SIZE / 2 + rng.uniform(-5, 5)
    r = rng.uniform(11, 16)
    wide, high = (r, r * 0.6) if body else (r * 0.8, r)
    box = (x - wide, y - high, x + wide, y + high)
    (canvas.ellipse if body else canvas.rectangle)(box, fill=colour)
    dark = _rgb(hue, 0.9, light * 0.4)
    for line in range(-2, 3):  # stripes or spots
        place = x + line * wide / 3
        if family:
            canvas.line((place, y - high * 0.6, place, y + high * 0.6), fill=dark, width=2)
        else:
            canvas.ellipse((place - 2, y - 2, place + 2, y + 2), fill=dark)
    head = (x - 3, y - high - 7, x + 3, y - high)
    if genus:
        canvas.ellipse(head, fill=colour, outline=dark)
    else:
        canvas.polygon([(x - 4, y - high), (x + 4, y - high), (x, y - high - 8)], fill=dark)
    return image


def write_drawn(folder: Path, train: int = 24, val: int = 8) -> None:
    """Write shards of drawn organisms, so many individuals of each species in each split."""
    for split, many, first in zip(SPLITS, (train, val), (0, train), strict=True):
        write_shards(_drawn(split, first, many), folder / split)


def drawn_shards(folder: Path, beside: Path | None = None) -> Path:
    """Return a folder of shards of drawn organisms, which is made where it is missing.

    The shards of another folder, `beside`, such as those of the demo's photographs, are copied into
    it: a run trains on both.
    """
    if folder.is_dir():
        return folder
    part = folder.with_name(f"{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)  # of a run that was stopped here
    write_drawn(part)
    if beside:
        for split in SPLITS:
            for shard in sorted((beside / split).glob("*.tar")):
                shutil.copy2(shard, part / split / f"beside-{shard.name}")
    part.rename(folder)
    return folder


def _drawn(split: str, first: int, many: int) -> Iterator[tuple[str, bytes, Taxon]]:
    known = taxa()
    for seed in range(first, first + many):
        for species, taxon in enumerate(known):
            file = io.BytesIO()
            draw(species, seed).save(file, "JPEG", quality=92)
            yield f"{split}-{species:02d}-{seed:04d}", file.getvalue(), taxon


def _rgb(hue: float, saturation: float, value: float) -> tuple[int, int, int]:
    red, green, blue = colorsys.hsv_to_rgb(hue % 1, saturation, min(1.0, max(0.0, value)))
    return int(255 * red), int(255 * green), int(255 * blue)
