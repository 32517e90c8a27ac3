"""MegaDetector's results: a detection is the part of the photograph that its box says."""

import io
import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from colours import ColourEncoder
from hypothesis import given
from hypothesis import strategies as st
from pictures import run
from PIL import ExifTags, Image

from indexer.catalog.snapshot import open_snapshot
from indexer.inputs.records import Box, Record
from indexer.labels.label_files import Label, labelled, read_label_file
from indexer.readers import reader_of, refuse
from indexer.readers.megadetector import base, claims, read
from model.errors import BadInput
from search.collection import open_collection

# Output format 1.4: github.com/agentmorris/MegaDetector, "MegaDetector batch output format".
RESULTS: dict[str, Any] = {
    "info": {"format_version": "1.4", "detector": "md_v5a.0.0.pt"},
    "detection_categories": {"1": "animal", "2": "person", "3": "vehicle"},
    "classification_categories": {"0": "red deer"},
    "images": [
        {
            "file": "site A/1.jpg",
            "datetime": "2024:05:01 06:00:00",
            "location": "A",
            "seq_id": "s1",
            "frame_num": 2,
            "detections": [
                {
                    "category": "1",
                    "conf": 0.9,
                    "bbox": [0, 0, 0.5, 1],
                    "classifications": [["0", 0.7], ["1", 0.1]],
                },
                {"category": "2", "conf": 0.8, "bbox": [0.5, 0, 0.5, 1]},
                {"category": "1", "conf": 0.1, "bbox": [0, 0, 1, 1]},
            ],
        },
        {"file": "site A/2.jpg", "detections": []},
        {"file": "site A/3.jpg", "failure": "Failure image access", "detections": None},
    ],
}


def write(folder: Path, results: object = RESULTS) -> str:
    (folder / "site A").mkdir(parents=True, exist_ok=True)
    photo = Image.new("RGB", (200, 100), "red")
    photo.paste("blue", (100, 0, 200, 100))
    photo.save(folder / "site A" / "1.jpg", quality=95)
    Image.new("RGB", (50, 40), "green").save(folder / "site A" / "2.jpg")
    path = folder / "detections.json"
    path.write_text(json.dumps(results))
    return str(path)


def records(source: str) -> list[Record]:
    return list(read(source, refuse))


def test_each_sure_detection_is_a_record_with_camera_time_and_sequence(tmp_path: Path) -> None:
    source = write(tmp_path)
    assert reader_of(source).NOUN.startswith("results of MegaDetector")
    assert base(source) == str(tmp_path)
    animal, person, blank, failure = records(source)
    assert (blank.source_id, blank.label) == ("site A/2.jpg", "blank")
    assert blank.metadata == {"detection": "blank"}
    assert animal.source_id == "site A/1.jpg#xywh=percent:0,0,50,100"
    assert (animal.crop, animal.label) == (Box(0, 0, 0.5, 1), "")
    assert dict(animal.metadata) == {
        "datetime": "2024:05:01 06:00:00",
        "location": "A",
        "seq_id": "s1",
        "frame_num": "2",
        "detection": "animal",
        "detection_conf": "0.9",
        "classification": "red deer",
        "classification_conf": "0.7",
    }
    assert person.label == "person"
    assert failure.problem == "MegaDetector could not read it: Failure image access"


def test_a_detection_is_embedded_and_shown_as_its_part_alone(tmp_path: Path) -> None:
    source, collection = write(tmp_path / "p"), tmp_path / "c"
    progress = run(source, collection)
    assert (progress.embedded, progress.failed) == (3, 1)
    rows = open_snapshot(collection).query('SELECT width, height FROM images ORDER BY "row"')
    assert rows == [(100, 100), (100, 100), (50, 40)]
    found = open_collection(collection, ColourEncoder())
    red, blue = found.search(text="red", k=2)
    assert (red.source_id, red.score > 0.9 > blue.score) == (
        "p/site A/1.jpg#xywh=percent:0,0,50,100",
        True,
    )
    assert red.path == tmp_path / "p" / "site A" / "1.jpg"
    assert red.file_name == "1.jpg"
    (tmp_path / "p" / "site A" / "1.jpg").unlink()
    with Image.open(io.BytesIO(red.read())) as picture:
        assert picture.size == (100, 100)
        assert np.asarray(picture)[50, 50, 0] > 200


