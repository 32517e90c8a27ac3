"""The command line as people type it: answers on stdout, one-sentence errors, exit codes."""

import csv
import io
import json
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

import click
import duckdb
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner, Result
from pictures import write_picture

from indexer.inputs.decoding import decode_file
from model.plugins import load_plugin, plugin_names
from search.hits import COLUMNS
from search.text_table import text_table
from ui.cli import main
from ui.command_group import CommandGroup

PYBIOCLIP = (  # the species columns of `bioclip predict`, pybioclip 2.1.6
    "file_name,kingdom,phylum,class,order,family,genus,species_epithet,species,common_name,score"
)


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photos/ and a collection of them, made with the starter by the command line."""
    place = tmp_path_factory.mktemp("cli")
    for name, colour in (("Panthera leo/a.png", "orange"), ("Pica pica/b.png", "black")):
        write_picture(place / "photos" / name, colour)
    write_picture(place / "photos" / "=cmd" / "c.png", "blue")
    (place / "photos" / "broken.jpg").write_text("no picture")
    result = taxalens("index", place / "photos", "-c", place / "c", "--encoder", "starter")
    assert result.exit_code == 0, result.output
    assert "3 embedded, 0 duplicates, 1 failed; see: taxalens status" in result.stdout
    assert "4 new or changed pictures" in result.stderr
    return place


def taxalens(*arguments: object) -> Result:
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


def test_search_prints_hits_and_how_the_query_was_understood(place: Path) -> None:
    result = taxalens("search", "Panthera leo", "-c", place / "c", "-k", 1)
    assert result.exit_code == 0
    assert result.stderr == "Panthera leo (species): 1 of 1 labelled so\n"
    header, line = result.stdout.splitlines()
    assert header.split() == ["score", "match", "name", "common_name", "family", "file_name"]
    assert "labelled  Panthera leo" in line
    assert line.endswith(str(place / "photos" / "Panthera leo" / "a.png"))


@pytest.mark.parametrize("together", [1, 5000])
def test_queries_of_a_file_are_one_table(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, together: int
) -> None:
    monkeypatch.setattr("ui.answers._TOGETHER", together)
    queries, output = tmp_path / "queries.txt", tmp_path / "hits.csv"
    queries.write_text("Pica pica\n\nsomething blue\nPanthera\nPica pico\n...\n")
    asked = ("--queries", queries, "-c", place / "c", "-k", 2, "--format", "csv")
    result = taxalens("search", *asked, "--output", output)
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines() == [
        'Pica pico: images that look like "Pica pico" (Did you mean Pica pica?)',
        "...: no images (The query is empty; write a name or a text.)",
    ]
    rows = list(csv.DictReader(io.StringIO(output.read_text())))
    found = ["Pica pica", "something blue", "Panthera", "Pica pico"]
    assert [row["query"] for row in rows] == [query for query in found for _ in range(2)]
    for query in found:
        alone = taxalens("search", query, "-c", place / "c", "-k", 2, "--format", "csv").stdout
        files = [row["file_name"] for row in rows if row["query"] == query]
        assert files == [row["file_name"] for row in csv.DictReader(io.StringIO(alone))]


@pytest.mark.parametrize(
    "filter_",
    [
        ("--within", "Panthera"),
        ("--exclude", "Pica"),
        ("--rank", "species"),
        ("--where", "file_name LIKE '%a.png'"),
        ("--exclude", "Nosuch"),
        ("--rank", "spcies"),
        ("--date", "20x"),
        ("--date", "1850"),
        ("--near", "52.5,13.4,20"),
    ],
)
def test_filters_are_those_of_one_query(
    place: Path, tmp_path: Path, filter_: tuple[str, str]
) -> None:
    queries = tmp_path / "queries.txt"
    queries.write_text("something blue\n")
    asked = ("-c", place / "c", "--format", "csv", *filter_)
    alone = taxalens("search", "something blue", *asked)
    many = taxalens("search", "--queries", queries, *asked)
    assert many.exit_code == alone.exit_code
    if alone.exit_code:
        assert many.stderr == alone.stderr
    else:
        found, expected = (
            [row["file_name"] for row in csv.DictReader(io.StringIO(each.stdout))]
            for each in (many, alone)
        )
        assert found == expected


ONE_QUERY = {
    **{"--plus": "red", "--minus": "red", "--skip": 1, "--group-by": "label"},
    **{"--sequence": "60s", "--distinct": None, "--diverse": None, "--explain": None},
    **{"--copy-to": "copies", "--sheet": "sheet.png"},
}


@pytest.mark.parametrize("option", ONE_QUERY)
def test_what_is_for_one_query_is_refused_for_many(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("queries.txt").write_text("red\n")
    words = [option] if ONE_QUERY[option] is None else [option, ONE_QUERY[option]]
    result = taxalens("search", "--queries", "queries.txt", "-c", place / "c", *words)
    assert result.exit_code == 2
    assert f"{option} is for one query" in result.stderr
    assert [each.name for each in tmp_path.iterdir()] == ["queries.txt"]


def test_every_option_of_search_is_heeded_or_refused_for_many() -> None:
    search = main.get_command(click.Context(main), "search")
    assert search
    heeded = {"-k", "--within", "--exclude", "--rank", "--where", "--date", "--near"}
    heeded |= {"--taxonomy", "--collection", "--format", "--output"}
    asked = {"--queries", "--taxon", "--text", "--image", "--id"}  # one of them is asked
    names = {max(each.opts, key=len) for each in search.params if isinstance(each, click.Option)}
    assert names - {"--help", "--overwrite"} == heeded | asked | {*ONE_QUERY}


def test_queries_may_be_in_another_encoding(place: Path, tmp_path: Path) -> None:
    queries = tmp_path / "queries.txt"
    queries.write_bytes("grüner Wald\nPica pica\n".encode("latin-1"))
    asked = ("--queries", queries, "-c", place / "c", "-k", 1, "--format", "csv")
    result = taxalens("search", *asked)
    assert result.exit_code == 0, result.output
    rows = list(csv.DictReader(io.StringIO(result.stdout)))
    assert [row["query"] for row in rows] == ["grüner Wald", "Pica pica"]


def test_a_file_without_queries_is_told(place: Path, tmp_path: Path) -> None:
    queries = tmp_path / "queries.txt"
    queries.write_text("\n \n")
    result = taxalens("search", "--queries", queries, "-c", place / "c")
    assert (result.exit_code, result.stderr) == (
        1,
        f"Error: {queries} holds no queries; write one a line.\n",
    )


def test_a_name_that_lies_elsewhere_is_said_to(place: Path) -> None:
    result = taxalens("search", "Panthera", "--within", "Pica", "-c", place / "c")
    assert "(Panthera is not within Pica)" in result.stderr


def test_queries_that_cannot_be_asked_leave_the_file_as_it_was(place: Path, tmp_path: Path) -> None:
    queries, output = tmp_path / "queries.txt", tmp_path / "hits.csv"
    queries.write_text("Pica pica\n")
    output.write_text("mine")
    asked = ("--queries", queries, "-c", place / "c", "--where", "no such column = 1")
    result = taxalens("search", *asked, "--format", "csv", "--output", output)
    assert result.exit_code == 1
    assert output.read_text() == "mine"


def test_csv_has_pybioclips_columns_and_no_formulas(place: Path) -> None:
    result = taxalens("search", "--text", "blue", "-c", place / "c", "--format", "csv")
    header = result.stdout.splitlines()[0]
    assert header.startswith(f"{PYBIOCLIP},match,label,")
    assert header == ",".join(COLUMNS)
    labels = {line["label"] for line in csv.DictReader(io.StringIO(result.stdout))}
    assert labels == {"Panthera leo", "Pica pica", "'=cmd"}


def test_json_is_one_array_and_parquet_goes_to_a_file(place: Path) -> None:
    asked = ("search", "--text", "blue", "-c", place / "c")
    hits = json.loads(taxalens(*asked, "--format", "json").stdout)
    assert [set(hit) for hit in hits] == [set(COLUMNS)] * 3
    result = taxalens(*asked, "--format", "parquet", "--output", place / "hits.parquet")
    assert result.exit_code == 0
    assert pq.read_table(place / "hits.parquet").to_pylist() == hits
    assert taxalens(*asked, "--format", "parquet").exit_code == 1


def test_an_image_and_its_id_can_be_asked_for(place: Path) -> None:
    photo = place / "photos" / "Pica pica" / "b.png"
    found = taxalens("search", "--image", photo, "-c", place / "c", "-k", 1, "--format", "json")
    hit = json.loads(found.stdout)[0]
    assert hit["file_name"] == str(photo)
    others = taxalens("search", "--id", hit["image_id"], "-c", place / "c", "--format", "json")
    assert photo.name not in others.stdout


def test_copy_to_collects_the_files_by_rank_and_sheet_draws_them(place: Path) -> None:
    result = taxalens(
        "search",
        "Pica",
        "-c",
        place / "c",
        "--copy-to",
        place / "copies",
        "--sheet",
        place / "s.png",
    )
    assert result.exit_code == 0
    assert sorted(path.name for path in (place / "copies").iterdir()) == [
        "0001-b.png",
        "0002-c.png",
    ]
    sheet = decode_file(place / "s.png")
    assert (sheet.width, sheet.height) == (476, 326)


def test_status_has_a_line_for_every_input(place: Path) -> None:
    lines = list(
        csv.DictReader(io.StringIO(taxalens("status", "-c", place / "c", "--format", "csv").stdout))
    )
    assert list(lines[0]) == ["source_id", "status", "reason"]
    assert {line["source_id"]: line["status"] for line in lines} == {
        "photos/Panthera leo/a.png": "embedded",
        "photos/Pica pica/b.png": "embedded",
        "photos/=cmd/c.png": "embedded",
        "photos/broken.jpg": "failed",
    }


def test_info_says_what_the_collection_holds(place: Path) -> None:
    facts = {
        line["fact"]: line["value"]
        for line in json.loads(taxalens("info", "-c", place / "c", "--format", "json").stdout)
    }
    assert facts["images"] == "3"
    assert facts["encoder"] == "starter (512 numbers a picture)"
    assert facts["taxa of rank species"] == "2"
    assert facts["labels not in the taxonomy"] == "=cmd (1)"


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("index", "nowhere"), "There is nothing at "),
        (("index", "{place}", "--encoder", "startr"), "Did you mean starter?"),
        (("index", "{place}", "--encoder", "local-dir:nowhere"), "no open_clip folder"),
        (("index", "{place}", "--encoder", "ViT-B-16:nowhere.pt"), "no checkpoint file nowhere.pt"),
        (("index", "{place}", "--labels", "nowhere.csv"), "There is no label file nowhere.csv."),
        (("search", "lion", "-c", "nowhere"), "There is no collection at nowhere; make one with"),
        (("search", "--taxon", "Panthera loe", "-c", "{place}/c"), "Did you mean Panthera leo"),
        (("search", "--image", "{place}/photos/broken.jpg", "-c", "{place}/c"), "not a picture"),
        (("status", "-c", "nowhere"), "There is no collection"),
    ],
)
def test_what_cannot_be_done_is_one_sentence_and_exit_code_1(
    place: Path,
    arguments: tuple[str, ...],
    sentence: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    result = taxalens(*(argument.format(place=place) for argument in arguments))
    assert result.exit_code == 1
    assert result.stdout == ""
    assert result.stderr.startswith("Error: ")
    assert sentence in result.stderr
    assert result.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    "arguments",
    [("search",), ("search", "a", "--text", "b"), ("serch",), ("search", "a", "--bogus")],
)
def test_wrong_usage_is_exit_code_2(arguments: tuple[str, ...]) -> None:
    assert taxalens(*arguments).exit_code == 2


def test_ctrl_c_in_a_query_of_the_database_is_no_traceback() -> None:
    # With one thread DuckDB looks for signals between any two pieces of its work.
    database = duckdb.connect(config={"threads": 1})
    database.execute("SET enable_progress_bar = true; SET enable_progress_bar_print = false")

    def interrupt_the_query() -> None:
        while database.query_progress() <= 0:  # it has not begun
            time.sleep(0.01)
        signal.raise_signal(signal.SIGINT)

    @click.command()
    def endless() -> None:
        threading.Thread(target=interrupt_the_query).start()
        database.execute("SELECT max(a.range + b.range) FROM range(10000000) a, range(10000000) b")

    class Group(CommandGroup):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
            return endless

    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's "&" ignores it
    try:
        result = CliRunner().invoke(Group(package="ui.commands"), ["endless"])
    finally:
        signal.signal(signal.SIGINT, before)
    assert (result.exit_code, result.stderr) == (1, "Aborted!\n")


def test_a_misspelt_command_is_suggested() -> None:
    assert "Did you mean search?" in taxalens("serch").stderr


@pytest.mark.parametrize("command", plugin_names("ui.commands"))
def test_every_command_has_help_for_itself_and_all_its_options(command: str) -> None:
    help_ = taxalens(command, "--help").stdout
    assert len(help_.splitlines()[2].strip()) > 20
    command_object: Any = load_plugin("ui.commands", command, noun="command").command
    options = [each for each in command_object.params if isinstance(each, click.Option)]
    assert all(option.help for option in options)
    assert taxalens("--help").stdout.count(f"\n  {command} ") == 1


def test_the_command_runs_without_a_terminal(place: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "ui.cli", "info", "-c", str(place / "c")],
        capture_output=True,
        text=True,
        check=True,
    )
    assert "starter" in finished.stdout
    assert finished.stderr == ""


def test_text_tables_align_and_show_no_control_characters() -> None:
    rows = [{"a": "x" * 70, "b": 0.12345}, {"a": "tab\tnew\nline\x1b[31m", "b": 2}]
    lines = text_table(("a", "b"), rows).splitlines()
    assert len(lines) == 3
    assert lines[1].endswith("…  0.123")
    assert {line.rindex("  ") for line in lines} == {60}
    assert "\x1b" not in lines[2]


@pytest.mark.parametrize(("option", "name"), [("--output", "a.csv"), ("--sheet", "a.png")])
def test_a_file_that_cannot_be_written_is_refused_before_the_work(
    place: Path, option: str, name: str
) -> None:
    result = taxalens("search", "lion", "-c", place / "c", option, place / "nowhere" / name)
    assert result.exit_code == 1
    assert "is not a folder" in result.stderr


def test_labels_that_match_nothing_are_named(tmp_path: Path) -> None:
    write_picture(tmp_path / "p" / "a.png", "red")
    (tmp_path / "l.csv").write_text("file_name,taxon\na.png,Pica pica\nb.png,Pica pica\n")
    result = taxalens(
        "index", tmp_path / "p", "-c", tmp_path / "c", "--encoder", "starter", "--labels",
        tmp_path / "l.csv",
    )  # fmt: skip
    assert "1 of 2 labels match nothing here: b.png" in result.stderr
