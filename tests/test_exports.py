"""Exports: what is written is complete, safe to open, and read back as it was said."""

import csv
import json
import re
import shutil
import zipfile
from collections import Counter
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import frictionless
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from colours import ColourEncoder
from dwca.read import DwCAReader
from hypothesis import given
from hypothesis import strategies as st
from pictures import run, write_picture

from indexer.catalog.snapshot import open_snapshot
from indexer.exports import image_rows
from indexer.exports.account import Account
from indexer.exports.camtrap.rows import moment_of
from indexer.exports.camtrap.tables import BASE, DEPLOYMENTS, MEDIA, OBSERVATIONS, PROFILE, schema
from indexer.exports.export import export, format_of
from indexer.ingest.identifications import write_identifications
from indexer.inputs.records import CROP_MARK
from indexer.inputs.spreadsheet_cells import as_said, harmless
from indexer.labels.label_files import label_from, read_label_file
from indexer.readers import darwin_core, refuse
from indexer.readers.darwin_core import read as read_darwin_core
from indexer.readers.embeddings import base as base_of_embeddings
from indexer.readers.embeddings import read as read_embeddings
from indexer.store.segment import IDENTIFICATIONS
from model.errors import BadInput, Error, UnknownName
from model.plugins import plugin_names
from search.collection import open_collection
from ui.cli import main

FORMATS = plugin_names("indexer.exports.formats")
LION = ("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Panthera", "Panthera leo")
MAGPIE = ("Animalia", "Chordata", "Aves", "Passeriformes", "Corvidae", "Pica", "Pica hudsonia")
ROSE = ("Plantae", "", "Magnoliopsida", "", "Rosaceae", "Rosa", "")
RANKS = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
KNOWN_TERMS = ("decimalLatitude", "decimalLongitude", "eventDate", "locality")
PLACE = {"decimalLatitude": "-1.5", "decimalLongitude": "36.8"}
# What is said of each picture: label, lineage, common name, metadata.
SAID: dict[str, tuple[str, tuple[str, ...], str, dict[str, str]]] = {
    "=cmd|calc!A0.png": ("=HYPERLINK(1)", (), "", {"site": "@home", "note": "+1 lion"}),
    'a "quoted", name.png': ("lion", LION, "lion", {"site": "A", "eventDate": "2021-05-03"}),
    "line\nbreak.png": ("two\nlines", LION, "<script>alert(1)</script>", {"note": "-x\ny"}),
    "löwe 獅子.png": ("лев", MAGPIE, "magpie", {"site": "'=quoted", "elevation": "-12.5"}),
    "camp/rose.png": ("Rosa", ROSE, "", PLACE | {"eventDate": "2021-05-04T08:00:00+03:00"}),
    "camp/night.png": ("blank", (), "", PLACE | {"eventDate": "2021:05:05 22:10:11"}),
    "camp/lion.png": (
        "lion",
        LION,
        "lion",
        PLACE | {"eventDate": "2021-05-06T05:00:00Z", "locality": "=1+1"},
    ),
    "none.png": ("", (), "", {}),
}


def label_file(path: Path) -> Path:
    names = list(dict.fromkeys(name for *_, said in SAID.values() for name in said))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["file_name", "label", *RANKS, "common_name", *names])
        for name, (label, lineage, common, said) in SAID.items():
            values = [said.get(each, "") for each in names]
            row = [name, label, *(lineage or [""] * 7), common, *values]
            writer.writerow([harmless(each) for each in row])
    return path


def labels_of(path: Path) -> dict[str, Any]:
    return read_label_file(label_file(path))


