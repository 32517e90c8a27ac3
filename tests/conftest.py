"""Fixtures that several tests share: small pictures in folders, and a collection of them."""

from pathlib import Path

import pytest
from pictures import PICTURES, run, write_picture


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    """A folder of eight pictures of one colour each, half of them in species folders."""
    folder = tmp_path / "photos"
    for name, colour in PICTURES.items():
        write_picture(folder / name, colour)
    return folder


@pytest.fixture
def collection(tmp_path: Path, photos: Path) -> Path:
    """A collection of `photos`."""
    target = tmp_path / "birds.collection"
    run(photos, target)
    return target
