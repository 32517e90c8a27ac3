"""Sequences: photographs of one camera, close together in time, and the animals in them."""

import json
from datetime import UTC, datetime, timedelta
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from colours import ColourEncoder
from hypothesis import given
from hypothesis import strategies as st
from pictures import run
from PIL import ExifTags, Image

from indexer.exports.sequences import Taken, sequences_of, taken
from indexer.labels.label_files import Label
from model.errors import BadInput, UnknownName
from search.collection import Collection, open_collection
from ui.cli import main

TIMES = {  # camera, time of EXIF, shade
    "north/a.jpg": ("2021:05:01 06:00:00", "orange"),
    "north/b.jpg": ("2021:05:01 06:00:40", "gold"),
    "north/c.jpg": ("2021:05:01 06:01:30", "black"),
    "north/d.jpg": ("2021:05:01 07:00:00", "navy"),
    "south/e.jpg": ("2021:05:01 06:00:20", "red"),
    "south/f.jpg": ("", "blue"),
}


def photograph(path: Path, time: str, colour: str, size: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    exif = Image.Exif()
    if time:
        exif.get_ifd(ExifTags.IFD.Exif)[ExifTags.Base.DateTimeOriginal] = time
    Image.new("RGB", (size, 16), colour).save(path, exif=exif)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """Six photographs of two cameras in p, five of them with a time, and a collection c of them."""
    for number, (name, (time, colour)) in enumerate(TIMES.items()):
        photograph(tmp_path / "p" / name, time, colour, 20 + number)
    run(tmp_path / "p", tmp_path / "c", labels={"north/a.jpg": Label("deer")})
    return tmp_path


@pytest.fixture
def opened(place: Path) -> Collection:
    return open_collection(place / "c", ColourEncoder())


def taxalens(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_search_shows_one_photograph_of_each_sequence(opened: Collection) -> None:
    hits = opened.search(text="orange", k=9, sequence=60)
    assert {hit.file_name: hit.group for hit in hits} == {
        "a.jpg": "p/north 2021-05-01 06:00:00",  # 40 s and 50 s apart
        "d.jpg": "p/north 2021-05-01 07:00:00",
        "e.jpg": "p/south 2021-05-01 06:00:20",
        "f.jpg": "",
    }
    assert len(opened.search(text="orange", k=9, sequence=45)) == 5
    assert len(opened.search(text="orange", k=9, sequence=3600, group_by="sequence")) == 3


def test_a_column_of_times_goes_before_exif_unless_it_is_a_day(place: Path) -> None:
    said = {
        "north/b.jpg": Label("", None, {"eventDate": "2021-05-01T09:00:00", "site": "north gate"}),
        "north/c.jpg": Label("", None, {"eventDate": "2021-05-01"}),
    }
    run(place / "p", place / "c", labels=said)
    groups = {
        hit.file_name: hit.group
        for hit in open_collection(place / "c", ColourEncoder()).search(text="x", k=9, sequence=60)
    }
    assert groups["b.jpg"] == "north gate 2021-05-01 09:00:00"
    assert groups["c.jpg"] == "p/north 2021-05-01 06:01:30"


def test_photographs_of_a_sequence_are_identified_as_one_specimen(
    place: Path, tmp_path: Path
) -> None:
    labels = {
        name: Label(species) for name, species in
        zip(TIMES, ["Panthera leo", "Panthera leo", "Pica pica", "Pica pica"], strict=False)
    }  # fmt: skip
    (place / "labels.csv").write_text(
        "file_name,taxon\n" + "".join(f"{name},{each.text}\n" for name, each in labels.items())
    )
    taxalens("index", place / "p", "-c", place / "s", "--encoder", "starter", "--labels",
             place / "labels.csv")  # fmt: skip
    asked = ("identify", place / "p" / "north", "-c", place / "s", "--format", "json")
    rows = json.loads(taxalens(*asked, "--sequence", "60s").stdout)
    assert [(row["group"], row["photographs"]) for row in rows] == [
        (f"{place}/p/north 2021-05-01 06:00:00", 3),
        (f"{place}/p/north 2021-05-01 07:00:00", 1),
    ]


def test_the_table_counts_the_taxa_of_each_sequence(place: Path) -> None:
    detections = [
        {"category": "1", "conf": 0.9, "bbox": [0.1 * each, 0.1, 0.2, 0.5]} for each in range(2)
    ]
    images = [
        {"file": "north/a.jpg", "detections": detections},
        {"file": "north/b.jpg", "detections": detections[:1]},
        {"file": "north/d.jpg", "detections": []},
        {"file": "south/f.jpg", "detections": detections},
    ]
    results = place / "p" / "md.json"
    results.write_text(json.dumps({"images": images, "detection_categories": {"1": "animal"}}))
    labels = {"north/a.jpg": Label("Panthera leo"), "north/b.jpg": Label("Panthera leo")}
    run(results, place / "m", labels=labels)
    found = open_collection(place / "m", ColourEncoder()).sequences(60)
    rows = {(each.sequence, each.label): each for each in found}
    lions = rows["p/north 2021-05-01 06:00:00", "Panthera leo"]
    assert (lions.count, lions.photographs, lions.detections, lions.by) == (2, 2, 3, "person")
    assert ("p/north 2021-05-01 07:00:00", "blank") in rows
    assert (found.photographs, found.untimed) == (4, 1)
    assert found.to_arrow().column_names[:2] == ["sequence", "name"]


def test_the_command_writes_the_table(place: Path) -> None:
    result = taxalens("sequences", "2min", "-c", place / "c", "--output", place / "s.json")
    assert result.exit_code == 0, result.output
    assert result.stderr == "6 photographs, 3 sequences, 1 without a time of day\n"
    rows = json.loads((place / "s.json").read_text())
    assert [row["label"] for row in rows][:2] == ["deer", "north"]


@pytest.mark.parametrize("gap", [0, -1, "60", None, float("nan"), True])
def test_a_gap_that_is_no_time_is_bad_input(gap: object, opened: Collection) -> None:
    with pytest.raises(BadInput, match="a number of seconds"):
        opened.sequences(gap)  # type: ignore[arg-type]


def test_what_groups_by_times_is_suggested(opened: Collection) -> None:
    with pytest.raises(UnknownName, match="--sequence 60s groups photographs by their times"):
        opened.search(text="x", group_by="sequence")
    with pytest.raises(BadInput, match="not by both"):
        opened.search(text="x", group_by="label", sequence=60)
    assert taxalens("search", "x", "--sequence", "soon").exit_code == 1


BEGIN = datetime(2021, 5, 1, tzinfo=UTC)


@given(
    st.lists(st.tuples(st.sampled_from("ab"), st.one_of(st.none(), st.integers(0, 400)))),
    st.integers(1, 100),
)
def test_two_photographs_of_a_camera_share_a_sequence_as_far_as_steps_of_a_gap_lead(
    shots: list[tuple[str, int | None]], gap: int
) -> None:
    photographs = [
        Taken(camera, None if at is None else BEGIN + timedelta(seconds=at)) for camera, at in shots
    ]
    names = sequences_of(photographs, timedelta(seconds=gap))
    assert [bool(name) for name in names] == [at is not None for _, at in shots]
    times = {camera: sorted(at for c, at in shots if c == camera and at is not None)
             for camera in "ab"}  # fmt: skip
    for (camera, at), name in zip(shots, names, strict=True):
        for (other, then), its in zip(shots, names, strict=True):
            if at is None or then is None or at > then:
                continue
            between = [each for each in times[camera] if at <= each <= then]
            near = camera == other and all(b - a <= gap for a, b in pairwise(between))
            assert (name == its) == near


def test_a_damaged_file_has_no_time(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").write_bytes(b"\xff\xd8\xff\xe1\x00\x10Exif\x00\x00garbage")
    assert taken({}, "f", tmp_path / "a.jpg") == Taken("f", None)
