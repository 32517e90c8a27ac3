"""Indexing a folder: what is promised of a run, of the next run, and of one that is killed."""

import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from colours import ColourEncoder
from pictures import PICTURES, run, write_picture
from PIL import Image

from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.run import How, index_source
from indexer.ingest.run_log import read_runs
from indexer.ingest.verify import verify
from indexer.labels.label_files import Label
from indexer.store.manifest import read_manifest
from model.errors import BadInput, CollectionError, EncoderMismatch
from model.taxon import Taxon
from model.vectors import Vectors


def statuses(collection: Path) -> dict[str, tuple[str, str]]:
    rows = open_snapshot(collection).query("SELECT source_id, status, reason FROM inputs")
    return {source_id: (status, reason) for source_id, status, reason in rows}


def content(collection: Path) -> object:
    """All that a collection says, without what depends on how many commits it took."""
    snapshot = open_snapshot(collection)
    images = snapshot.query('SELECT * FROM images ORDER BY "row"')
    vectors = np.concatenate([np.asarray(part) for part in snapshot.vectors()])
    inputs = snapshot.query("SELECT source_id, status, reason, image_id FROM inputs")
    return images, inputs, snapshot.query("SELECT * FROM taxa ORDER BY lo"), vectors.tobytes()


def test_every_picture_gets_a_row_a_vector_and_a_status(photos: Path, collection: Path) -> None:
    snapshot = open_snapshot(collection)
    assert set(statuses(collection)) == {f"photos/{name}" for name in PICTURES}
    assert {status for status, _ in statuses(collection).values()} == {"embedded"}
    rows = snapshot.query('SELECT "row", source_id FROM images ORDER BY "row"')
    assert [row for row, _ in rows] == list(range(len(PICTURES)))
    for row, source_id in rows:
        assert snapshot.path_of(source_id).is_file()
        assert np.linalg.norm(snapshot.vector(row).astype(float)) == pytest.approx(1, abs=1e-3)


def test_folder_names_become_taxa_or_stay_labels(collection: Path) -> None:
    rows = dict(open_snapshot(collection).query("SELECT source_id, taxon_key FROM images"))
    assert rows["photos/Panthera leo/a.png"].endswith("Panthera|Panthera leo")
    assert rows["photos/Pica_hudsonia/b.jpg"].endswith("Pica|Pica hudsonia")
    assert rows["photos/blank/a.png"] is None
    labels = dict(open_snapshot(collection).query("SELECT source_id, label FROM images"))
    assert labels["photos/blank/a.png"] == "blank"
    assert labels["photos/red.png"] == ""


def test_a_second_run_embeds_only_what_is_new(photos: Path, collection: Path) -> None:
    before = read_manifest(collection)
    encoder = ColourEncoder()
    assert run(photos, collection, encoder).done == 0
    assert encoder.images_encoded == 0
    assert read_manifest(collection) == before
    write_picture(photos / "new" / "purple.png", "purple")
    assert run(photos, collection, encoder).embedded == 1
    assert encoder.images_encoded == 1
    assert len(statuses(collection)) == len(PICTURES) + 1


def test_appending_equals_indexing_at_once(tmp_path: Path) -> None:
    grown, whole = tmp_path / "grown.collection", tmp_path / "whole.collection"
    folder = tmp_path / "p"
    for number, colour in enumerate(("red", "green")):
        write_picture(folder / f"{number}.png", colour)
    run(folder, grown)
    write_picture(folder / "2.png", "blue")
    run(folder, grown)
    run(folder, whole)
    assert content(grown) == content(whole)


def test_duplicates_keep_their_row_and_share_the_vector(tmp_path: Path) -> None:
    folder, collection = tmp_path / "p", tmp_path / "c"
    data = write_picture(folder / "a.png", "red").read_bytes()
    (folder / "Pica hudsonia").mkdir()
    (folder / "Pica hudsonia" / "b.png").write_bytes(data)
    encoder = ColourEncoder()
    progress = run(folder, collection, encoder)
    assert (progress.embedded, progress.duplicates, encoder.images_encoded) == (1, 1, 1)
    (folder / "c.png").write_bytes(data)
    assert run(folder, collection, encoder).duplicates == 1
    assert encoder.images_encoded == 1
    found = statuses(collection)
    assert sorted(status for status, _ in found.values()) == ["duplicate", "duplicate", "embedded"]
    assert ("duplicate", "same content as p/a.png") in found.values()
    vectors = np.concatenate(open_snapshot(collection).vectors())
    assert (vectors == vectors[0]).all()
    assert (
        len({row[0] for row in open_snapshot(collection).query("SELECT image_id FROM images")}) == 3
    )


