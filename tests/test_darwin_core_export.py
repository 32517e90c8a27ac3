"""Metadata as terms of Darwin Core: dates that are dates, terms in any case, all else apart."""

import csv
import json
import zipfile
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path

import pyarrow as pa
import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st
from pictures import run, write_picture

from indexer.catalog.snapshot import open_snapshot
from indexer.exports.account import Account
from indexer.exports.event_dates import event_date
from indexer.exports.export import export
from indexer.ingest.identifications import write_identifications
from indexer.labels.label_files import Label
from indexer.store.segment import IDENTIFICATIONS
from indexer.tables.darwin_core_terms import nearest_term, term_of, terms
from model.errors import BadInput, UnknownName
from model.taxon import Taxon
from ui.cli import main

LION = Taxon(
    ("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Panthera", "Panthera leo")
)


def collection(folder: Path, *metadata: dict[str, str], label: Label | None = None) -> Path:
    given = label or Label("Panthera leo", LION)
    labels = {}
    for number, said in enumerate(metadata):
        write_picture(folder / "p" / f"{number}.png", (50 * number, 90, 10))
        labels[f"{number}.png"] = Label(given.text, given.taxon, said)
    run(folder / "p", folder / "c", labels=labels)
    return folder / "c"


def archive(place: Path, **mapped: str) -> tuple[list[dict[str, str]], Account]:
    """Return the rows of the occurrences, in the order of their pictures, and the account."""
    target = place.parent / "a.zip"
    with open_snapshot(place) as snapshot:
        *_, account = export(snapshot, target, "darwin-core", mapped=mapped)
    with zipfile.ZipFile(target) as file:
        lines = file.read("occurrence.txt").decode().splitlines()
        media = list(
            csv.DictReader(file.read("multimedia.txt").decode().splitlines(), delimiter="\t")
        )
    rows = list(csv.DictReader(lines, delimiter="\t", quoting=csv.QUOTE_NONE))
    by_id = {row["id"]: row for row in rows}
    return [by_id[each["id"]] for each in sorted(media, key=lambda row: row["identifier"])], account


# Dates


@pytest.mark.parametrize(
    ("written", "date"),
    {
        "2021": "2021",
        "2021-05": "2021-05",
        "2021-05-01": "2021-05-01",
        "2021-05-01T06:00:00Z": "2021-05-01T06:00:00Z",
        "2021-05-01 06:00": "2021-05-01T06:00",
        "2021-05-01T06:00:00.5+03:00": "2021-05-01T06:00:00.5+03:00",
        "2021:05:01 06:00:00": "2021-05-01T06:00:00",
        "2021:05:01": "2021-05-01",
        "2021/05/01": "2021-05-01",
        "2021-05-01/2021-06": "2021-05-01/2021-06",
        "2021-05-01/03": "2021-05-01/03",
        "2020/2021": "2020/2021",
        "2020-05-30T02:57:37Z/2020-05-30T02:57:44Z": "2020-05-30T02:57:37Z/2020-05-30T02:57:44Z",
        "2021-13": "",
        "2021-02-30": "",
        "2021:13:01": "",
        "2021-06/2021-05": "",
        "0000:00:00 00:00:00": "",
        "spring 2021": "",
        "05/01/2021": "",
        "1.5.2021": "",
        "2021-05-01T25:00": "",
        "": "",
        "/": "",
    }.items(),
)
def test_a_date_is_iso_8601_or_as_cameras_write_it(written: str, date: str) -> None:
    assert event_date(written) == date


@given(st.datetimes(min_value=datetime(1000, 1, 1)), st.dates(min_value=date(1000, 1, 1)))
def test_every_time_is_a_date_and_stays_as_it_is(moment: datetime, day: date) -> None:
    assert event_date(moment.isoformat()) == moment.isoformat()
    assert event_date(f"{day:%Y:%m:%d}") == event_date(day.isoformat()) == day.isoformat()


@given(st.text())
def test_what_is_a_date_is_one_again(text: str) -> None:
    assert event_date(event_date(text)) == event_date(text)


