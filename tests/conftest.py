"""Fixtures that several tests share: small pictures in folders, and a collection of them."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, settings
from pictures import PICTURES, run, write_picture

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from search.collection import Collection

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


# Browser tests have a module-scoped `collection` of their own; others never import Playwright.


@pytest.fixture(scope="module")
def url(collection: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of the page over the collection of a module."""
    from browser import served

    with served(collection, tmp_path_factory.mktemp("log") / "app.txt") as address:
        yield address


@pytest.fixture(scope="module")
def browser() -> "Iterator[Browser]":
    """A browser for the tests of a module."""
    from browser import chromium

    with chromium() as started:
        yield started


@pytest.fixture
def page(browser: "Browser", url: str) -> "Iterator[Page]":
    """An empty tab, which notes requests to other hosts."""
    from browser import watched_page

    with watched_page(browser, url) as opened:
        yield opened


@pytest.fixture(scope="module")
def close_catalogs() -> Iterator[None]:
    """Close what the page has open in this process when a module ends."""
    yield
    from ui.server.current import current_collection

    current_collection.cache_clear()


# A collection to publish in Milvus Lite, and its publication; only tests with pymilvus ask for it.


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with `photos`, and a collection `c` of them."""
    from publishing import prepared

    root = tmp_path_factory.mktemp("published")
    prepared(root)
    return root


@pytest.fixture(scope="module")
def uri(root: Path) -> str:
    """The address of its publication."""
    return f"milvus://{root}/lite.db/birds"


@pytest.fixture(scope="module")
def served(root: Path, uri: str) -> "Collection":
    """Its publication, opened."""
    from colours import ColourEncoder

    import taxalens
    from search.publish import publish

    done = publish(root / "c", uri, ColourEncoder())
    assert (done.recall, done.replaced) == (1.0, False)
    return taxalens.open(uri, ColourEncoder())
