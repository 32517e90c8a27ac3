"""Fixtures that several tests share: small pictures in folders, and a collection of them."""

from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings
from pictures import PICTURES, run, write_picture

# Time is no part of what is specified: a busy machine fails no law.
settings.register_profile("taxalens", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("taxalens")


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