def test_an_event_date_that_is_not_a_date_is_verbatim_and_counted(tmp_path: Path) -> None:
    said = ("spring 2021", "2021:05:01 06:00:00", "2021-13", "2021-05-01/2021-05-03")
    rows, account = archive(collection(tmp_path, *({"eventDate": each} for each in said)))
    assert [(row["eventDate"], row["verbatimEventDate"]) for row in rows] == [
        ("", "spring 2021"),
        ("2021-05-01T06:00:00", "2021:05:01 06:00:00"),
        ("", "2021-13"),
        ("2021-05-01/2021-05-03", ""),
    ]
    (note,) = (note for note in account.notes if "eventDate" in note)
    assert note.startswith("2 images have an eventDate that is not a date (")
    assert "'spring 2021'" in note


def test_a_verbatim_date_that_is_there_stays(tmp_path: Path) -> None:
    said = {"eventDate": "May", "verbatimEventDate": "in May"}
    ((row,), _) = archive(collection(tmp_path, said))
    assert (row["eventDate"], row["verbatimEventDate"]) == ("", "in May")
    assert json.loads(row["dynamicProperties"]) == {"eventDate": "May"}


# Terms


@pytest.mark.parametrize("spelled", [str, str.lower, str.upper])
def test_every_term_is_known_in_any_case(spelled: Callable[[str], str]) -> None:
    assert [term_of(spelled(name)) for name in terms()] == list(terms())


def test_terms_are_of_their_vocabularies() -> None:
    assert len(terms()) > 200
    assert terms()["verbatimCoordinates"].vocabulary == "http://rs.tdwg.org/dwc/terms/"
    assert terms()["accessRights"].vocabulary == "http://purl.org/dc/terms/"
    assert term_of("Decimal Latitude") == term_of("dwc:decimal_latitude") == "decimalLatitude"
    assert term_of("site") == ""


def test_terms_in_any_case_have_columns_of_their_own(tmp_path: Path) -> None:
    said = {
        "COUNTRY": "Kenya",
        "verbatimcoordinates": "1°30'S 36°48'E",
        "VerbatimEventDate": "May 2021",
        "identificationQualifier": "cf.",
        "accessRights": "open",
        "Title": "a lion",
        "individualCount": "1.0",
    }
    ((row,), account) = archive(collection(tmp_path, said))
    assert row["country"] == "Kenya"
    assert row["verbatimCoordinates"] == "1°30'S 36°48'E"
    assert row["verbatimEventDate"] == "May 2021"
    assert row["identificationQualifier"] == "cf."
    assert row["individualCount"] == "1"
    assert row["accessRights"] == "open"
    assert row["dynamicProperties"] == ""
    assert not any("dynamicProperties" in note for note in account.notes)
    with zipfile.ZipFile(tmp_path / "a.zip") as file:
        meta = file.read("meta.xml").decode()
        assert 'term="http://purl.org/dc/terms/accessRights"' in meta
        assert 'term="http://rs.tdwg.org/dwc/terms/verbatimCoordinates"' in meta
        assert "a lion" in file.read("multimedia.txt").decode()


def test_other_columns_are_listed_once_with_the_nearest_term(tmp_path: Path) -> None:
    said = {"decimalLattitude": "1.5", "my notes": "x"}
    rows, account = archive(collection(tmp_path, said, said))
    assert json.loads(rows[0]["dynamicProperties"]) == said
    (note,) = (note for note in account.notes if "dynamicProperties" in note)
    assert "decimalLattitude (nearest: decimalLatitude)" in note
    assert note.count("my notes") == 1
    assert nearest_term("lokality") == "locality"
    assert nearest_term("qqqq") == ""


def test_two_columns_of_one_term_lose_nothing(tmp_path: Path) -> None:
    ((row,), _) = archive(collection(tmp_path, {"Sex": "male", "SEX ": "m"}))
    assert row["sex"] == "male"
    assert json.loads(row["dynamicProperties"]) == {"SEX ": "m"}


def test_counts_and_properties_that_are_none_are_apart(tmp_path: Path) -> None:
    said = {"individualCount": "many", "dynamicProperties": '{"tide": "low"}'}
    ((row,), _) = archive(collection(tmp_path, said))
    assert row.get("individualCount", "") == ""
    assert json.loads(row["dynamicProperties"]) == {"individualCount": "many", "tide": "low"}


