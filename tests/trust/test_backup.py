"""A backup: a collection itself, brought up to date by what is new, never worse than before."""

import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner
from vectors import index_vectors, truth, write_vectors

import taxalens
from indexer.ingest.optimize import optimize
from indexer.ingest.verify import verify
from indexer.store.backup import ORIGIN, backup
from indexer.store.manifest import read_manifest
from model.errors import BadInput, CollectionError
from ui.cli import main


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A folder with a collection `c` of `a.parquet`, and `b.parquet` beside it."""
    write_vectors(tmp_path / "a.parquet", 0, 60)
    write_vectors(tmp_path / "b.parquet", 60, 20)
    index_vectors(tmp_path / "a.parquet", tmp_path / "c")
    return tmp_path


@pytest.mark.filterwarnings("ignore")
def test_only_new_files_are_copied(place: Path) -> None:
    first = backup(place / "c", place / "backup")
    assert (first.files, first.kept) == (len(read_manifest(place / "c").files), 0)
    index_vectors(place / "b.parquet", place / "c")
    second = backup(place / "c", place / "backup")
    assert second.files > 0
    assert second.kept > 0
    assert truth(place / "backup") == truth(place / "c")
    assert verify(place / "backup") == []
    assert backup(place / "c", place / "backup").files == 0


@pytest.mark.filterwarnings("ignore")
def test_files_of_earlier_generations_go(place: Path) -> None:
    backup(place / "c", place / "backup")
    optimize(place / "c")
    backup(place / "c", place / "backup")
    kept = {path.name for path in (place / "backup" / "segments").iterdir()}
    assert kept == {Path(path).name for path in read_manifest(place / "c").paths("segments")}
    with taxalens.open(place / "backup") as collection:
        assert len(collection) == 60


def test_a_damaged_file_never_replaces_a_good_one(place: Path) -> None:
    backup(place / "c", place / "backup")
    before = truth(place / "backup")
    index_vectors(place / "b.parquet", place / "c")
    vectors = place / "c" / read_manifest(place / "c").paths("segments")[-1]
    content = bytearray(vectors.read_bytes())
    content[-1] ^= 1
    vectors.write_bytes(content)
    with pytest.raises(CollectionError, match="so the backup keeps its earlier generation"):
        backup(place / "c", place / "backup")
    assert truth(place / "backup") == before
    assert verify(place / "backup") == []


def test_a_file_that_was_damaged_in_the_backup_is_copied_again(place: Path) -> None:
    backup(place / "c", place / "backup")
    path = read_manifest(place / "c").paths("segments")[0]
    (place / "backup" / path).write_bytes(b"")
    assert backup(place / "c", place / "backup").files == 1
    assert verify(place / "backup") == []


@pytest.mark.parametrize("left", [(), (ORIGIN,), (ORIGIN, "segments")])
def test_a_first_backup_that_was_cut_short_goes_on(place: Path, left: tuple[str, ...]) -> None:
    backup(place / "c", place / "whole")
    (place / "backup").mkdir()
    for name in ("writer.lock", "writer.txt", *left):
        copy = shutil.copytree if (place / "whole" / name).is_dir() else shutil.copy
        copy(place / "whole" / name, place / "backup" / name)
    backup(place / "c", place / "backup")
    assert truth(place / "backup") == truth(place / "c")
    assert verify(place / "backup") == []


def test_nothing_else_is_written_over(place: Path) -> None:
    (place / "photos").mkdir()
    (place / "photos" / "mine.txt").write_text("mine")
    with pytest.raises(BadInput, match="is there and no backup: choose another folder"):
        backup(place / "c", place / "photos")
    with pytest.raises(BadInput, match="is the collection itself"):
        backup(place / "c", place / "c")
    backup(place / "c", place / "backup")
    shutil.copytree(place / "c", place / "other")
    with pytest.raises(BadInput, match=f"is a backup of .*delete .*{ORIGIN}"):
        backup(place / "other", place / "backup")


def test_the_commands_say_what_they_did(place: Path) -> None:
    runner = CliRunner()
    target = str(place / "backup")
    said = runner.invoke(main, ["backup", target, "-c", str(place / "c")])
    assert said.exit_code == 0
    assert said.stdout.startswith(f"{target}: ")
    assert said.stdout.endswith("0 there already\n")
    whole = runner.invoke(main, ["repair", "-c", target])
    assert (whole.exit_code, whole.stdout) == (0, f"{target}: every file is as it was written\n")
