"""Killed, or without power, at any moment: no committed row is lost, none is doubled.

Each operation runs once on a disk that records it; every state that the disk may be found in
afterwards is opened. TAXALENS_TRUST=long tries eleven thousand states, and looks closer at more.
"""

import hashlib
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from changes import add, label, make, move, take_out
from trust.disk import record, states
from vectors import index_vectors, truth

from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.optimize import optimize
from indexer.ingest.run import keep_catalog
from indexer.ingest.verify import verify
from indexer.store.backup import backup
from indexer.store.manifest import MANIFEST, parse_manifest

LONG = os.environ.get("TAXALENS_TRUST") == "long"
SEEDS, CLOSE = (40, 20) if LONG else (1, 25)  # states of a moment; one of how many is mended, too
Truth = dict[str, tuple[str, bytes]]


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a collection `c` of `a.parquet`, and `b.parquet` beside it."""
    return make(tmp_path_factory.mktemp("whole"), 300, 20)


def index(folder: Path, collection: Path) -> None:
    index_vectors(folder / "a.parquet", collection)


def reorder(folder: Path, collection: Path) -> None:
    optimize(collection, index_from=1)


def back_up(folder: Path, collection: Path) -> None:
    backup(folder / "c", collection)


CHANGES = (index, add, take_out, label, reorder, move, back_up)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("change", CHANGES)
def test_no_moment_loses_a_committed_row(
    change: Callable[[Path, Path], None], whole: Path, tmp_path: Path
) -> None:
    root, found = tmp_path / "root", tmp_path / "found"
    collection = root / "c"
    root.mkdir()
    before: Truth = {}
    if change not in (index, back_up):
        shutil.copytree(whole / "c", collection)
        before = truth(collection)

    moments = record(root, tmp_path / "moments", lambda: change(whole, collection))
    after = truth(collection)
    assert len(moments) > 10
    tried, seen = 0, set[tuple[int, str]]()
    for moment in moments:
        for state in states(moment, found, SEEDS):
            tried += 1
            same = moment.promised, digest(found)
            if same not in seen:
                seen.add(same)
                check(found / "c", before, after, moment.promised, state, len(seen) % CLOSE == 0)
    told = f"{len(moments)} moments, {tried} states, {len(seen)} of them different"
    print(f"{change.__name__}: {told}")


def digest(folder: Path) -> str:
    """Return the digest of all names and contents: chance often loses the same pieces."""
    found = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        found.update(f"{path.relative_to(folder)}\0{path.is_dir()}\0".encode())
        if path.is_file():
            found.update(hashlib.sha256(path.read_bytes()).digest())
    return found.hexdigest()


def check(
    collection: Path, before: Truth, after: Truth, promised: int, state: str, close: bool
) -> None:
    """Check that a collection has all that was committed, and nothing that never was."""
    if not (collection / MANIFEST).exists():
        assert promised < 0, state
        assert not before, state
        return
    assert parse_manifest(collection).generation >= promised, state
    said = truth(collection)
    assert said.items() >= before.items() or said == after, state
    assert said.items() <= (before | after).items() or said == before, state
    with open_snapshot(collection) as snapshot:
        inputs = snapshot.query("SELECT source_id, status FROM inputs ORDER BY 1")
    assert inputs == sorted((source_id, status) for source_id, (status, _) in said.items()), state
    if close:
        keep_catalog(collection)
        assert verify(collection) == [], state
        assert truth(collection) == said, state
        assert not [*collection.glob("**/*.tmp"), *collection.glob(".making-*")], state
