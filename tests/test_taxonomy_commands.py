"""`taxalens taxonomy …` as people type it."""

import csv
import io
import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from pictures import run, write_picture
from taxonomies import TAXA, write_source

from indexer.taxonomy.sources import PACKAGES
from ui.cli import main


@pytest.fixture(autouse=True)
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with taxa.csv, and a data folder of one's own."""
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return write_source(tmp_path / "taxa.csv").parent


def taxalens(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["taxonomy", *map(str, arguments)])


def rows(*arguments: object) -> list[dict[str, str]]:
    result = taxalens(*arguments, "--format", "csv")
    assert result.exit_code == 0, result.output
    return list(csv.DictReader(io.StringIO(result.stdout)))


def test_without_an_import_the_built_in_names_answer_and_say_so(desk: Path) -> None:
    result = taxalens("resolve", "lion", "felis CATUS", "Yeti", "--format", "csv")
    assert result.exit_code == 0, result.output
    found = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["species"] for row in found] == ["Panthera leo", "Felis catus", ""]
    assert "No taxonomy is imported: these are the names that come with taxalens" in result.stderr
    (inside,) = rows("resolve", "lion", "--within", "Mammalia")
    assert inside["status"] == "resolved"
    shown = {(row["relation"], row["name"]) for row in rows("show", "Felidae")}
    assert {("above", "Carnivora"), ("itself", "Felidae"), ("below", "Panthera")} <= shown
    missing = taxalens("resolve", "lion", "--within", "Yetidae")
    assert missing.exit_code == 1
    assert "No taxon is called 'Yetidae'" in missing.stderr
    assert taxalens("use", "inat").exit_code == 1


def test_the_help_of_import_names_every_word(desk: Path) -> None:
    assert all(word in taxalens("import", "--help").stdout for word in PACKAGES)


def test_a_source_becomes_a_taxonomy_that_is_listed_and_asked(desk: Path) -> None:
    result = taxalens("import", "taxa.csv", "--name", "small")
    assert result.exit_code == 0, result.output
    assert result.stdout == (
        "small: 54 taxa, 75 names, 0 problems in the source; use it with --taxonomy small\n"
    )
    (listed,) = rows("list")
    assert (listed["name"], listed["taxa"], listed["names"]) == ("small", "54", "75")
    (row,) = rows("resolve", "lion")
    assert (row["status"], row["reason"], row["species"]) == (
        "resolved",
        "common name",
        "Panthera leo",
    )


def test_every_name_of_a_file_has_a_row_whatever_it_is(desk: Path) -> None:
    taxalens("import", "taxa.csv")
    (desk / "names.txt").write_text("Felidae\nPanthera leao\n\nFicus\nYeti\n")
    found = rows("resolve", "names.txt")
    assert [(row["name"], row["status"]) for row in found] == [
        ("Felidae", "resolved"),
        ("Panthera leao", "unknown"),
        ("Ficus", "ambiguous"),
        ("Yeti", "unknown"),
    ]
    assert found[1]["suggestions"].startswith("Panthera leo (0.9")
    assert "Animalia|Mollusca" in found[2]["suggestions"]
    assert found[3]["suggestions"] == ""
    (ficus,) = rows("resolve", "Ficus", "--within", "Plantae")
    assert (ficus["status"], ficus["family"]) == ("resolved", "Moraceae")
    in_json = json.loads(taxalens("resolve", "names.txt", "--format", "json").stdout)
    assert [row["name"] for row in in_json] == [row["name"] for row in found]
    piped = CliRunner().invoke(main, ["taxonomy", "resolve", "-"], input="lion\nbears\n")
    assert len(piped.stdout.splitlines()) == 3


def test_names_of_ones_own_are_added(desk: Path) -> None:
    (desk / "own.csv").write_text(
        "name,taxon,kind,language\nsimba,Panthera leo,common,sw\n"
        "Leo africanus,Panthera leo,synonym,\nnemo,Amphiprion,common,en\n"
    )
    result = taxalens("import", "taxa.csv", "--names", "own.csv")
    assert "1 problems" in result.stdout
    assert "nemo" in result.stderr
    found = {row["name"]: row["reason"] for row in rows("resolve", "simba", "Leo africanus")}
    assert found == {"simba": "common name", "Leo africanus": "synonym"}


def test_what_is_wrong_in_a_source_is_listed_with_its_rows(desk: Path) -> None:
    wrong = "90,91,,genus,Aus,\n91,90,,genus,Bus,\n92,999,,genus,Cus,\n8,7,,species,Dus dus,\n"
    write_source(desk / "wrong.csv", TAXA + wrong)
    result = taxalens("import", "wrong.csv", "--problems", "problems.csv")
    assert result.exit_code == 0, result.output
    with (desk / "problems.csv").open() as file:
        listed = {line["name"]: (line["row"], line["problem"]) for line in csv.DictReader(file)}
    first = TAXA.count("\n") + 1
    assert [int(listed[name][0]) - first for name in ("Aus", "Bus", "Cus", "Dus dus")] == [
        *(0, 1, 2, 3)
    ]
    assert "above and below itself" in listed["Aus"][1]
    assert "999 is missing" in listed["Cus"][1]
    shown = taxalens("import", "wrong.csv").stderr
    assert "Aus" in shown
    assert "Dus dus" in shown


def test_a_taxon_is_shown_with_its_lineage_children_and_images(desk: Path) -> None:
    taxalens("import", "taxa.csv", "--name", "small")
    for name in ("Panthera leo/a.png", "Panthera leo/b.png", "Ursus arctos/c.png"):
        write_picture(desk / "photos" / name, "orange", (10 + ord(name[-5]), 10))
    run(desk / "photos", desk / "c", taxonomy="small")
    found = rows("show", "Carnivora", "-c", desk / "c")
    assert [(row["relation"], row["name"], row["images"]) for row in found] == [
        ("above", "Animalia", "3"),
        ("above", "Chordata", "3"),
        ("above", "Mammalia", "3"),
        ("itself", "Carnivora", "3"),
        ("below", "Felidae", "2"),
        ("below", "Ursidae", "1"),
    ]
    assert taxalens("show", "Ficus").exit_code == 1
    assert "is 2 taxa; ask for one of" in taxalens("show", "Ficus").stderr
    assert "Did you mean Felidae?" in taxalens("show", "Felidea").stderr


def test_another_taxonomy_is_used_and_told(desk: Path) -> None:
    taxalens("import", "taxa.csv", "--name", "small")
    write_picture(desk / "photos" / "lion" / "a.png", "orange")
    run(desk / "photos", desk / "c")
    result = taxalens("use", "small", "-c", desk / "c")
    assert result.stdout == f"{desk / 'c'}: labels resolved in small; nothing embedded\n"
    assert rows("show", "Felidae", "-c", desk / "c")[-1]["images"] == "1"
    assert taxalens("use", "none", "-c", desk / "c").exit_code == 0


@pytest.mark.parametrize("source", ["nowhere.csv", "photos", "empty.csv"])
def test_a_source_that_is_none_is_one_sentence(desk: Path, source: str) -> None:
    (desk / "photos").mkdir()
    (desk / "empty.csv").write_text("")
    result = taxalens("import", source)
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert source in result.stderr
    assert not list((desk / "home").rglob("*.duckdb"))