def test_a_table_may_name_the_photograph(tmp_path: Path) -> None:
    source = write(tmp_path / "p")
    labels = read_label_file(
        table(
            tmp_path,
            "file_name,species,eventDate\nsite A/1.jpg,Cervus elaphus,2024-05-01\n"
            "site A/2.jpg,,2024-05-02\n",
        )
    )
    run(source, tmp_path / "c", labels=labels)
    rows = open_snapshot(tmp_path / "c").query(
        "SELECT source_id, label, metadata['eventDate'] FROM images ORDER BY 1"
    )
    assert [row[1:] for row in rows] == [
        ("Cervus elaphus", "2024-05-01"),
        ("person", "2024-05-01"),  # what the detector saw stays
        ("blank", "2024-05-02"),
    ]


def test_a_table_of_sites_leaves_labels_of_detections_alone(tmp_path: Path) -> None:
    source = write(tmp_path / "p")
    labels = read_label_file(table(tmp_path, "label,site\nsite A,Serengeti\n"))
    run(source, tmp_path / "c", labels=labels)
    rows = open_snapshot(tmp_path / "c").query(
        "SELECT label, metadata['site'] FROM images ORDER BY source_id"
    )
    assert rows[:2] == [("", "Serengeti"), ("person", "Serengeti")]


def table(folder: Path, text: str) -> Path:
    path = folder / "labels.csv"
    path.write_text(text)
    return path


ODD = {
    "a NUL": "a\0b.jpg",
    "half a character": "\ud800.jpg",
    "a long name": "x" * 5000 + ".jpg",
}


@pytest.mark.parametrize("name", ODD.values(), ids=ODD)
def test_a_name_that_no_file_has_is_one_failed_input(tmp_path: Path, name: str) -> None:
    results = dict(RESULTS, images=[{"file": name, "detections": []}, *RESULTS["images"]])
    progress = run(write(tmp_path / "p", results), tmp_path / "c")
    assert (progress.embedded, progress.failed) == (3, 2)


def test_numbers_of_hundreds_of_digits_are_no_numbers(tmp_path: Path) -> None:
    path = Path(write(tmp_path))
    text = path.read_text().replace("0.9", "9" * 400).replace("0.8", "9" * 5000)
    path.write_text(text.replace('"frame_num": 2', f'"frame_num": {"7" * 400}, "x": "\\ud800"'))
    progress = run(path, tmp_path / "c")
    assert (progress.embedded, progress.failed) == (2, 1)


def test_predictions_of_speciesnet_are_read_like_these(tmp_path: Path) -> None:
    write(tmp_path)
    lion = "00000000;mammalia;carnivora;felidae;panthera;leo;lion"
    box = {"category": "1", "label": "animal", "conf": 0.97, "bbox": [0.1, 0.1, 0.5, 0.5]}
    person, vehicle = (
        {"category": number, "conf": 0.9, "bbox": [0.6, share, 0.3, 0.3]}
        for number, share in (("2", 0.1), ("3", 0.5))
    )
    told = [
        {
            **{"filepath": "site A/1.jpg", "country": "KEN", "detections": [box, person, vehicle]},
            **{"prediction": lion, "prediction_score": 0.9, "model_version": "4.0.1a"},
        },
        {"filepath": "site A/2.jpg", "detections": [], "prediction": "f1;;;;;;blank"},
        {"filepath": "site A/3.jpg", "failures": ["DETECTOR", "CLASSIFIER"]},
    ]
    path = tmp_path / "predictions.json"
    path.write_text(json.dumps({"predictions": told}))
    assert reader_of(str(path)).NOUN == "predictions of SpeciesNet (JSON)"
    animal, *others, blank, failed = reader_of(str(path)).read(str(path), refuse)
    assert [each.label for each in others] == ["human", "vehicle"]
    assert not any("classification" in key for each in others for key in each.metadata)
    assert (animal.crop, animal.label) == (Box(0.1, 0.1, 0.5, 0.5), "")
    assert animal.metadata == {
        **{"country": "KEN", "model_version": "4.0.1a", "detection": "animal"},
        **{"detection_conf": "0.97", "classification": "Panthera leo"},
        "classification_conf": "0.9",
    }
    assert (blank.source_id, blank.label) == ("site A/2.jpg", "blank")
    assert "detector, classifier failed" in failed.problem


def test_a_box_is_of_the_photograph_as_it_is_looked_at(tmp_path: Path) -> None:
    source = write(tmp_path)
    path = tmp_path / "site A" / "1.jpg"
    upright = Image.open(path)
    exif = upright.getexif()
    exif[ExifTags.Base.Orientation] = 6  # lies on its side, to be turned right by 90 degrees
    upright.transpose(Image.Transpose.ROTATE_90).save(path, exif=exif, quality=95)
    run(source, tmp_path / "c")
    red, *_ = open_collection(tmp_path / "c", ColourEncoder()).search(text="red")
    assert red.source_id.endswith("percent:0,0,50,100")