@pytest.fixture(scope="module")
def savanna(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Eight pictures under names and labels that break tables, two known to a machine."""
    folder = tmp_path_factory.mktemp("savanna")
    for place, name in enumerate(SAID):
        colour = ((40 * place) % 256, (90 * place) % 256, (200 - 25 * place) % 256)
        write_picture(folder / "photos" / name, colour)
    target = folder / "savanna.collection"
    run(folder / "photos", target, labels=labels_of(folder / "labels.csv"))
    with open_snapshot(target) as snapshot:
        ids = dict(snapshot.query("SELECT source_id, image_id FROM images"))
    lines = [
        {
            "image_id": ids[f"photos/{name}"],
            "label": taxon[-1],
            "taxon_key": "|".join(taxon),
            "confidence": confidence,
            "identified_by": "taxalens, colours-1",
            "date_identified": "2026-11-25T01:00:00Z",
            "method": "centroid",
            "remarks": "of 5 shots",
            "evidence": ["a", "b"],
        }
        for name, taxon, confidence in (("none.png", MAGPIE, 0.75), ("camp/lion.png", LION, 0.5))
    ]
    write_identifications(target, [pa.RecordBatch.from_pylist(lines, schema=IDENTIFICATIONS)])
    return target


def exported(collection: Path, target: Path, format_: str = "", rows: Any = None) -> Account:
    with open_snapshot(collection) as snapshot:
        *_, account = export(snapshot, target, format_, rows)
    return account


def said_in(collection: Path) -> dict[str, tuple[object, ...]]:
    with open_snapshot(collection) as snapshot:
        found = snapshot.query(
            "SELECT source_id, label, said_key, common_name, metadata FROM images ORDER BY 1"
        )
    return {line[0].partition("/")[2]: line[1:] for line in found}


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


# Every format


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_says_what_it_writes_and_the_command_lists_it(name: str) -> None:
    help_ = CliRunner().invoke(main, ["export", "--help"]).output
    assert re.search(rf"^ +{name} ", help_, re.MULTILINE)


@pytest.mark.parametrize("name", FORMATS)
def test_batches_change_nothing(
    savanna: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    def written(folder: Path) -> dict[str, bytes]:
        folder.mkdir()
        exported(savanna, folder / "x.zip", name)
        if zipfile.is_zipfile(folder / "x.zip"):
            with zipfile.ZipFile(folder / "x.zip") as archive:
                found = {each: archive.read(each) for each in archive.namelist()}
            return {each: text for each, text in found.items() if each.endswith((".txt", ".csv"))}
        if name == "parquet":
            return {"": repr(pq.read_table(folder / "x.zip").to_pylist()).encode()}
        return {"": (folder / "x.zip").read_bytes()}

    whole = written(tmp_path / "whole")
    assert whole
    monkeypatch.setattr(image_rows, "TOGETHER", 3)
    with open_snapshot(savanna) as snapshot:
        told = [each.images for each in export(snapshot, tmp_path / "y.zip", name)]
    assert len(told) == 4  # three batches, and the end
    assert written(tmp_path / "parts") == whole


@pytest.mark.parametrize("name", FORMATS)
def test_no_images_and_no_labels_are_exported_too(tmp_path: Path, name: str) -> None:
    write_picture(tmp_path / "p" / "x.png", "red")
    run(tmp_path / "p", tmp_path / "c")
    account = exported(tmp_path / "c", tmp_path / "none", name, np.empty(0, np.int64))
    assert (account.images, account.written.total()) == (0, 0)
    assert (tmp_path / "none").exists()
    if name == "camtrap-dp":
        with pytest.raises(BadInput, match=r"1 images without the day .* timestamp or eventDate"):
            exported(tmp_path / "c", tmp_path / "all", name)
        assert not (tmp_path / "all").exists()
    else:
        account = exported(tmp_path / "c", tmp_path / "all", name)
        assert account.images == 1
        assert account.written.total() + account.left_out.total() == 1


@pytest.mark.parametrize("name", FORMATS)
def test_what_is_there_is_never_overwritten_and_nothing_half_done_stays(
    savanna: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    (tmp_path / "mine").write_text("precious")
    with pytest.raises(BadInput, match="is there already"):
        exported(savanna, tmp_path / "mine", name)
    assert (tmp_path / "mine").read_text() == "precious"
    with pytest.raises(BadInput, match="cannot be written"):
        exported(savanna, tmp_path / "nowhere" / "x", name)
    monkeypatch.setattr(image_rows, "TOGETHER", 3)
    with open_snapshot(savanna) as snapshot:
        going = export(snapshot, tmp_path / "half", name)
        next(going)
        assert len(list(tmp_path.iterdir())) == 2
        going.close()
    assert [path.name for path in tmp_path.iterdir()] == ["mine"]


def test_the_suffix_says_the_format_where_it_is_certain() -> None:
    assert format_of(Path("x.csv")) == "csv"
    assert format_of(Path("x.PARQUET")) == "parquet"
    for name in ("x.zip", "x"):
        with pytest.raises(
            UnknownName, match=r"format=NAME: camtrap-dp \(.*; csv \(.*; pybioclip \("
        ):
            format_of(Path(name))


# CSV


def test_csv_is_a_label_file_that_says_the_same(savanna: Path, tmp_path: Path) -> None:
    account = exported(savanna, tmp_path / "all.csv")
    assert account.written == {"images": len(SAID)}
    before = said_in(savanna)
    photos = savanna.parent / "photos"
    run(photos, tmp_path / "again", labels=read_label_file(tmp_path / "all.csv"))
    for name, (label, key, common, metadata) in said_in(tmp_path / "again").items():
        assert (label, key, common) == before[name][:3]
        told = {term: value for term, value in metadata.items() if term in before[name][3]}
        assert told == before[name][3]
    second = exported(tmp_path / "again", tmp_path / "again.csv")
    assert any("machine_label" in note for note in second.notes)


def test_no_cell_of_a_csv_is_a_formula_and_numbers_are_numbers(
    savanna: Path, tmp_path: Path
) -> None:
    exported(savanna, tmp_path / "all.csv")
    rows = rows_of(tmp_path / "all.csv")
    for cell in (*rows[0], *(cell for row in rows for cell in row.values())):
        assert not cell.startswith(("=", "+", "@", "\t", "\r")), cell
        assert not cell.startswith("-") or float(cell)
    by_label = {row["label"]: row for row in rows}
    assert by_label["'=HYPERLINK(1)"]["site"] == "'@home"
    assert by_label["лев"]["elevation"] == "-12.5"
    assert by_label["лев"]["family"] == "Corvidae"
    (known,) = (row for row in rows if row["machine_label"] == "Pica hudsonia")
    assert known["file_name"].endswith("photos/none.png")
    assert known["machine_confidence"] == "0.75"
    assert known["machine_taxon_key"] == "|".join(MAGPIE)
    assert (known["label"], known["taxon"]) == ("", "")


@given(st.text())
def test_what_is_made_harmless_is_read_as_it_was_said(text: str) -> None:
    cell = harmless(text)
    assert isinstance(cell, str)
    assert as_said(cell) == text
    if cell.startswith(("=", "+", "-", "@", "\t", "\r")):
        assert float(cell) is not None


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_numbers_stay_numbers(number: float) -> None:
    assert harmless(number) == number
    assert harmless(str(number)) == str(number)


# Parquet


def test_parquet_is_indexed_again_with_the_same_vectors_and_labels(
    savanna: Path, tmp_path: Path
) -> None:
    exported(savanna, tmp_path / "e.parquet")
    table = pq.read_table(tmp_path / "e.parquet")
    assert table.schema.field("emb").type == pa.list_(pa.float32())
    assert {"uuid", "identifier", *RANKS, "common_name"} <= set(table.schema.names)
    with open_snapshot(savanna) as snapshot:
        vectors = {
            image_id: snapshot.vector(row).astype(np.float32)
            for image_id, row in snapshot.query('SELECT image_id, "row" FROM images')
        }
    for image_id, vector in zip(table["uuid"].to_pylist(), table["emb"].to_pylist(), strict=True):
        np.testing.assert_array_equal(vector, vectors[image_id])
    run(tmp_path / "e.parquet", tmp_path / "again", "colours-1")
    with open_snapshot(savanna) as old, open_snapshot(tmp_path / "again") as new:
        asked = "SELECT label, said_key, common_name FROM images ORDER BY ALL"
        assert new.query(asked) == old.query(asked)
        rows = new.query('SELECT source_id, "row" FROM images')
        ids = dict(old.query("SELECT source_id, image_id FROM images"))
        for source_id, row in rows:
            np.testing.assert_array_equal(
                new.vector(row), vectors[ids[source_id]].astype(np.float16)
            )
            assert new.path_of(source_id) == savanna.parent / source_id
        assert len(rows) == len(SAID)


def test_parts_of_photographs_in_parquet_find_their_picture_and_other_files_are_none(
    tmp_path: Path,
) -> None:
    """A table that names any other file than a picture does not open it."""
    picture = write_picture(tmp_path / "photos" / "a.png", "red")
    secret = tmp_path / "photos" / "secret.txt"
    secret.write_text("secret")
    part = f"{CROP_MARK}0,0,50,50"
    rows = [
        {"uuid": "1", "file_name": f"{picture}{part}", "source_id": f"photos/a.png{part}"},
        {"uuid": "2", "file_name": str(secret), "source_id": "photos/secret.txt"},
    ]
    table = pa.Table.from_pylist([row | {"emb": [1.0] + [0.0] * 63} for row in rows])
    pq.write_table(table, tmp_path / "v.parquet")
    first, second = read_embeddings(str(tmp_path / "v.parquet"), refuse)
    assert base_of_embeddings(str(tmp_path / "v.parquet")) == str(tmp_path / "photos")
    assert first.source_id == f"a.png{part}"
    assert second.source_id == "2"
    picture.unlink()
    picture.parent.rename(tmp_path / "moved")
    first, _ = read_embeddings(str(tmp_path / "v.parquet"), refuse)
    assert (first.source_id, first.metadata["file_name"]) == ("1", f"{picture}{part}")


# pybioclip


def test_pybioclip_has_its_columns_and_people_come_before_machines(
    savanna: Path, tmp_path: Path
) -> None:
    account = exported(savanna, tmp_path / "p.csv", "pybioclip")
    assert account.written == {"identifications": 6}
    assert account.left_out == {"images that nobody names a taxon of": 2}
    rows = rows_of(tmp_path / "p.csv")
    expected = "file_name,kingdom,phylum,class,order,family,genus,species_epithet,species"
    assert list(rows[0]) == [*expected.split(","), "common_name", "score"]
    by_name = {Path(row["file_name"]).name: row for row in rows}
    assert by_name["none.png"]["score"] == "0.75"
    assert by_name["none.png"]["species_epithet"] == "hudsonia"
    assert by_name["lion.png"]["score"] == "1.0"


# Darwin Core


def test_darwin_core_is_opened_by_its_reader(savanna: Path, tmp_path: Path) -> None:
    account = exported(savanna, tmp_path / "a.zip", "darwin-core")
    assert account.written == {"occurrences": 6, "identifications": 7, "media": 6}
    assert account.left_out == {"images that nobody names a taxon of": 2}
    term = "http://rs.tdwg.org/dwc/terms/{}".format
    with DwCAReader(tmp_path / "a.zip") as archive:
        assert archive.descriptor.core.type == term("Occurrence")
        assert archive.metadata is not None
        assert archive.metadata.find("dataset/title").text == "savanna"
        rows = list(archive.rows)
        assert len(rows) == 6
        (lion,) = (row for row in rows if row.data[term("eventDate")] == "2021-05-06T05:00:00Z")
        assert lion.data[term("scientificName")] == "Panthera leo"
        assert lion.data[term("decimalLatitude")] == "-1.5"
        assert lion.data[term("basisOfRecord")] == "Occurrence"
        kinds = Counter(each.rowtype.rpartition("/")[2] for each in lion.extensions)
        assert kinds == {"Identification": 2, "Multimedia": 1}
        machine = next(each.data for each in lion.extensions if each.data.get(term("identifiedBy")))
        assert machine[term("identifiedBy")] == "taxalens, colours-1"
        assert machine[term("dateIdentified")] == "2026-11-25T01:00:00Z"
        assert machine[term("identificationVerificationStatus")] == "unverified"
        assert machine[term("identificationRemarks")] == "centroid; confidence 0.5; of 5 shots"
        (magpie,) = (row for row in rows if row.data[term("verbatimIdentification")] == "лев")
        assert json.loads(magpie.data[term("dynamicProperties")]) == {
            "site": "'=quoted",
            "elevation": "-12.5",
        }


def test_an_archive_holds_neither_formulas_nor_breaks_nor_markup(
    savanna: Path, tmp_path: Path
) -> None:
    hostile = tmp_path / 'a <b> & "c".collection'
    shutil.copytree(savanna, hostile)
    exported(hostile, tmp_path / "a.zip", "darwin-core")
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        assert len(archive.namelist()) == 5
        eml = ElementTree.fromstring(archive.read("eml.xml"))
        assert eml.findtext("dataset/title") == 'a <b> & "c"'
        for name in ("occurrence.txt", "identification.txt", "multimedia.txt"):
            lines = archive.read(name).decode().removesuffix("\n").split("\n")
            assert {line.count("\t") for line in lines} == {lines[0].count("\t")}
            for cell in "\t".join(lines).split("\t"):
                assert not cell.startswith(("=", "+", "@")), cell


def test_darwin_core_is_read_back_by_our_own_reader(savanna: Path, tmp_path: Path) -> None:
    exported(savanna, tmp_path / "a.zip", "darwin-core")
    shutil.copytree(savanna.parent / "photos", tmp_path / "unpacked" / "photos")
    shutil.unpack_archive(tmp_path / "a.zip", tmp_path / "unpacked")
    records = {
        each.source_id: each for each in read_darwin_core(str(tmp_path / "unpacked"), refuse)
    }
    for name in ("camp/lion.png", "löwe 獅子.png", "camp/rose.png", "=cmd|calc!A0.png"):
        _, lineage, common, said = SAID[name]
        record = records.get(f"photos/{name}")
        if not lineage:
            assert record is None
            continue
        assert record is not None
        assert record.path is not None
        assert record.taxon
        assert record.taxon.lineage == lineage
        assert record.taxon.common_name == common
        terms = {each: said[each] for each in said if each in KNOWN_TERMS}
        assert terms.items() <= dict(record.metadata).items()
    assert records["photos/none.png"].taxon.lineage == MAGPIE


def test_pictures_of_one_specimen_are_one_occurrence(tmp_path: Path) -> None:
    for name, colour in (("a", "red"), ("b", "green"), ("c", "blue")):
        write_picture(tmp_path / "p" / f"{name}.png", colour)
    labels = {
        f"{name}.png": label_from(
            "", {"species": "Pica pica", "occurrenceID": specimen, "identifiedBy": "A. Person"}
        )
        for name, specimen in (("a", "urn:1"), ("b", "urn:1"), ("c", "urn:2"))
    }
    run(tmp_path / "p", tmp_path / "c", labels=labels)
    account = exported(tmp_path / "c", tmp_path / "a.zip", "darwin-core")
    assert account.written == {"occurrences": 2, "identifications": 2, "media": 3}
    with zipfile.ZipFile(tmp_path / "a.zip") as archive:
        ElementTree.fromstring(archive.read("meta.xml"))
        ids = [line.split(b"\t")[0] for line in archive.read("multimedia.txt").splitlines()]
    assert Counter(ids) == {b"id": 1, b"urn:1": 2, b"urn:2": 1}


# Camtrap DP


def validated(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Check a package against the tables of the standard, and return its rows."""
    package = json.loads((folder / "datapackage.json").read_text())
    assert package["profile"] == PROFILE
    # What camtrap-dp-profile.json, version 1.0.1, requires.
    required = ("created", "contributors", "project", "spatial", "temporal", "taxonomic")
    assert set(required) <= set(package)
    assert set(package["project"]) == {
        *("title", "samplingDesign", "captureMethod", "individualAnimals", "observationLevel")
    }
    for resource in package["resources"]:
        assert resource["schema"] == f"{BASE}{resource['name']}-table-schema.json"
        resource["schema"] = schema(resource["name"])
    del package["profile"]
    (folder / "offline.json").write_text(json.dumps(package))
    report = frictionless.Package(str(folder / "offline.json")).validate()
    assert report.valid, report.flatten(["fieldName", "note"])
    return {table: rows_of(folder / f"{table}.csv") for table in (DEPLOYMENTS, MEDIA, OBSERVATIONS)}


@pytest.mark.parametrize("target", ["package", "package.zip"])
def test_camtrap_dp_is_valid_and_says_only_what_is_known(
    savanna: Path, tmp_path: Path, target: str
) -> None:
    account = exported(savanna, tmp_path / target, "camtrap-dp")
    folder = tmp_path / "package"
    if target.endswith(".zip"):
        shutil.unpack_archive(tmp_path / target, folder)
    tables = validated(folder)
    assert account.left_out == {
        "images without the day that they were taken": 4,
        "images without coordinates": 1,
        "observations of other organisms than animals, which Camtrap DP cannot hold": 1,
    }
    (deployment,) = tables[DEPLOYMENTS]
    assert deployment["deploymentID"] == "photos/camp"
    assert (deployment["latitude"], deployment["timestampIssues"]) == ("-1.5", "true")
    assert deployment["deploymentStart"] == "2021-05-04T08:00:00+03:00"
    assert deployment["deploymentEnd"] == "2021-05-06T05:00:00+00:00"
    media = {row["fileName"]: row for row in tables[MEDIA]}
    assert media["night.png"]["timestamp"] == "2021-05-05T22:10:11+00:00"
    assert media["lion.png"]["filePath"] == "photos/camp/lion.png"
    seen = [
        (row["observationType"], row["scientificName"], row["classificationMethod"])
        for row in tables[OBSERVATIONS]
    ]
    assert Counter(seen) == Counter(
        [
            ("blank", "", "human"),
            ("animal", "Panthera leo", "human"),
            ("animal", "Panthera leo", "machine"),
        ]
    )
    package = json.loads((folder / "datapackage.json").read_text())
    assert [taxon["scientificName"] for taxon in package["taxonomic"]] == ["Panthera leo"]
    assert package["temporal"] == {"start": "2021-05-04", "end": "2021-05-06"}
    assert sum("time zone" in note for note in account.notes) == 1


def test_parts_of_a_photograph_are_observations_in_one_medium(tmp_path: Path) -> None:
    write_picture(tmp_path / "p" / "a.png", "red")
    image = {
        "file": "a.png",
        "detections": [
            {"category": "1", "conf": 0.9, "bbox": [0.1, 0.2, 0.3, 0.4]},
            {"category": "2", "conf": 0.8, "bbox": [0.5, 0.5, 0.5, 0.5]},
        ],
        "eventDate": "2024-02-29T12:00:00Z",
        **PLACE,
    }
    told = {"detection_categories": {"1": "animal", "2": "person"}, "images": [image]}
    (tmp_path / "p" / "md.json").write_text(json.dumps(told))
    run(tmp_path / "p" / "md.json", tmp_path / "c")
    exported(tmp_path / "c", tmp_path / "package", "camtrap-dp")
    tables = validated(tmp_path / "package")
    (medium,) = tables[MEDIA]
    assert CROP_MARK not in medium["filePath"]
    animal, person = sorted(tables[OBSERVATIONS], key=lambda row: row["bboxX"])
    assert (animal["observationType"], person["observationType"]) == ("animal", "human")
    assert (animal["classifiedBy"], animal["classificationProbability"]) == ("MegaDetector", "0.9")
    box = [float(animal[f"bbox{each}"]) for each in ("X", "Y", "Width", "Height")]
    np.testing.assert_allclose(box, [0.1, 0.2, 0.3, 0.4])
    exported(tmp_path / "c", tmp_path / "parts.csv")
    labels = read_label_file(tmp_path / "parts.csv")
    assert {label.text for label in labels.values()} == {"", "person"}


@pytest.mark.parametrize(
    ("seen", "written"),
    [
        ([-0.25, -0.5, 0.75, 1], [0, 0, 0.5, 0.5]),
        ([0.75, 0.5, 0.5, 1], [0.75, 0.5, 0.25, 0.5]),
        ([-1, -1, 3, 3], [0, 0, 1, 1]),
    ],
)
def test_boxes_beyond_the_edge_end_at_the_edge(
    tmp_path: Path, seen: list[float], written: list[float]
) -> None:
    write_picture(tmp_path / "p" / "a.png", "red")
    detection = {"category": "1", "conf": 0.9, "bbox": seen}
    image = {"file": "a.png", "detections": [detection], "eventDate": "2024-02-29", **PLACE}
    told = {"detection_categories": {"1": "animal"}, "images": [image]}
    (tmp_path / "p" / "md.json").write_text(json.dumps(told))
    run(tmp_path / "p" / "md.json", tmp_path / "c")
    exported(tmp_path / "c", tmp_path / "package", "camtrap-dp")
    (row,) = validated(tmp_path / "package")[OBSERVATIONS]
    box = [float(row[f"bbox{each}"]) for each in ("X", "Y", "Width", "Height")]
    np.testing.assert_allclose(box, written, atol=1e-6)


@pytest.mark.parametrize(
    ("text", "expected", "certain"),
    [
        ("2021-05-03", "2021-05-03T00:00:00+00:00", False),
        ("2021:05:03 04:05:06", "2021-05-03T04:05:06+00:00", False),
        ("2021-05-03T04:05:06.789+02:00", "2021-05-03T04:05:06+02:00", True),
        ("2021-05-03 04:05Z", "2021-05-03T04:05:00+00:00", True),
        ("2021/05/03 04:05:06", "2021-05-03T04:05:06+00:00", False),
        ("2021:05:03", "2021-05-03T00:00:00+00:00", False),
        ("2021-05-03/2021-05-04", "2021-05-03T00:00:00+00:00", False),
        ("2021-05-03/04", "2021-05-03T00:00:00+00:00", False),
        ("2021-05-03T04:05Z/2021-05-03T04:06Z", "2021-05-03T04:05:00+00:00", True),
    ],
)
def test_times_are_understood_and_doubt_is_kept(text: str, expected: str, certain: bool) -> None:
    moment = moment_of(text)
    assert moment is not None
    assert (str(moment), moment.certain) == (expected, certain)


def test_of_an_interval_of_one_visit_the_start_counts() -> None:
    told = moment_of("2020-05-30T02:57:37Z/2020-05-30T02:57:44Z")
    assert told is not None
    assert str(told) == "2020-05-30T02:57:37+00:00"
    assert str(told.end) == "2020-05-30T02:57:44+00:00"
    lone = moment_of("2020-05-30T02:57:37Z")
    assert lone is not None
    assert lone.end == lone
    assert moment_of("2020-05-30T02:57:37Z/2020-06-30T02:57:44Z") is None


@pytest.mark.parametrize(
    "text",
    [
        "",
        "2021",
        "2021-05",
        "2021-05-01/2021-06-01",
        "2021-05-01/03",
        "2021/2022",
        "May",
        "2021-13-01",
    ],
)
def test_what_is_no_moment_is_none(text: str) -> None:
    assert moment_of(text) is None


# The door and the command


def test_the_door_exports_what_passes(savanna: Path, tmp_path: Path) -> None:
    opened = open_collection(savanna, ColourEncoder())
    account = opened.export(tmp_path / "lions.csv", within="Felidae")
    assert account.written == {"images": 3}
    opened.export(str(tmp_path / "where"), format="csv", where="elevation < 0")
    assert [row["label"] for row in rows_of(tmp_path / "where")] == ["лев"]
    with pytest.raises(Error, match="where='nothing = 1'"):
        opened.export(tmp_path / "x.csv", where="nothing = 1")
    with pytest.raises(UnknownName, match="Did you mean darwin-core"):
        opened.export(tmp_path / "x", format="darwincore")


def test_the_command_says_what_was_written_and_what_was_not(savanna: Path, tmp_path: Path) -> None:
    target = str(tmp_path / "a.zip")
    asked = ["export", target, "--format", "darwin-core", "-c", str(savanna)]
    ran = CliRunner().invoke(main, asked)
    assert ran.stdout == f"{target}: 6 occurrences, 7 identifications, 6 media\n"
    assert "left out: 2 images that nobody names a taxon of" in ran.stderr
    assert "note: eml.xml names no creator" in ran.stderr
    again = CliRunner().invoke(main, asked)
    assert (again.exit_code, again.stdout) == (1, "")
    assert "is there already" in again.stderr


def test_our_own_archive_indexed_again_says_that_pictures_are_not_in_it(
    savanna: Path, tmp_path: Path
) -> None:
    exported(savanna, tmp_path / "o.zip", "darwin-core")
    packed = list(read_darwin_core(str(tmp_path / "o.zip"), refuse))
    assert len(packed) == 6
    assert all("a path that the archive does not hold" in each.problem for each in packed)
    shutil.unpack_archive(tmp_path / "o.zip", tmp_path / "o")
    for record in read_darwin_core(str(tmp_path / "o"), refuse):
        assert "a path that the archive does not hold" in record.problem


@pytest.mark.parametrize("named", ["o.zip", "o", "o/occurrence.txt", "o/multimedia.txt"])
def test_our_own_archive_labels_the_photographs_that_it_names(
    savanna: Path, tmp_path: Path, named: str
) -> None:
    exported(savanna, tmp_path / "o.zip", "darwin-core")
    shutil.unpack_archive(tmp_path / "o.zip", tmp_path / "o")
    photos = savanna.parent / "photos"
    given = darwin_core.labels_of(tmp_path / named)
    assert given is not None
    run(photos, tmp_path / "again", labels=given)
    before, after = said_in(savanna), said_in(tmp_path / "again")
    for name, (_, lineage, *_) in SAID.items():
        if any(lineage) and "\n" not in name:  # which no table of an archive can hold
            assert (name, after[name][1]) == (name, before[name][1])


def test_an_interval_and_a_count_as_pandas_writes_it_are_camtrap_dp(tmp_path: Path) -> None:
    for name, colour in (("a", "red"), ("b", "green")):
        write_picture(tmp_path / "p" / f"{name}.png", colour)
    (tmp_path / "table.csv").write_text(
        "file_name,species,eventDate,decimalLatitude,decimalLongitude,individualCount,captureMethod\n"
        "a.png,Panthera leo,2020-05-30T02:57:37Z/2020-05-30T02:57:44Z,1.5,13.4,1,timeLapse\n"
        "b.png,Puma concolor,2020-05-30T02:57:37Z,1.5,13.4,1.0,by chance\n"
    )
    run(tmp_path / "p", tmp_path / "c", labels=read_label_file(tmp_path / "table.csv"))
    exported(tmp_path / "c", tmp_path / "package", "camtrap-dp")
    package = validated(tmp_path / "package")
    methods = {row["fileName"]: row["captureMethod"] for row in package[MEDIA]}
    assert methods == {"a.png": "timeLapse", "b.png": ""}  # the standard knows two
    rows = package[OBSERVATIONS]
    assert [row["count"] for row in rows] == ["1", "1"]
    assert {row["eventStart"] for row in rows} == {"2020-05-30T02:57:37+00:00"}


@pytest.mark.parametrize("format_", ["csv", "pybioclip"])
def test_a_table_beside_the_pictures_names_them_by_their_paths_below_it(
    photos: Path, collection: Path, tmp_path: Path, format_: str
) -> None:
    places = {tmp_path / "t.csv": "photos/", photos / "t.csv": ""}
    for target, start in places.items():
        exported(collection, target, format_)
        names = {row["file_name"] for row in rows_of(target)}
        assert f"{start}Panthera leo/a.png" in names
        assert all(not Path(name).is_absolute() for name in names)
        if format_ == "csv":
            again = tmp_path / f"again{len(start)}"
            run(photos, again, labels=read_label_file(target))
            assert {key: said[0] for key, said in said_in(again).items()} == {
                key: said[0] for key, said in said_in(collection).items()
            }
    (tmp_path / "far").mkdir()
    exported(collection, tmp_path / "far" / "t.csv", format_)
    names = {row["file_name"] for row in rows_of(tmp_path / "far" / "t.csv")}
    assert str(photos / "Panthera leo/a.png") in names
