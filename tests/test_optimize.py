"""Optimizing: the same answers from rows in the order of their taxa, nothing lost, nothing kept."""

import json
import threading
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from colours import ColourEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import PICTURES, run, write_picture
from PIL import Image

from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.changes import changed_or_removed
from indexer.ingest.optimize import optimize
from indexer.ingest.remove_relocate import remove
from indexer.ingest.verify import verify
from indexer.store.manifest import read_manifest
from model.errors import CollectionError
from search.collection import Collection, open_collection
from ui.cli import main


def answers(collection: Path) -> dict[str, list[tuple[str, float, str]]]:
    opened = open_collection(collection, ColourEncoder())
    return {
        query: sorted((hit.source_id, round(hit.score, 3), hit.label) for hit in hits)
        for query in ("red", "Panthera leo", "Panthera", "blank", "something green")
        if (hits := opened.search(query, k=50)) is not None
    }


def table(collection: Path, sql: str) -> list[tuple[object, ...]]:
    with open_snapshot(collection) as snapshot:
        return snapshot.query(sql)


def test_answers_stay_the_same_and_rows_lie_in_the_order_of_taxa(collection: Path) -> None:
    before, inputs = answers(collection), table(collection, "SELECT * FROM inputs ORDER BY 1")
    manifest = optimize(collection)
    assert answers(collection) == before
    assert table(collection, "SELECT * FROM inputs ORDER BY 1") == inputs
    los = [lo for (lo,) in table(collection, 'SELECT lo FROM images ORDER BY "row"')]
    known = [lo for lo in los if lo is not None]
    assert los == sorted(known) + [None] * (len(los) - len(known))
    assert len(known) >= 2
    assert len(manifest.paths("segments")) == 2
    assert verify(collection) == []
    assert optimize(collection, ColourEncoder()).generation == manifest.generation + 1
    assert answers(collection) == before


def test_what_was_removed_is_left_out_and_stays_known(photos: Path, collection: Path) -> None:
    remove(collection, ["photos/red.png"])
    left = answers(collection)
    manifest = optimize(collection)
    assert answers(collection) == left
    (vectors,) = (path for path in manifest.paths("segments") if path.endswith(".npy"))
    assert len(np.load(collection / vectors)) == len(PICTURES) - 1
    assert run(photos, collection).done == 0


def test_what_is_added_afterwards_is_found(photos: Path, collection: Path) -> None:
    optimize(collection)
    write_picture(photos / "new" / "teal.png", "teal")
    assert run(photos, collection).embedded == 1
    hits = open_collection(collection, ColourEncoder()).search(image=photos / "new/teal.png", k=1)
    assert hits[0].source_id == "photos/new/teal.png"
    with_new = answers(collection)
    optimize(collection)
    assert answers(collection) == with_new


