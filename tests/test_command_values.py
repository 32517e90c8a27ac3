"""Values on the command line: files that are there stay, and a bad value is one sentence."""

import csv
import io
import json
from pathlib import Path

import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from colours import ColourEncoder
from pictures import run, write_picture
from PIL import Image

import taxalens as library
from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.indexing import update
from model.errors import BadInput
from search.collection import open_collection
from ui.cli import main


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Photographs of two species in photos, and a collection c of them by the starter."""
    place = tmp_path_factory.mktemp("values")
    for number, colour in enumerate(("orange", "gold", "black", "navy")):
        species = "Panthera leo" if number < 2 else "Pica pica"
        write_picture(place / "photos" / species / f"{number}.png", colour, (24 + number, 16))
    result = taxalens("index", place / "photos", "-c", place / "c", "--encoder", "starter")
    assert result.exit_code == 0, result.output
    return place


def taxalens(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_a_file_that_is_there_is_only_replaced_when_asked(place: Path, tmp_path: Path) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("my labels\n")
    asked = ("search", "Pica", "-c", place / "c", "--output", mine)
    result = taxalens(*asked)
    assert result.exit_code == 1
    assert "exists; name another file, or pass --overwrite" in result.stderr
    assert mine.read_text() == "my labels\n"
    assert taxalens(*asked, "--overwrite").exit_code == 0
    assert next(csv.DictReader(io.StringIO(mine.read_text())))["label"] == "Pica pica"


@pytest.mark.parametrize(
    ("command", "option"),
    [
        (("search", "Pica"), "--sheet"),
        (("audit",), "--sheet"),
        (("label", "--dry-run"), "--plot"),
        (("identify", "{place}/photos"), "--plot"),
        (("neighbours",), "--output"),
        (("status",), "--output"),
    ],
)
def test_no_option_replaces_a_file_unasked(
    command: tuple[str, ...], option: str, place: Path, tmp_path: Path
) -> None:
    mine = tmp_path / "mine.csv"
    mine.write_text("my work\n")
    words = [word.format(place=place) for word in command]
    result = taxalens(*words, "-c", place / "c", option, mine)
    assert (result.exit_code, mine.read_text()) == (1, "my work\n")
    assert "exists" in result.stderr


OWN = ("identify", "{place}/photos", "--cls", "lion,tiger")


@pytest.mark.parametrize(
    ("words", "option"),
    [
        ((*OWN, "--precision", 0.5), "--precision"),
        ((*OWN, "--novel", 0.5), "--novel"),
        ((*OWN, "--checklist", "{place}/list.txt"), "--checklist"),
        ((*OWN, "--subset", "{place}/list.txt"), "--subset"),
        ((*OWN, "--group-by", "folder"), "--group-by"),
        ((*OWN, "--sequence", "60s"), "--sequence"),
        ((*OWN, "--plot", "{place}/p.svg"), "--plot"),
        (("identify", "{place}/photos", "--checklist-weight", 0.5), "--checklist-weight"),
        (("label", "--dry-run", "--first", 3), "--first"),
        (("evaluate", "--data", "{place}"), "--data"),
        (("evaluate", "--table", "--task", "birds"), "--task"),
        (("evaluate", "--table", "--plot", "{place}/p.svg"), "--plot"),
    ],
)
def test_an_option_that_would_do_nothing_is_refused(
    words: tuple[object, ...], option: str, place: Path
) -> None:
    (place / "list.txt").write_text("species\nPica pica\n")
    result = taxalens(*(str(word).format(place=place) for word in words), "-c", place / "c")
    assert result.exit_code == 2
    assert f"Error: {option} is " in result.stderr
    assert not (place / "p.svg").exists()


def test_the_format_is_what_the_name_of_the_file_ends_in(place: Path, tmp_path: Path) -> None:
    asked = ("status", "-c", place / "c", "--output")
    for name in ("a.csv", "a.json", "a.PARQUET", "a.txt"):
        assert taxalens(*asked, tmp_path / name).exit_code == 0
    rows = json.loads((tmp_path / "a.json").read_text())
    assert len(rows) == 4
    with (tmp_path / "a.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.DictReader(file)) == rows
    assert pq.read_table(tmp_path / "a.PARQUET").to_pylist() == rows
    assert (tmp_path / "a.txt").read_text().split()[:3] == ["source_id", "status", "reason"]


@pytest.mark.parametrize(
    ("name", "format_", "sentence"),
    [
        ("a.dat", (), "does not tell its format"),
        ("a.csv", ("--format", "json"), "is called .csv, but --format is json"),
        ("a.csv", ("--format", "table"), "is called .csv, but --format is table"),
    ],
)
def test_a_name_that_tells_no_format_or_another_is_refused(
    name: str, format_: tuple[str, ...], sentence: str, place: Path, tmp_path: Path
) -> None:
    result = taxalens("status", "-c", place / "c", "--output", tmp_path / name, *format_)
    assert result.exit_code == 1
    assert sentence in result.stderr
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    "arguments",
    [
        ("search", "a", "-k", "0"),
        ("search", "a", "-k", "three"),
        ("search", "a", "--near", "here"),
        ("search", "a", "--rank", "tribes"),
        ("search", "a", "--date", "yesterday"),
        ("search", "a", "--format", "xml"),
        ("search", "a", "--where", "no such column"),
        ("identify", "{place}/photos", "--precision", "2"),
        ("identify", "{place}/photos", "--rank", "tribes"),
        ("audit", "--kind", "magic"),
        ("export", "{tmp}/x.zip", "--map", "no pair"),
    ],
)
def test_a_bad_value_is_one_sentence_and_exit_code_1(
    arguments: tuple[str, ...], place: Path, tmp_path: Path
) -> None:
    words = [word.format(place=place, tmp=tmp_path) for word in arguments]
    result = taxalens(*words, "-c", place / "c")
    assert result.exit_code == 1
    assert result.stderr.startswith("Error: ")
    assert result.stderr.count("\n") == 1


def test_a_misspelt_option_is_usage_and_suggested() -> None:
    result = taxalens("search", "a", "--taxonmy", "inat")
    assert result.exit_code == 2
    assert "--taxonomy" in result.stderr


def test_identifying_a_file_that_is_not_there_fails_after_the_others(place: Path) -> None:
    photo = place / "photos" / "Pica pica" / "3.png"
    asked = ("identify", photo, "-c", place / "c")
    assert taxalens(*asked).exit_code == 0
    result = taxalens(*asked, place / "nowhere.jpg", "--format", "json")
    assert result.exit_code == 1
    assert [bool(row["problem"]) for row in json.loads(result.stdout)] == [False, True]
    assert taxalens(*asked, place / "nowhere.jpg", "--cls", "bird,cat").exit_code == 1


def test_a_group_is_named_with_its_number_of_photographs(place: Path) -> None:
    result = taxalens("identify", place / "photos", "-c", place / "c", "--group-by", "folder")
    header, first, _ = result.stdout.splitlines()
    assert header.split()[-3:] == ["group", "photographs", "problem"]
    assert first.split()[-1] == "2"


@pytest.mark.parametrize("k", ["three", 0, 2.5, None, True])
def test_a_count_that_is_none_is_bad_input(k: object, place: Path) -> None:
    with open_collection(place / "c") as opened:
        for ask in (
            lambda: opened.search("Pica", k=k),  # type: ignore[arg-type]
            lambda: list(opened.search_each(["Pica"], k=k)),  # type: ignore[arg-type]
            lambda: list(opened.neighbours(k)),  # type: ignore[arg-type]
            lambda: opened.audit(k=k),  # type: ignore[arg-type]
            lambda: opened.suggest(k),  # type: ignore[arg-type]
            lambda: opened.identify(place / "photos", k=k),  # type: ignore[arg-type]
        ):
            with pytest.raises(BadInput, match="is the number of"):
                ask()


def test_labelling_where_all_is_labelled_says_why_nothing_is_done(place: Path) -> None:
    result = taxalens("label", "-c", place / "c", "--dry-run")
    assert result.exit_code == 0
    assert "Nothing to label: the 4 images chosen are examples or have a person's label" in (
        result.stderr
    )


def test_a_picture_that_is_cut_short_is_counted_and_no_example(tmp_path: Path) -> None:
    for name, colour in (("Panthera leo", "orange"), ("Pica pica", "black")):
        for number in range(2):
            write_picture(tmp_path / "photos" / name / f"{number}.png", colour, (24 + number, 9))
    cut = tmp_path / "photos" / "Pica pica" / "cut.jpg"
    Image.effect_noise((256, 256), 90).save(cut)
    cut.write_bytes(cut.read_bytes()[: cut.stat().st_size // 2])
    (cut.parent / "copy.jpg").write_bytes(cut.read_bytes())
    result = taxalens("index", tmp_path / "photos", "-c", tmp_path / "c", "--encoder", "starter")
    assert "5 embedded (1 cut short), 1 duplicate, 0 failed" in result.stdout
    with open_collection(tmp_path / "c") as opened:
        examples = opened.label(relabel=True).learner.examples
        names = {opened[each].file_name for each in examples.image_ids}
    assert names == {"0.png", "1.png"}
    assert len(examples.rows) == 4


def test_an_update_whose_folder_has_moved_names_relocate(tmp_path: Path) -> None:
    write_picture(tmp_path / "photos" / "a.png", "red")
    run(tmp_path / "photos", tmp_path / "c")
    (tmp_path / "photos").rename(tmp_path / "moved")
    with pytest.raises(BadInput, match=r"If it was moved: taxalens relocate .*photos NEW"):
        update(tmp_path / "c")
    assert taxalens("update", "-c", tmp_path / "c").exit_code == 1
    with open_snapshot(tmp_path / "c") as snapshot:
        assert snapshot.query("SELECT status FROM inputs") == [("embedded",)]


def test_lists_and_accounts_are_read_in_lines(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    assert repr(library.taxonomies.list()).startswith("Taxonomies, 0: 0 imported taxonomies; ")
    assert "names that come with taxalens" in taxalens("taxonomy", "list").stderr
    with open_collection(place / "c", ColourEncoder()) as opened:
        account = opened.export(tmp_path / "a.csv")
    assert repr(account) == "Account, 4 images: 4 images"
