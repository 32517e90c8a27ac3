"""Leftovers of writers that died are swept; a disk or a locale that refuses is one sentence."""

import logging
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest
from click.testing import CliRunner
from colours import ColourEncoder
from pictures import PICTURES, run, write_picture

from indexer.catalog.catalog_file import catalog_path, write_catalog
from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.identifications import write_identifications
from indexer.ingest.optimize import optimize
from indexer.ingest.remove_relocate import remove
from indexer.ingest.run import keep_catalog
from indexer.store.manifest import read_manifest
from model.errors import CollectionError, NotWritten
from search.collection import open_collection
from ui.cli import main


def files(collection: Path) -> set[str]:
    return {
        path.relative_to(collection).as_posix()
        for path in collection.rglob("*")
        if path.name not in ("writer.lock", "writer.txt")
    }


def test_the_next_writer_sweeps_what_dead_ones_left(collection: Path) -> None:
    before = files(collection)
    following = read_manifest(collection).next_name
    left = [
        *("catalog-9-x.tmp", "catalog-9-x.tmp.wal", "catalog-1-x.duckdb", "catalog-1-x.duckdb.wal"),
        *(".manifest.json.tmp", "segments/.00000009.npy.tmp", "index-99.faiss"),
        *(f"segments/{following}.npy", f"labels/{following}.parquet", f"runs/{following}.json"),
        *(".making-x/catalog-9-x.duckdb", "catalog-9-x.tmp.tmp/spilled"),
    ]
    for path in left:
        (collection / path).parent.mkdir(exist_ok=True)
        (collection / path).write_bytes(b"left")
    keep_catalog(collection)
    assert files(collection) == before


def test_what_a_reader_may_have_open_is_not_swept(photos: Path, collection: Path) -> None:
    opened = open_collection(collection, ColourEncoder())
    (collection / "mine.csv").write_text("a file of its owner")
    optimize(collection)
    write_picture(photos / "new.png", "teal")
    run(photos, collection)
    keep_catalog(collection)
    assert len(opened.search(text="red", k=20)) == len(PICTURES)
    assert (collection / "mine.csv").exists()


def test_a_failed_writer_sweeps_at_once(collection: Path) -> None:
    before = files(collection)

    def batches() -> Iterator[object]:
        yield from ()
        raise RuntimeError("a fault")

    with pytest.raises(RuntimeError, match="a fault"):
        write_identifications(collection, batches())
    assert files(collection) - {"identifications"} == before


@pytest.mark.parametrize("damage", ["stale", "wal", "cut", "doubled", "lost", "no counts", "none"])
def test_a_catalog_that_is_not_whole_is_derived_again_with_a_warning(
    damage: str, photos: Path, collection: Path, caplog: pytest.LogCaptureFixture, tmp_path: Path
) -> None:
    stale = tmp_path / "stale.duckdb"
    shutil.copy(catalog_path(collection, read_manifest(collection)), stale)
    write_picture(photos / "new.png", "teal")
    run(photos, collection)
    path = catalog_path(collection, read_manifest(collection))
    sql = {
        "doubled": "INSERT INTO inputs FROM inputs LIMIT 1",
        "lost": "DELETE FROM images WHERE source_id = 'photos/new.png'",
        "no counts": "DROP TABLE counts",
    }
    match damage:
        case "stale":
            shutil.copy(stale, path)
        case "wal":
            Path(f"{path}.wal").write_bytes(b"")
        case "cut":
            with path.open("r+b") as file:
                file.truncate(path.stat().st_size - 4096)
        case "none":
            path.unlink()
        case _:
            with duckdb.connect(str(path)) as connection:
                connection.execute(sql[damage])
    with caplog.at_level(logging.WARNING, "taxalens"), open_snapshot(collection) as snapshot:
        images = snapshot.query("SELECT source_id FROM images ORDER BY 1")
        assert len(images) == len(PICTURES) + 1
        assert snapshot.query("SELECT count(*) FROM inputs") == [(len(PICTURES) + 1,)]
    assert "is derived again, in memory" in caplog.text
    keep_catalog(collection)
    caplog.clear()
    open_snapshot(collection).close()
    assert not caplog.records
    assert path.exists()


def test_a_catalog_with_doubled_rows_is_not_built_upon(photos: Path, tmp_path: Path) -> None:
    for number in range(40):
        write_picture(photos / f"{number}.png", "teal", (16 + number, 16))
    collection = tmp_path / "c"
    run(photos, collection)
    with duckdb.connect(str(catalog_path(collection, read_manifest(collection)))) as connection:
        connection.execute("INSERT INTO inputs FROM inputs LIMIT 1")
        connection.execute("UPDATE counts SET lines = lines + 1 WHERE name = 'inputs'")
    remove(collection, ["photos/1.png"])
    with open_snapshot(collection) as snapshot:
        ((inputs, distinct),) = snapshot.query(
            "SELECT count(*), count(DISTINCT source_id) FROM inputs"
        )
    assert inputs == distinct == len(PICTURES) + 40


