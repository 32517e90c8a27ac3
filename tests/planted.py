"""A collection of planted groups: pictures of a colour are one species, at one place and time."""

import csv
import random
from pathlib import Path
from typing import NamedTuple

from PIL import Image, ImageDraw

import taxalens
from model.encoder import Encoder

RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
CATS = ("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Panthera")
CROWS = ("Animalia", "Chordata", "Aves", "Passeriformes", "Corvidae", "Pica")
BEETLES = ("Animalia", "Arthropoda", "Insecta", "Coleoptera", "Carabidae", "Carabus")


class Group(NamedTuple):
    lineage: tuple[str, ...]
    category: str
    latitude: float
    longitude: float
    year: int


GROUPS = {
    "gold": Group((*CATS, "Panthera leo"), "VU", -2.3456, 34.8765, 2019),
    "navy": Group((*CROWS, "Pica hudsonia"), "LC", 45.5123, -110.3456, 2021),
    "lime": Group((*BEETLES, "Carabus auratus"), "", 48.1234, 11.5678, 2021),
}
EACH = 6  # pictures of a colour; the last has no label


def plant(root: Path, encoder: Encoder | str, each: int = EACH) -> Path:
    """Index the groups; "gold3.png" is one of the first."""
    chance = random.Random(0)
    (root / "photos").mkdir(parents=True)
    with (root / "labels.csv").open("w", newline="") as file:
        lines = csv.writer(file)
        lines.writerow(
            (
                *("file_name", *RANKS, "iucnRedListCategory", "eventDate"),
                *("decimalLatitude", "decimalLongitude", "weight"),
            )
        )
        for colour, group in GROUPS.items():
            for number in range(each):
                picture = Image.new("RGB", (64, 48), colour)
                corner = (chance.randrange(50), chance.randrange(40))
                drawing = ImageDraw.Draw(picture)
                drawing.rectangle((*corner, corner[0] + 9, corner[1] + 7), fill="grey")
                picture.save(root / "photos" / f"{colour}{number}.png")
                labelled = group.lineage if number < each - 1 else ("",) * 7
                place = (group.latitude, group.longitude)
                said = (group.category, f"{group.year}-05-0{number + 1}", *place, number)
                lines.writerow((f"{colour}{number}.png", *labelled, *said))
    taxalens.index(root / "photos", root / "c", encoder=encoder, labels=root / "labels.csv")
    return root / "c"
