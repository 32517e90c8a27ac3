"""Camtrap DP packages: photographs, their places, and what people and machines observed."""

import json
import zipfile
from pathlib import Path

import pytest
from archives import zipped
from pictures import run, write_picture

from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.run import How
from indexer.inputs.records import Box, Record
from indexer.readers import reader_of, refuse
from indexer.readers.camtrap_dp import claims, read
from model.errors import BadInput
from model.taxon import Rank

PACKAGE = {
    "profile": "https://raw.githubusercontent.com/tdwg/camtrap-dp/1.0/camtrap-dp-profile.json",
    "resources": [
        {"name": name, "path": f"{name}.csv"} for name in ("deployments", "media", "observations")
    ],
    "taxonomic": [
        {
            **{"scientificName": "Panthera leo", "taxonRank": "species", "kingdom": "Animalia"},
            **{"family": "Felidae", "vernacularNames": {"eng": "lion"}},
        }
    ],
}
FILES = {
    "datapackage.json": json.dumps(PACKAGE),
    "deployments.csv": "deploymentID,latitude,longitude,locationName\nd1,-2.3,34.8,Serengeti\n",
    "media.csv": "mediaID,deploymentID,timestamp,filePath,filePublic,fileMediatype\n"
    "m1,d1,2024-05-01T06:00:00Z,media/1.png,false,image/png\n"
    "m2,d1,2024-05-01T07:00:00Z,https://example.org/2.jpg,true,image/jpeg\n"
    "m3,d1,2024-05-01T08:00:00Z,media/3.mp4,false,video/mp4\n"
    "m4,d1,2024-05-01T09:00:00Z,media/4.png,false,image/png\n"
    "m5,d1,2024-05-01T10:00:00Z,../5.png,false,image/png\n",
    "observations.csv": "observationID,deploymentID,mediaID,eventStart,eventEnd,observationLevel,"
    "observationType,scientificName,count,bboxX,bboxY,bboxWidth,bboxHeight,"
    "classificationMethod,classificationProbability\n"
    "o1,d1,m1,,,media,animal,Panthera leo,2,0,0,0.5,1,human,\n"
    "o2,d1,m1,,,media,animal,Vulpes vulpes,1,,,,,machine,0.7\n"
    "o3,d1,,2024-05-01T06:50:00Z,2024-05-01T07:10:00Z,event,blank,,,,,,,,\n",
}


def package(folder: Path) -> Path:
    folder.mkdir()
    for name, text in FILES.items():
        (folder / name).write_text(text)
    write_picture(folder.parent / "5.png", "green")
    for name in ("1.png", "4.png"):
        write_picture(folder / "media" / name, "red" if name == "1.png" else "blue")
    return folder


def records(source: Path) -> list[Record]:
    return list(read(str(source), refuse))


def test_an_observation_is_a_record_with_place_and_time(tmp_path: Path) -> None:
    source = package(tmp_path / "p")
    assert reader_of(str(source)).NOUN.startswith("a Camtrap DP package")
    lion, fox, blank, video, nothing, outside = records(source)
    assert (lion.source_id, lion.crop) == (
        "media/1.png#xywh=percent:0,0,50,100",
        Box(0, 0, 0.5, 1),
    )
    assert lion.taxon
    assert (lion.label, lion.taxon.common_name) == ("Panthera leo", "lion")
    assert lion.taxon.at(Rank.FAMILY) == "Felidae"
    assert lion.metadata["count"] == "2"
    assert {name: lion.metadata[name] for name in ("latitude", "locationName", "timestamp")} == {
        **{"latitude": "-2.3", "locationName": "Serengeti", "timestamp": "2024-05-01T06:00:00Z"},
    }
    assert (fox.label, fox.path) == ("", lion.path)  # a machine's word is no label
    assert fox.metadata["classification"] == "Vulpes vulpes"
    assert fox.metadata["classification_conf"] == "0.7"
    assert (blank.url, blank.label) == ("https://example.org/2.jpg", "blank")
    assert video.problem == "is no picture: video/mp4"
    assert (nothing.source_id, nothing.label, nothing.problem) == ("media/4.png", "", "")
    assert outside.problem.startswith("is outside of")


def test_the_file_that_describes_it_stands_for_the_package(tmp_path: Path) -> None:
    source = package(tmp_path / "p")
    red = (source / "media" / "1.png").read_bytes()
    how = How(fetch=lambda url: red)
    progress = run(source / "datapackage.json", tmp_path / "c", how=how)
    assert (progress.done, progress.failed) == (6, 2)
    with open_snapshot(tmp_path / "c") as snapshot:
        labels = dict(snapshot.query("SELECT source_id, label FROM images"))
    assert labels["p/media/1.png#xywh=percent:0,0,50,100"] == "Panthera leo"


def test_a_zip_names_pictures_that_lie_elsewhere(tmp_path: Path) -> None:
    source = zipped(tmp_path / "p.zip", FILES, top="p/")
    assert claims(str(source))
    first, *_ = records(source)
    assert first.problem.startswith("is a path that the package does not hold")


def test_pictures_in_the_zip_itself_are_read(tmp_path: Path) -> None:
    source = zipped(tmp_path / "p.zip", FILES, top="p/")
    picture = write_picture(tmp_path / "1.png", "red").read_bytes()
    with zipfile.ZipFile(source, "a") as archive:
        archive.writestr("p/media/1.png", picture)
    first, *_ = records(source)
    assert (first.problem, first.label) == ("", "Panthera leo")
    assert first.read is not None
    assert first.read() == picture


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"resources": 1}', '{"resources": [1]}'])
def test_what_is_no_package_is_refused_in_a_sentence(tmp_path: Path, text: str) -> None:
    source = package(tmp_path / "p")
    (source / "datapackage.json").write_text(text)
    with pytest.raises(BadInput, match=r"datapackage\.json in .* cannot be read"):
        records(source)
    assert not claims(str(tmp_path))