def test_the_whole_photograph_and_its_parts_are_different_contents(tmp_path: Path) -> None:
    source = write(tmp_path)
    run(source, tmp_path / "c")
    progress = run(tmp_path, tmp_path / "c")
    assert (progress.embedded, progress.duplicates, progress.vanished) == (1, 0, 0)
    assert run(source, tmp_path / "c").total == 0


def test_a_file_outside_of_the_folder_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "x.jpg").write_bytes(b"")
    results = {
        "images": [{"file": "../x.jpg", "detections": [{"conf": 1, "bbox": [0, 0, 1, 1]}]}],
        "detection_categories": {},
    }
    (record,) = records(write(tmp_path / "p", results))
    assert record.problem.startswith("is outside of ")
    (tmp_path / "x.jpg").unlink()
    (record,) = records(write(tmp_path / "p", results))
    assert record.problem == "cannot be read: No such file or directory"


JSON = st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=3) | st.integers(),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(["file", "images", "detections", "bbox", "conf", "category", "x"]),
            inner,
        )
    ),
    max_leaves=20,
)


@given(st.lists(JSON, max_size=3), JSON)
def test_nothing_in_the_file_is_trusted(images: list[object], categories: object) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "d.json")
        path.write_text(json.dumps({"images": images, "detection_categories": categories}))
        found = records(str(path))
    assert len({record.source_id for record in found}) == len(found)


@pytest.mark.parametrize("text", ["", "[]", "{", '{"images": {}}', '{"detections": 1}'])
def test_what_is_not_its_output_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    path = tmp_path / "d.json"
    path.write_text(text)
    with pytest.raises(BadInput):
        records(str(path))


def test_other_json_is_not_claimed(tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text('{"a": 1}')
    assert not claims(str(tmp_path / "x.json"))
    assert not claims(str(tmp_path / "missing.json"))
    assert not claims(str(tmp_path))


def test_persons_and_vehicles_get_no_species(tmp_path: Path) -> None:
    """A detector's person or vehicle is neither labelled by example nor identified."""
    for name, colour in (("Panthera leo", "orange"), ("Pica pica", "black")):
        for number in range(3):
            path = tmp_path / "p" / name / f"{number}.jpg"
            path.parent.mkdir(parents=True, exist_ok=True)
            Image.new("RGB", (20 + number, 20), colour).save(path)
    run(tmp_path / "p", tmp_path / "c")
    kinds = {"1": "animal", "2": "person", "3": "vehicle"}
    found = [
        {"category": kind, "conf": 0.9, "bbox": [share, 0, 0.25, 1]}
        for kind, share in (("1", 0), ("2", 0.25), ("3", 0.5))
    ]
    image = {"file": "site A/1.jpg", "detections": found}
    source = write(tmp_path / "traps", {"detection_categories": kinds, "images": [image]})
    run(Path(source), tmp_path / "c")
    opened = open_collection(tmp_path / "c", ColourEncoder())
    for relabel in (False, True):
        given = set(opened.label(relabel=relabel).to_arrow()["image_id"].to_pylist())
        asked = "SELECT image_id, metadata['detection'] FROM images WHERE contains(source_id, '#')"
        detected = opened.snapshot.query(asked)
        assert {kind for image_id, kind in detected if image_id in given} == {"animal"}
        assert len(detected) == 3
    for group_by in (None, "folder"):
        answers = opened.identify(source, group_by=group_by)
        assert {"person", "vehicle"} < {each.name for each in answers}
        assert [each.taxon for each in answers if each.name in kinds.values()] == [None, None]
        assert len(answers) == 3


def test_a_row_of_a_folder_sets_metadata_and_leaves_what_a_detector_found(tmp_path: Path) -> None:
    """Neither the folder's name nor its species becomes the label of a person or of a blank."""
    source = write(tmp_path)
    animal, person, blank, *_ = records(source)
    assert (animal.label, person.label, blank.label) == ("", "person", "blank")
    for row in ("site A,north,", "site A,north,Panthera leo"):
        (tmp_path / "labels.csv").write_text(f"label,site,species\n{row}\n")
        labels = read_label_file(tmp_path / "labels.csv")
        said = [labelled(record, base(source), labels) for record in (animal, person, blank)]
        assert [each.metadata["site"] for each in said] == ["north"] * 3
        assert [each.label for each in said[1:]] == ["person", "blank"]
        assert (said[0].taxon is None) == row.endswith(",")
    assert labelled(animal, base(source), {"site A": Label("site A")}).label == ""