@pytest.mark.parametrize(
    ("kingdom", "rank"), [("Animalia", "subspecies"), ("Plantae", ""), ("", "")]
)
def test_a_trinomial_has_two_epithets_and_is_not_a_species(
    kingdom: str, rank: str, tmp_path: Path
) -> None:
    name = "Papilio machaon britannicus"
    said = Label(name, Taxon((kingdom, "", "", "", "", "Papilio", name)))
    (row,), _ = archive(collection(tmp_path, {}, label=said))
    assert (row["scientificName"], row.get("taxonRank", "")) == (name, rank)
    assert (row["specificEpithet"], row["infraspecificEpithet"]) == ("machaon", "britannicus")


def test_an_author_is_written_only_beside_its_own_name(tmp_path: Path) -> None:
    author = {"scientificNameAuthorship": "(Linnaeus, 1758)"}
    own = author | {"scientificName": "Panthera leo (Linnaeus, 1758)"}
    other = author | {"scientificName": "Felis leo Linnaeus, 1758"}
    rows, _ = archive(collection(tmp_path, own, other))
    assert [row["scientificName"] for row in rows] == ["Panthera leo"] * 2
    assert [row["scientificNameAuthorship"] for row in rows] == ["(Linnaeus, 1758)", ""]
    assert json.loads(rows[1]["dynamicProperties"]) == other


def test_a_name_beside_a_label_is_verbatim_and_neither_is_lost(tmp_path: Path) -> None:
    said = {"verbatimIdentification": "Panthera leo (L.)"}
    place = collection(tmp_path, said, label=Label("my lion", LION))
    ((row,), _) = archive(place)
    assert row["verbatimIdentification"] == "Panthera leo (L.)"
    assert json.loads(row["dynamicProperties"]) == {"label": "my lion"}


def test_what_a_person_says_is_not_said_of_a_machines_name(tmp_path: Path) -> None:
    said = {"identificationQualifier": "cf.", "identifiedBy": "A. Person", "sex": "male"}
    place = collection(tmp_path, said, label=Label("cat?"))
    with open_snapshot(place) as snapshot:
        ((image_id,),) = snapshot.query("SELECT image_id FROM images")
    line = {"image_id": image_id, "label": "Panthera leo", "taxon_key": LION.key}
    machine = {"confidence": 0.9, "identified_by": "a machine", "method": "probe"}
    write_identifications(place, [pa.RecordBatch.from_pylist([line | machine], IDENTIFICATIONS)])
    ((row,), _) = archive(place)
    assert (row["identifiedBy"], row["sex"]) == ("a machine", "male")
    assert row.get("identificationQualifier", "") == ""
    told = json.loads(row["dynamicProperties"])
    assert told == {"identificationQualifier": "cf.", "identifiedBy": "A. Person"}


# Mapping


def test_a_column_is_mapped_to_a_term(tmp_path: Path) -> None:
    place = collection(tmp_path, {"fecha": "2021:05:01", "group": "A"})
    ((row,), account) = archive(place, fecha="eventdate", group="dynamicProperties")
    assert row["eventDate"] == "2021-05-01"
    assert json.loads(row["dynamicProperties"]) == {"group": "A"}
    assert not any("geology" in note for note in account.notes)
    target = tmp_path / "b.zip"
    asked = ["export", "-c", str(place), "--format", "darwin-core", str(target)]
    found = CliRunner().invoke(main, [*asked, "--map", "fecha=eventDate"])
    assert found.exit_code == 0, found.output
    assert "the column group is written as group, a term of geology" in found.stderr
    target.unlink()
    assert CliRunner().invoke(main, [*asked, "--map", "fecha"]).exit_code == 1


@pytest.mark.parametrize(
    ("mapped", "error", "sentence"),
    [
        ({"fechas": "eventDate"}, UnknownName, "Did you mean fecha"),
        ({"fecha": "eventDat"}, UnknownName, "did you mean eventDate"),
        ({"fecha": "sex"}, BadInput, "fecha and Sex cannot both be sex"),
        ({"fecha": "year", "hora": "year"}, BadInput, "hora and fecha cannot both be year"),
    ],
)
def test_what_cannot_be_mapped_is_said(
    tmp_path: Path, mapped: dict[str, str], error: type[Exception], sentence: str
) -> None:
    place = collection(tmp_path, {"fecha": "2021", "Sex": "male", "hora": "1"})
    with pytest.raises(error, match=sentence):
        archive(place, **mapped)


