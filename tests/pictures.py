"""Small pictures of one colour, and indexing them, for tests."""

from pathlib import Path

from colours import ColourEncoder
from PIL import Image

from indexer.ingest.run import index_source

PICTURES = {
    "Panthera leo/a.png": "orange",
    "Panthera leo/b.png": "yellow",
    "Pica_hudsonia/a.png": "black",
    "Pica_hudsonia/b.jpg": "navy",
    "blank/a.png": "white",
    "red.png": "red",
    "unsorted/green.png": "green",
    "unsorted/blue.png": "blue",
}


def write_picture(path: Path, colour: str, size: tuple[int, int] = (24, 16)) -> Path:
    """Write a picture of one colour; its format is that of its suffix."""
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", size, colour).save(path)
    return path


def run(folder: Path, collection: Path, encoder: object = None, **options: object) -> object:
    """Index a folder and return the last progress."""
    *_, last = index_source(folder, collection, encoder or ColourEncoder(), **options)
    return last
