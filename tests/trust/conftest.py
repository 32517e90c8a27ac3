"""Fixtures of all tests here."""

from collections.abc import Iterator

import pytest
from trust.bench import Bench


@pytest.fixture(scope="session")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    """A server of children, and what each operation leads to."""
    made = Bench(tmp_path_factory.mktemp("bench"))
    yield made
    made.children.close()
