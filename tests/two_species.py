"""A lion and a magpie: their lineages, and pictures that stand for them by colour."""

import csv
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from PIL import Image

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
TAXA = {
    "gold": ("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Panthera", "leo"),
    "navy": ("Animalia", "Chordata", "Aves", "Passeriformes", "Corvidae", "Pica", "hudsonia"),
}


def lineage(colour: str) -> tuple[str, ...]:
    """Return the names at the seven ranks."""
    *above, genus, epithet = TAXA[colour]
    return (*above, genus, f"{genus} {epithet}")


def picture(colour: str, number: int) -> Image.Image:
    """Return a picture with a white part as large as its number."""
    drawn = Image.new("RGB", (96, 96), colour)
    drawn.paste("white", (4, 4, 8 + 3 * number, 9 + 2 * number))
    return drawn


def draw(path: Path, colour: str, number: int) -> None:
    """Write a picture, and the folder that it is in."""
    path.parent.mkdir(parents=True, exist_ok=True)
    picture(colour, number).save(path)


def write_labels(path: Path, header: Iterable[str], lines: Iterable[Iterable[Any]]) -> None:
    """Write a label file: file_name, the seven ranks, and the columns of a header."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("file_name", *RANKS, *header))
        table.writerows(lines)
