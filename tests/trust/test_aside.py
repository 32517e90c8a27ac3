"""Files of the user's: complete or absent, and nothing of a maker that died stays beside them."""

import errno
import os
from contextlib import suppress
from pathlib import Path

import filelock
import pytest
from changes import add, make
from taxonomies import write_source
from test_full_disk import KB, files_up_to
from vectors import truth

from indexer.store.aside import made_aside
from indexer.store.manifest import MANIFEST
from indexer.taxonomy.store import import_taxonomy, open_taxonomy
from model.errors import NotWritten


def test_what_a_maker_left_that_died_is_removed_and_one_that_lives_is_left_alone(
    tmp_path: Path,
) -> None:
    for name in (".a.csv.making-dead", ".a.csv.making-alive", ".b.csv.making-other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.csv").touch()
    with (
        filelock.FileLock(tmp_path / ".a.csv.making-alive" / "lock"),
        made_aside(tmp_path / "a.csv") as path,
    ):
        path.write_text("whole")
    assert (tmp_path / "a.csv").read_text() == "whole"
    assert {path.name for path in tmp_path.iterdir()} == {
        *("a.csv", ".a.csv.making-alive", ".b.csv.making-other")
    }


def test_nothing_is_there_until_it_is_complete(tmp_path: Path) -> None:
    with suppress(KeyError), made_aside(tmp_path / "a") as path:
        path.mkdir()
        (path / "1.csv").touch()
        raise KeyError
    assert os.listdir(tmp_path) == []


def test_content_and_name_are_synced(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    synced = []
    fsync = os.fsync
    monkeypatch.setattr(
        os,
        "fsync",
        lambda file: (synced.append(Path(os.readlink(f"/proc/self/fd/{file}"))), fsync(file))[1],
    )
    with made_aside(tmp_path / "a") as path:
        path.mkdir()
        (path / "1.csv").touch()
        assert synced == []
    assert [each.name for each in synced] == ["a", "1.csv", tmp_path.name]


@pytest.mark.filterwarnings("ignore")
def test_a_file_that_cannot_be_put_in_place_is_never_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = make(tmp_path, 30, 5)
    before = truth(folder / "c")
    replace = os.replace

    def fail(source: Path, target: Path) -> None:
        if Path(target).name == MANIFEST:
            raise OSError(errno.EIO, os.strerror(errno.EIO), str(target))
        replace(source, target)

    monkeypatch.setattr(os, "replace", fail)
    with pytest.raises(NotWritten, match=r"manifest\.json"):
        add(folder, folder / "c")
    assert truth(folder / "c") == before


@pytest.mark.parametrize("size", [0, 64, 700])
def test_a_taxonomy_without_room_is_not_written_and_leaves_the_earlier_one(
    tmp_path: Path, size: int
) -> None:
    source, target = write_source(tmp_path / "small.csv"), tmp_path / "small.duckdb"
    import_taxonomy(str(source), to=target)[0].close()
    before = target.read_bytes()
    with files_up_to(size * KB), pytest.raises(NotWritten):
        import_taxonomy(str(source), to=target)
    assert target.read_bytes() == before
    assert {path.name for path in tmp_path.iterdir()} == {"small.csv", "small.duckdb"}
    open_taxonomy(str(target)).close()