def test_optimize_refuses_a_catalog_that_says_other_than_the_files(collection: Path) -> None:
    """A catalog that passes every check of its own, and still gives an image another's row."""
    manifest = read_manifest(collection)
    with duckdb.connect(str(catalog_path(collection, manifest))) as connection:
        connection.execute('UPDATE images SET "row" = 7 - "row"')
    before = files(collection)
    with pytest.raises(CollectionError, match="was not optimized and is as it was"):
        optimize(collection)
    assert read_manifest(collection) == manifest
    assert files(collection) == before


@pytest.fixture
def read_only(tmp_path: Path, photos: Path) -> Iterator[Path]:
    """A disk with a collection `c` that nothing can be written to."""
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=50m", "tmpfs", str(disk)]
    if not shutil.which("mount") or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("no disk can be mounted here")
    try:
        run(photos, disk / "c")
        subprocess.run(["mount", "-o", "remount,ro", str(disk)], check=True)
        yield disk
    finally:
        subprocess.run(["umount", "--lazy", str(disk)], check=True)


def test_a_read_only_disk_is_a_sentence(read_only: Path, photos: Path) -> None:
    with open_snapshot(read_only / "c") as snapshot:
        ((image,), *_) = snapshot.query("SELECT image_id FROM images")
    find = ["search", "--id", image]
    for asked in (
        ["remove", "photos/red.png"],
        ["relocate", str(photos), str(photos)],
        ["optimize"],
        ["update"],
        ["taxonomy", "use", "none"],
        ["export", str(read_only / "x.csv")],
        ["status", "--output", str(read_only / "x.csv")],
        [*find, "--output", str(read_only / "x.csv"), "--format", "csv"],
        [*find, "--output", str(read_only / "x.parquet"), "--format", "parquet"],
        [*find, "--copy-to", str(read_only / "copies")],
        [*find, "--sheet", str(read_only / "x.png")],
        ["neighbours", "--output", str(read_only / "x.parquet")],
    ):
        shown = CliRunner().invoke(main, [*asked, "-c", str(read_only / "c")])
        assert shown.exit_code == 1, asked
        assert isinstance(shown.exception, SystemExit), (asked, shown.exception)
        assert "Read-only file system" in shown.stderr, asked
    assert CliRunner().invoke(main, ["verify", "-c", str(read_only / "c")]).exit_code == 0
    with pytest.raises(NotWritten, match="Read-only file system"):
        run(photos, read_only / "new")


def test_a_missing_catalog_on_a_read_only_disk_is_derived_in_memory(read_only: Path) -> None:
    subprocess.run(["mount", "-o", "remount,rw", str(read_only)], check=True)
    catalog_path(read_only / "c", read_manifest(read_only / "c")).unlink()
    subprocess.run(["mount", "-o", "remount,ro", str(read_only)], check=True)
    assert len(open_collection(read_only / "c", ColourEncoder())) == len(PICTURES)
    with pytest.raises(NotWritten, match="is committed, but its catalog could not be derived"):
        write_catalog(read_only / "c", read_manifest(read_only / "c"))


ASCII = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}


def command(*arguments: str, folder: Path, **locale: str) -> subprocess.CompletedProcess[bytes]:
    path = os.pathsep.join([str(Path(main.callback.__code__.co_filename).parents[1]), *sys.path])
    return subprocess.run(
        [sys.executable, "-m", "ui.cli", *map(os.fsencode, arguments)],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": path} | locale,
        capture_output=True,
        check=False,
    )


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux alone")
@pytest.mark.parametrize(
    "arguments",
    [
        ["status", "-c", "é鳥"],
        ["search", "--image", "é鳥.png", "-c", "c"],
        ["export", "é鳥.csv", "-c", "c"],
        ["taxonomy", "show", "Pica", "--taxonomy", "é鳥.duckdb"],
        ["identify", "é鳥.png", "--cls", "a,b", "--encoder", "starter"],
    ],
)
def test_a_path_that_the_locale_cannot_read_is_a_sentence(
    arguments: list[str], photos: Path
) -> None:
    done = command(*arguments, folder=photos.parent, **ASCII)
    assert done.returncode == 1
    assert b"Traceback" not in done.stderr
    assert b"is not readable in this locale: run the command with LC_ALL=C.UTF-8" in done.stderr


@pytest.mark.skipif(sys.platform != "linux", reason="file names are bytes on Linux alone")
def test_letters_that_the_terminal_lacks_are_escaped(collection: Path, photos: Path) -> None:
    write_picture(photos / "é鳥.png", "teal")
    run(photos, collection)
    done = command("status", "-c", str(collection), folder=photos, **ASCII)
    assert (done.returncode, done.stderr) == (0, b"")
    assert rb"photos/\xe9\u9ce5.png" in done.stdout
    done = command("status", "-c", str(collection), folder=photos, LC_ALL="C")
    assert "photos/é鳥.png".encode() in done.stdout