@settings(max_examples=10)
@given(
    st.lists(
        st.tuples(st.sampled_from(["add", "remove", "optimize"]), st.integers(0, 3)),
        min_size=1,
        max_size=6,
    )
)
def test_what_is_there_is_found_and_what_was_removed_never_is(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("steps")
    there = {"p/first.png"}
    write_picture(folder / "p" / "first.png", "white")
    run(folder / "p", folder / "c")
    for what, number in steps:
        name = f"p/{number}.png"
        if what == "add":
            write_picture(folder / name, ("red", "green", "blue", "red")[number])
            run(folder / name, folder / "c", wanted=changed_or_removed)
            there.add(name)
        elif what == "remove" and name in there:
            remove(folder / "c", [name])
            there.remove(name)
        elif what == "optimize":
            optimize(folder / "c")
        opened = open_collection(folder / "c", ColourEncoder())
        for query in ({"text": "red"}, {"text": "blue"}, {"image": folder / "p" / "first.png"}):
            assert {hit.source_id for hit in opened.search(**query, k=9)} == there


def test_only_the_generation_before_stays_on_disk(collection: Path) -> None:
    first = set(read_manifest(collection).files)
    second = set(optimize(collection).files)
    assert all((collection / path).exists() for path in first)  # for those who read it
    third = set(optimize(collection).files)
    gone = first - second - third
    assert gone
    assert not any((collection / path).exists() for path in gone)
    assert all((collection / path).exists() for path in second | third)


@pytest.fixture
def indexed(tmp_path: Path) -> Collection:
    """A collection of three hundred pictures, with an index however few they are."""
    random = np.random.default_rng(0)
    for number in range(300):
        colour = tuple(int(each) for each in random.integers(0, 256, 3))
        species = ("Pica pica", "Felis silvestris")[number % 2]
        write_picture(tmp_path / "p" / species / f"{number}.png", colour)
    run(tmp_path / "p", tmp_path / "c")
    optimize(tmp_path / "c", ColourEncoder(), index_from=1)
    return open_collection(tmp_path / "c", ColourEncoder())


def test_info_shows_the_index_and_what_it_was_measured_to_find(indexed: Collection) -> None:
    folder = str(indexed.snapshot.folder)
    shown = CliRunner().invoke(main, ["info", "-c", folder, "--format", "json"]).stdout
    facts = {line["fact"]: line["value"] for line in json.loads(shown)}
    assert "300 images in lists by" in facts["index"]
    assert "bytes each" in facts["index"]
    for kind in ("pictures", "texts"):
        assert 0.9 < float(facts[f"recall@10 of {kind}"].split(",")[0]) <= 1


def test_what_is_not_here_is_said_to_be_absent(indexed: Collection, tmp_path: Path) -> None:
    known = [f"#{red:02x}{green:02x}80" for red in (40, 120, 200) for green in (40, 120, 200)]
    here = [write_picture(tmp_path / "here" / f"{each[1:]}.png", each) for each in known]
    assert sum(indexed.search(image=path).absence == "" for path in here) >= 8
    flag = Image.new("RGB", (24, 16), "black")
    flag.paste("white", (0, 0, 12, 8))
    flag.paste("red", (12, 8, 24, 16))
    flag.save(tmp_path / "flag.png")
    assert "Nothing like that here" in indexed.search(image=tmp_path / "flag.png").absence
    assert indexed.search("Pica pica").absence == ""  # a label says so
    assert indexed.search(image=tmp_path / "flag.png", minus="red").absence == ""  # no measure
    shown = CliRunner().invoke(main, ["info", "-c", str(indexed.snapshot.folder)]).stdout
    assert "nothing alike below" in shown


def test_an_index_stays_when_pictures_come_and_go(indexed: Collection, tmp_path: Path) -> None:
    write_picture(tmp_path / "p" / "new.png", "teal")
    run(tmp_path / "p", tmp_path / "c")
    remove(tmp_path / "c", ["p/Pica pica/0.png"])
    opened = open_collection(tmp_path / "c", ColourEncoder())
    assert opened.snapshot.manifest.index == indexed.snapshot.manifest.index
    found = {hit.source_id for hit in opened.search(text="teal", k=300)}
    assert "p/new.png" in found
    assert "p/Pica pica/0.png" not in found
    assert len(found) == 300


def test_the_command_says_what_became_of_it(collection: Path) -> None:
    ran = CliRunner().invoke(main, ["optimize", "-c", str(collection)])
    assert ran.exit_code == 0
    assert ran.stdout.endswith(
        "8 images in the order of their taxa, without an index: from 50,000 on there is one\n"
    )
    missing = CliRunner().invoke(main, ["optimize", "-c", str(collection / "none")])
    assert missing.exit_code == 1
    assert "There is no collection" in missing.stderr


def test_a_search_explains_its_plan(collection: Path) -> None:
    asked = ["search", "--id", image_id(collection), "-c", str(collection), "--explain"]
    ran = CliRunner().invoke(main, asked)
    assert "compares 8 rows one by one: the collection has no index" in ran.stderr


def image_id(collection: Path) -> str:
    return str(table(collection, "SELECT image_id FROM images LIMIT 1")[0][0])


def test_a_full_disk_is_said_before_anything_is_written(
    collection: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = type("Usage", (), {"free": 10})
    monkeypatch.setattr("shutil.disk_usage", lambda path: usage)
    before = {path: path.stat().st_mtime_ns for path in collection.rglob("*") if path.is_file()}
    with pytest.raises(CollectionError, match="free disk"):
        optimize(collection)
    after = {path: path.stat().st_mtime_ns for path in collection.rglob("*") if path.is_file()}
    assert {p for p in after if "writer" not in p.name} == {
        p for p in before if "writer" not in p.name
    }


def test_those_who_read_go_on_while_it_is_optimized(collection: Path) -> None:
    opened = open_collection(collection, ColourEncoder())
    worker = threading.Thread(target=optimize, args=(collection,))
    worker.start()
    worker.join()
    assert len(opened.search(text="red", k=8)) == 8
