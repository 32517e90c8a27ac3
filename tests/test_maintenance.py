"""A collection over time: sources that change, vanish, move, fail and come back."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from colours import ColourEncoder
from pictures import PICTURES, run, write_picture

from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.changes import changed_or_removed, failed
from indexer.ingest.remove_relocate import relocate, remove
from indexer.ingest.run import index_source
from indexer.store.manifest import read_manifest
from model.errors import BadInput, CollectionError
from search.collection import open_collection


def statuses(collection: Path) -> dict[str, str]:
    with open_snapshot(collection) as snapshot:
        return dict(snapshot.query("SELECT source_id, status FROM inputs"))


def images(collection: Path) -> set[str]:
    with open_snapshot(collection) as snapshot:
        return {source_id for (source_id,) in snapshot.query("SELECT source_id FROM images")}


def test_what_is_removed_answers_no_more_and_stays_out(photos: Path, collection: Path) -> None:
    before = read_manifest(collection)
    assert remove(collection, ["photos/unsorted/*", str(photos / "red.png")]) == 3
    assert statuses(collection)["photos/red.png"] == "removed"
    assert (photos / "red.png").exists()
    left = {f"photos/{name}" for name in PICTURES} - {
        "photos/unsorted/green.png",
        "photos/unsorted/blue.png",
        "photos/red.png",
    }
    assert images(collection) == left
    hits = open_collection(collection, ColourEncoder()).search(text="red", k=20)
    assert {hit.source_id for hit in hits} == left
    assert run(photos, collection).done == 0
    write_picture(photos / "red.png", "lime")  # changed, but still not wanted
    assert run(photos, collection).done == 0
    assert set(before.files) <= set(read_manifest(collection).files)


def test_what_was_removed_can_be_added_again(photos: Path, collection: Path) -> None:
    remove(collection, ["photos/red.png"])
    progress = run(photos / "red.png", collection, wanted=changed_or_removed)
    assert (progress.embedded, progress.done) == (1, 1)
    assert statuses(collection)["photos/red.png"] == "embedded"
    assert images(collection) == {f"photos/{name}" for name in PICTURES}


def test_a_pattern_that_matches_nothing_removes_nothing(collection: Path) -> None:
    before = read_manifest(collection)
    with pytest.raises(BadInput, match=r"No input of .* is called nothing\.jpg"):
        remove(collection, ["photos/red.png", "nothing.jpg"])
    assert read_manifest(collection) == before


def test_a_duplicate_outlives_the_one_that_it_is_a_duplicate_of(tmp_path: Path) -> None:
    data = write_picture(tmp_path / "p" / "a.png", "red").read_bytes()
    (tmp_path / "p" / "b.png").write_bytes(data)
    run(tmp_path / "p", tmp_path / "c")
    remove(tmp_path / "c", ["p/a.png"])
    (hit,) = open_collection(tmp_path / "c", ColourEncoder()).search(text="red")
    assert (hit.source_id, hit.score > 0.9) == ("p/b.png", True)


def test_what_vanished_is_marked_and_what_returns_is_known_again(
    photos: Path, collection: Path
) -> None:
    data = (photos / "red.png").read_bytes()
    (photos / "red.png").unlink()
    progress = run(photos, collection)
    assert (progress.vanished, progress.done) == (1, 0)
    assert statuses(collection)["photos/red.png"] == "vanished"
    assert "photos/red.png" in images(collection)
    assert run(photos, collection).vanished == 0
    (photos / "red.png").write_bytes(data)
    encoder = ColourEncoder()
    progress = run(photos, collection, encoder)
    assert (progress.embedded, encoder.images_encoded) == (1, 0)
    assert statuses(collection)["photos/red.png"] == "embedded"
    (photos / "red.png").unlink()
    run(photos, collection)
    assert remove(collection, vanished=True) == 1
    assert "photos/red.png" not in images(collection)
    assert remove(collection, vanished=True) == 0


def test_a_folder_that_is_not_there_marks_nothing(photos: Path, collection: Path) -> None:
    photos.rename(photos.with_name("elsewhere"))
    with pytest.raises(BadInput, match="There is nothing at"):
        run(photos, collection)
    assert set(statuses(collection).values()) == {"embedded"}


def test_a_moved_folder_is_one_command(photos: Path, collection: Path) -> None:
    moved = photos.parent / "archive" / "2024"
    moved.parent.mkdir()
    photos.rename(moved)
    assert relocate(collection, str(photos), moved) == len(PICTURES)
    encoder = ColourEncoder()
    assert run(moved, collection, encoder).done == encoder.images_encoded == 0
    hits = open_collection(collection, encoder).search(text="red")
    assert all(hit.path and hit.path.is_file() for hit in hits)
    assert read_manifest(collection).sources == (str(moved),)
    relocate(collection, "photos", moved.parent / "2024")  # by the root's name; twice is no harm


def test_a_folder_above_that_moved_takes_all_roots_along(tmp_path: Path) -> None:
    for name, colour in (("a", "red"), ("b", "blue")):
        write_picture(tmp_path / "old" / name / "1.png", colour)
        run(tmp_path / "old" / name, tmp_path / "c")
    (tmp_path / "old").rename(tmp_path / "new")
    assert relocate(tmp_path / "c", str(tmp_path / "old"), tmp_path / "new") == 2
    roots = read_manifest(tmp_path / "c").roots
    assert roots == {"a": str(tmp_path / "new" / "a"), "b": str(tmp_path / "new" / "b")}


def test_a_wrong_move_is_refused(photos: Path, collection: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    for old, new, why in (
        ("/nowhere", photos, "was indexed at"),
        (str(photos), tmp_path / "empty", "Nothing of what was indexed"),
        (str(photos), tmp_path / "missing", "There is nothing at"),
    ):
        with pytest.raises(BadInput, match=why):
            relocate(collection, old, new)


def test_what_failed_is_read_again_only_when_asked(photos: Path, collection: Path) -> None:
    bad = photos / "bad.jpg"
    bad.write_text("no picture")
    stat = bad.stat()
    assert run(photos, collection).failed == 1
    whole = write_picture(photos / "tmp.png", "navy").read_bytes()
    (photos / "tmp.png").unlink()
    # As after a repair that keeps size and time: nothing tells that it changed.
    bad.write_bytes(whole)
    bad.write_bytes(b"no picture")
    os.utime(bad, ns=(stat.st_atime_ns, stat.st_mtime_ns))
    assert run(photos, collection).total == 0
    assert run(photos, collection, wanted=failed("no such reason")).total == 0
    assert run(photos, collection, wanted=failed("not a picture"), adds=False).failed == 1
    write_picture(photos / "new.png", "lime")
    assert run(photos, collection, wanted=failed(), adds=False).total == 1


def test_a_run_that_is_closed_keeps_what_was_done(tmp_path: Path) -> None:
    for number in range(100):
        write_picture(tmp_path / "p" / f"{number:03}.png", "red", (16 + number, 8))
    steps = index_source(tmp_path / "p", tmp_path / "c", ColourEncoder())
    next(steps)
    first = next(steps)
    assert first.done == 32
    steps.close()
    assert len(open_collection(tmp_path / "c")) == 32
    assert run(tmp_path / "p", tmp_path / "c").embedded == 68


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGINT for one process")
def test_ctrl_c_ends_with_what_is_done_committed(tmp_path: Path) -> None:
    for number in range(400):
        write_picture(tmp_path / "p" / f"{number:03}.png", "red", (16 + number, 300))
    code = (
        # Where the tests run in the background of a shell, SIGINT is ignored from birth.
        "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "from colours import ColourEncoder\n"
        "class Interrupted(ColourEncoder):\n"
        "    def encode_images(self, images):\n"
        "        if self.images_encoded == 96: signal.raise_signal(signal.SIGINT)\n"
        "        return super().encode_images(images)\n"
        "from ui.running import run_once; from indexer.ingest.indexing import index; import click\n"
        "@click.command()\n"
        "def main():\n"
        f"    run_once(lambda bars: index({str(tmp_path / 'p')!r}, {str(tmp_path / 'c')!r},"
        " encoder=Interrupted(), progress=bars), 'c')\n"
        "main()\n"
    )
    environment = os.environ | {"PYTHONPATH": f"{Path(__file__).parent}{os.pathsep}{Path.cwd()}"}
    ended = subprocess.run(
        [sys.executable, "-c", code], env=environment, capture_output=True, text=True
    )
    assert ended.returncode == 130, ended.stderr
    assert "Stopped; what is done is kept." in ended.stderr
    assert "Traceback" not in ended.stderr
    kept = len(open_collection(tmp_path / "c"))
    assert kept == 96
    assert run(tmp_path / "p", tmp_path / "c").embedded == 400 - kept


def test_a_collection_that_is_being_written_is_not_maintained(
    photos: Path, collection: Path
) -> None:
    write_picture(photos / "new.png", "lime")
    steps = index_source(photos, collection, ColourEncoder())
    next(steps)
    with pytest.raises(CollectionError, match="being written by process"):
        remove(collection, ["photos/red.png"])
    steps.close()
