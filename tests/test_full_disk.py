"""A full disk: never a lost row, never a doubled one, a sentence at once and no traceback later."""

import resource
import shutil
import subprocess
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from changes import add, label, make, move, take_out
from vectors import truth

from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.optimize import optimize
from indexer.ingest.run import keep_catalog
from indexer.ingest.verify import verify
from indexer.store.manifest import read_manifest
from model.errors import Error, NotWritten

FIRST, MORE = 600, 40
KB = 1024


@pytest.fixture(scope="module")
def full(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a collection `c` of `a.parquet`, and `b.parquet` beside it."""
    return make(tmp_path_factory.mktemp("full"), FIRST, MORE)


def reorder(folder: Path, collection: Path) -> None:
    optimize(collection)


CHANGES = (add, take_out, label, reorder, move)


def check_failure(change: Callable[[Path, Path], None], full: Path, collection: Path) -> bool:
    """Change a collection where there is no room; return whether that failed, with a sentence."""
    try:
        change(full, collection)
    except Error as error:
        said = str(error)
    else:
        return False
    assert said.count("\n") == 0
    return True


def check_whole(change: Callable[[Path, Path], None], full: Path, collection: Path) -> None:
    """Check that a collection is as before a change or as after it, and stays so."""
    undone, done = full / "c", full / f"after-{change.__name__}"
    if not done.exists():
        shutil.copytree(undone, done)
        change(full, done)
    said = truth(collection)
    assert said in (truth(undone), truth(done))
    check_catalog(collection, said)
    keep_catalog(collection)
    check_catalog(collection, said)
    assert not [*collection.glob("**/*.tmp"), *collection.glob("*.wal"), *collection.glob(".*")]
    labels = read_manifest(collection).paths("identifications")
    optimize(collection)
    assert truth(collection) == said
    assert read_manifest(collection).paths("identifications") == labels
    check_catalog(collection, said)
    assert verify(collection) == []


def check_catalog(collection: Path, said: dict[str, tuple[str, bytes]]) -> None:
    with open_snapshot(collection) as snapshot:
        inputs = snapshot.query("SELECT source_id, status FROM inputs ORDER BY 1")
        images = snapshot.query("SELECT source_id FROM searchable ORDER BY 1")
        vectors = {row: snapshot.vector(row).tobytes() for row in range(0, len(images), 97)}
        rows = dict(snapshot.query('SELECT "row", source_id FROM images'))
    assert inputs == sorted((source_id, status) for source_id, (status, _) in said.items())
    assert [each for (each,) in images] == sorted(each for each in said if said[each][1])
    assert all(said[rows[row]][1] == vector for row, vector in vectors.items() if row in rows)


@contextmanager
def files_up_to(size: int) -> Iterator[None]:
    """Have every file that grows beyond some bytes fail, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("size", [16, 300])
def test_no_row_is_lost_or_doubled_where_files_cannot_grow(
    change: Callable[[Path, Path], None], size: int, full: Path, tmp_path: Path
) -> None:
    collection = tmp_path / "c"
    shutil.copytree(full / "c", collection)
    with files_up_to(size * KB):
        failed = check_failure(change, full, collection)
    assert failed
    check_whole(change, full, collection)


@contextmanager
def disk(place: Path, size: int) -> Iterator[Callable[[], None]]:
    """Mount a disk of some bytes; the function that it gives makes it a large one."""
    place.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(place)]
    try:
        done = subprocess.run(mount, capture_output=True, check=False).returncode == 0
    except FileNotFoundError:
        done = False
    if not done:
        pytest.skip("no disk can be mounted here")
    large = ["mount", "-o", "remount,size=100m", str(place)]
    try:
        yield lambda: subprocess.run(large, check=True) and None
    finally:
        subprocess.run(["umount", "--lazy", str(place)], check=True)


def bytes_on_disk(folder: Path) -> int:
    return sum(path.stat().st_blocks * 512 for path in folder.rglob("*") if path.is_file())


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("room", [24, 900])
def test_no_row_is_lost_or_doubled_on_a_disk_without_room(
    change: Callable[[Path, Path], None], room: int, full: Path, tmp_path: Path
) -> None:
    size = bytes_on_disk(full / "c") + room * KB
    with disk(tmp_path / "disk", size) as enlarge:
        collection = tmp_path / "disk" / "c"
        shutil.copytree(full / "c", collection)
        assert check_failure(change, full, collection)
        enlarge()
        check_whole(change, full, collection)


def test_a_catalog_without_room_leaves_the_commit_and_says_so(full: Path, tmp_path: Path) -> None:
    collection = tmp_path / "c"
    shutil.copytree(full / "c", collection)
    before = read_manifest(collection)
    with (
        files_up_to(300 * KB),
        pytest.raises(NotWritten, match=r"^Generation \d+ of .* is committed, but its catalog"),
    ):
        take_out(full, collection)
    assert read_manifest(collection).generation == before.generation + 1
    with open_snapshot(collection) as snapshot:
        ((images,),) = snapshot.query("SELECT count(*) FROM images")
    assert images == FIRST - 10