# Values that their term does not allow


@pytest.mark.parametrize(
    ("latitude", "longitude", "written"),
    [
        ("52.5", "13.4", ("52.5", "13.4", "", "")),
        ("-33", "+151.2", ("-33", "+151.2", "", "")),
        ("abc", "13.4", ("", "", "abc", "13.4")),
        ("52,5", "13,4", ("", "", "52,5", "13,4")),
        ("52.5", "213.4", ("", "", "52.5", "213.4")),
        ("nan", "13.4", ("", "", "nan", "13.4")),
        ("inf", "1_3", ("", "", "inf", "1_3")),
        ("52°30'N", "", ("", "", "52°30'N", "")),
    ],
)
def test_coordinates_that_are_not_degrees_are_verbatim_and_counted(
    latitude: str, longitude: str, written: tuple[str, ...], tmp_path: Path
) -> None:
    said = {"decimalLatitude": latitude, "decimalLongitude": longitude}
    ((row,), account) = archive(collection(tmp_path, said))
    terms = ("decimalLatitude", "decimalLongitude", "verbatimLatitude", "verbatimLongitude")
    assert tuple(row[term] for term in terms) == written
    counted = [note for note in account.notes if note.startswith("1 image has a decimalL")]
    assert bool(counted) is bool(written[2])


@pytest.mark.parametrize(
    ("term", "good", "bad"),
    [
        ("individualCount", "3", "a few"),
        ("individualCount", "0", "1.5"),
        ("dateIdentified", "2021-05-01", "last spring"),
        ("coordinateUncertaintyInMeters", "30", "0"),
        ("minimumElevationInMeters", "-3.5", "high"),
        ("month", "12", "13"),
        ("year", "1998", "98?"),
    ],
)
def test_a_value_that_its_term_does_not_allow_is_no_value_of_it(
    term: str, good: str, bad: str, tmp_path: Path
) -> None:
    (one, two), account = archive(collection(tmp_path, {term: good}, {term: bad}))
    assert (one[term], two[term]) == (good, "")
    assert json.loads(two["dynamicProperties"]) == {term: bad}
    assert any(f" {term} that is not a" in note for note in account.notes)


@pytest.mark.parametrize(
    ("label", "qualifier"),
    [
        ("Panthera cf. leo", "cf. leo"),
        ("Panthera aff. leo (Linnaeus, 1758)", "aff. leo (Linnaeus, 1758)"),
        ("cf. Panthera leo", "cf. Panthera leo"),
        ("Panthera_leo", ""),
        ("Panthera leo?", "?"),
        ("Cfuria affinis", ""),
    ],
)
def test_the_doubt_of_a_label_is_its_qualifier(label: str, qualifier: str, tmp_path: Path) -> None:
    write_picture(tmp_path / "p" / "a.png", "red")
    lineage = Taxon.from_ranks(["Animalia", "", "", "", "Felidae", "Panthera", ""])
    run(tmp_path / "p", tmp_path / "c", labels={"a.png": Label(label, lineage)})
    ((row,), _) = archive(tmp_path / "c")
    assert row["identificationQualifier"] == qualifier
    assert row["verbatimIdentification"] == label


def test_an_author_beside_the_labels_name_is_that_of_the_name(tmp_path: Path) -> None:
    said = {"scientificNameAuthorship": "(Linnaeus, 1758)"}
    ((row,), _) = archive(collection(tmp_path, said, label=Label("Panthera leo", LION)))
    assert row["scientificNameAuthorship"] == "(Linnaeus, 1758)"
    assert row["dynamicProperties"] == ""


@pytest.mark.parametrize("written", ["2021-5-1", "2021-05-1", "20210501", "2021-5-01"])
def test_a_day_without_zeros_or_hyphens_is_one(written: str) -> None:
    assert event_date(written) == "2021-05-01"
    assert event_date(f"{written}T06:00:00") == "2021-05-01T06:00:00"
    assert event_date(f"{written}/2021-5-3") == "2021-05-01/2021-05-03"


@pytest.mark.parametrize("written", ["2021-13-1", "2021-2-30", "20211301", "12345678", "2021-5"])
def test_what_is_on_no_calendar_is_no_day(written: str) -> None:
    assert event_date(written) == ""