def test_bad_pictures_get_a_reason_and_stop_nothing(photos: Path, tmp_path: Path) -> None:
    (photos / "text.jpg").write_text("<html>not a picture</html>")
    (photos / "empty.jpg").touch()
    whole = write_picture(photos / "cut.png", "red", (300, 300)).read_bytes()
    (photos / "cut.png").write_bytes(whole[: len(whole) // 2])
    (photos / ".a.jpg").write_bytes(b"\0\5\x16\7")
    (photos / "copy of text.jpg").write_text("<html>not a picture</html>")
    progress = run(photos, tmp_path / "c")
    assert (progress.embedded, progress.failed) == (len(PICTURES), 5)
    found = statuses(tmp_path / "c")
    assert found["photos/text.jpg"][1].startswith("not a picture")
    assert found["photos/copy of text.jpg"] == found["photos/text.jpg"]
    assert found["photos/empty.jpg"] == ("failed", "empty file")
    assert found["photos/cut.png"][1].startswith("damaged picture")
    assert found["photos/.a.jpg"] == ("failed", "hidden file")


def test_a_vector_that_is_not_of_numbers_is_a_reason_and_never_a_row(
    photos: Path, tmp_path: Path
) -> None:
    class Overflowing(ColourEncoder):  # as float16 may be in a network of large weights
        def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
            vectors = super().encode_images(images)
            for vector, image in zip(vectors, images, strict=True):
                broken = {(255, 0, 0): np.nan, (0, 0, 255): 0}
                vector *= broken.get(image.getpixel((0, 0)), 1)
            return vectors

    progress = run(photos, tmp_path / "c", Overflowing())
    assert (progress.embedded, progress.failed) == (len(PICTURES) - 2, 2)
    found = statuses(tmp_path / "c")
    for name in ("photos/red.png", "photos/unsorted/blue.png"):
        assert found[name] == ("failed", "the encoder's vector for it is zero, or not of numbers")
    with open_snapshot(tmp_path / "c") as snapshot:
        assert all(np.isfinite(vectors).all() for vectors in snapshot.vectors())


def test_large_pictures_are_shrunk_but_keep_their_size_on_record(tmp_path: Path) -> None:
    seen = []

    class Watching(ColourEncoder):
        def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
            seen.extend(image.size for image in images)
            return super().encode_images(images)

    write_picture(tmp_path / "p" / "sheet.jpg", "green", (5000, 2500))
    run(tmp_path / "p", tmp_path / "c", Watching())
    assert seen == [(1024, 512)]
    assert open_snapshot(tmp_path / "c").query("SELECT width, height FROM images") == [(5000, 2500)]


def test_a_failed_picture_is_tried_again_when_it_changed(tmp_path: Path) -> None:
    folder, collection = tmp_path / "p", tmp_path / "c"
    write_picture(folder / "a.png", "red")
    (folder / "b.png").write_text("no")
    run(folder, collection)
    assert run(folder, collection).done == 0
    write_picture(folder / "b.png", "blue")
    assert run(folder, collection).embedded == 1
    assert statuses(collection)["p/b.png"] == ("embedded", "")


def test_a_changed_picture_replaces_its_old_row_and_may_change_back(tmp_path: Path) -> None:
    folder, collection = tmp_path / "p", tmp_path / "c"
    seen = []
    for moment, colour in enumerate(("red", "blue", "red")):
        path = write_picture(folder / "a.png", colour)
        os.utime(path, (moment, moment))
        run(folder, collection)
        seen += open_snapshot(collection).query("SELECT image_id FROM images")
    assert len(seen) == 3
    assert seen[0] == seen[2] != seen[1]


def test_a_label_file_given_later_labels_without_embedding(photos: Path, collection: Path) -> None:
    encoder = ColourEncoder()
    crow = Taxon.from_ranks(["Animalia", "", "Aves", "", "Corvidae", "Corvus", "corax"], "raven")
    labels = {"unsorted": Label("unsorted", crow, {"camera": "C1"})}
    assert run(photos, collection, encoder, labels=labels).done == 0
    assert encoder.images_encoded == 0
    rows = open_snapshot(collection).query(
        "SELECT common_name, metadata['camera'] FROM images WHERE label = 'unsorted'"
    )
    assert rows == [("raven", "C1")] * 2


def test_a_run_without_the_label_file_keeps_what_it_said(photos: Path, collection: Path) -> None:
    raven = Taxon.from_ranks(["", "", "Aves", "", "", "", "Corvus corax"], "raven")
    labels = {"unsorted/green.png": Label("raven", raven), "photos/red.png": Label("red thing")}
    assert run(photos, collection, labels=labels).relabelled == 2
    write_picture(photos / "red.png", "purple", (31, 17))
    assert run(photos, collection).relabelled == 0
    rows = open_snapshot(collection).query(
        "SELECT source_id, label, taxon_key, common_name FROM images "
        "WHERE label LIKE 'r%' ORDER BY 1"
    )
    assert rows == [
        ("photos/red.png", "red thing", None, ""),
        ("photos/unsorted/green.png", "raven", raven.key, "raven"),
    ]


def test_the_run_says_the_number_of_inputs_before_it_begins(photos: Path, tmp_path: Path) -> None:
    first = next(index_source(photos, tmp_path / "c", ColourEncoder()))
    assert (first.total, first.done) == (len(PICTURES), 0)


def test_folders_without_pictures_are_refused_and_leave_nothing(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "empty" / "notes.txt").write_text("none")
    with pytest.raises(BadInput, match="holds no pictures"):
        run(tmp_path / "empty", tmp_path / "c")
    with pytest.raises(BadInput, match="There is nothing at"):
        run(tmp_path / "nowhere", tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_another_encoder_is_refused_and_nothing_is_lost(photos: Path, collection: Path) -> None:
    before = content(collection)
    with pytest.raises(EncoderMismatch, match=r"colours-1 .*not with colours-2"):
        run(photos, collection, ColourEncoder("2"))
    assert content(collection) == before


def test_two_writers_cannot_meet(photos: Path, collection: Path) -> None:
    write_picture(photos / "new.png", "purple")
    first = index_source(photos, collection, ColourEncoder())
    next(first)
    with pytest.raises(CollectionError, match=f"is being written by process {os.getpid()}"):
        run(photos, collection)
    assert [progress.embedded for progress in first] == [1]


def test_two_folders_of_one_name_keep_their_ids_apart(tmp_path: Path) -> None:
    for place, colour in (("x", "red"), ("y", "blue")):
        write_picture(tmp_path / place / "photos" / "a.png", colour)
        run(tmp_path / place / "photos", tmp_path / "c")
    assert set(statuses(tmp_path / "c")) == {"photos/a.png", "photos-2/a.png"}


def test_a_missing_or_damaged_catalog_is_built_again(photos: Path, collection: Path) -> None:
    before = content(collection)
    catalog = next(collection.glob("catalog-*.duckdb"))
    catalog.write_bytes(b"damaged")
    assert content(collection) == before
    catalog.unlink()
    assert content(collection) == before
    run(photos, collection)
    assert catalog.is_file()


KILLED = """
import sys
sys.path.insert(0, {tests!r})
from pathlib import Path
from colours import ColourEncoder
from PIL import Image
from indexer.ingest.run import How, index_source
for progress in index_source(Path({folder!r}), Path({collection!r}), ColourEncoder()):
    if progress.done == 32:
        print("started", flush=True)
"""


@pytest.mark.parametrize("seed", range(4))
def test_killed_at_a_random_moment_and_run_again_gives_the_same_collection(
    tmp_path: Path, seed: int, many_photos: tuple[Path, object]
) -> None:
    folder, expected = many_photos
    collection = tmp_path / "c"
    code = KILLED.format(
        tests=str(Path(__file__).parent), folder=str(folder), collection=str(collection)
    )
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert process.stdout is not None
    process.stdout.readline()
    time.sleep(random.Random(seed).uniform(0, 1.5))
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    run(folder, collection)
    assert content(collection) == expected
    assert verify(collection) == []


@pytest.fixture(scope="module")
def many_photos(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, object]:
    """700 pictures, so that a run has three segments, and what a run of them gives."""
    place = tmp_path_factory.mktemp("many")
    colours = random.Random(0)
    for number in range(700):
        colour = f"#{colours.randrange(0x1000000):06x}"
        write_picture(place / "p" / f"Genus species{'abc'[number % 3]}" / f"{number}.png", colour)
    (place / "p" / "broken.jpg").write_text("no picture")
    run(place / "p", place / "c")
    return place / "p", content(place / "c")


def test_a_run_is_logged_with_what_it_did(photos: Path, collection: Path) -> None:
    run(photos, collection)  # nothing new: no log
    manifest = read_manifest(collection)
    (log,) = read_runs(collection, manifest)
    assert log["source"] == str(photos.resolve())
    assert log["counts"]["embedded"] == log["counts"]["total"] == len(PICTURES)
    assert log["fingerprint"] == manifest.encoder.fingerprint
    assert set(log["versions"]) >= {"python", "numpy", "pillow"}
    assert log["started"] <= log["ended"]


def test_the_runtime_that_was_asked_for_is_logged(photos: Path, tmp_path: Path) -> None:
    for runtime in ("torch", "openvino"):
        run(photos, tmp_path / runtime, "starter", how=How(runtime))
        (log,) = read_runs(tmp_path / runtime, read_manifest(tmp_path / runtime))
        assert log["runtime"].startswith(runtime)


def test_a_folder_that_vanishes_during_a_run_is_no_success(photos: Path, tmp_path: Path) -> None:
    for number in range(100):
        write_picture(photos / f"{number}.png", f"#{number:02x}1080")
    run = index_source(photos, tmp_path / "c", ColourEncoder(), how=How(batch_size=4))
    next(run)
    next(run)
    photos.rename(tmp_path / "elsewhere")
    with pytest.raises(BadInput, match=r"changed or vanished during the run: .* were not read"):
        list(run)
    assert statuses(tmp_path / "c")
