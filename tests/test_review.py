"""A person's labels: on disk at once, taken back at any depth, never overruled by a file."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image

import taxalens
from indexer.store.journal_file import JOURNAL
from model.encoder import Encoder
from model.errors import Error, UnknownName
from search.collection import Collection

LABELS = """file_name,species,site
0.png,Panthera leo,A
1.png,Panthera leo,A
2.png,Panthera tigris,B
"""


@pytest.fixture(scope="module")
def encoder() -> Encoder:
    return taxalens.load_encoder("starter")


@pytest.fixture
def index(tmp_path: Path, encoder: Encoder) -> Callable[[], Path]:
    """Index four pictures, of which a file labels three."""
    for number in range(4):
        path = tmp_path / "photos" / f"{number}.png"
        path.parent.mkdir(exist_ok=True)
        Image.new("RGB", (32, 32), (60 * number, 10, 200 - 40 * number)).save(path)
    (tmp_path / "labels.csv").write_text(LABELS)

    def run() -> Path:
        here = tmp_path / "a.collection"
        labels = tmp_path / "labels.csv"
        taxalens.index(tmp_path / "photos", here, encoder=encoder, labels=labels)
        return here

    return run


def labels(collection: Path) -> dict[str, tuple[str, str, str]]:
    """Return the label, site and person of each picture, as a new generation knows them."""
    with taxalens.open(collection) as opened:
        sql = "SELECT file_name, label, coalesce(site, ''), labelled_by FROM searchable"
        return {name: (*rest,) for name, *rest in opened.snapshot.query(sql)}  # type: ignore[misc]


def ids(opened: Collection) -> list[str]:
    return [each for (each,) in opened.snapshot.query('SELECT image_id FROM images ORDER BY "row"')]


def test_an_act_is_known_at_once_and_searched_after_the_commit(index: Callable[[], Path]) -> None:
    here = index()
    with taxalens.open(here) as opened:
        first, *_, last = ids(opened)
        act = opened.label_as([first, last], "Panthera tigris", "Maria")
        assert len(act) == 2
        now = opened.said_of([first, last])
        assert {each.label for each in now.values()} == {"Panthera tigris"}
        assert {each.labelled_by for each in now.values()} == {"Maria"}
        assert opened.keep_labels() == 2
        assert opened.keep_labels() == 0
    assert labels(here)["0.png"] == ("Panthera tigris", "A", "Maria")
    assert labels(here)["3.png"] == ("Panthera tigris", "", "Maria")
    with taxalens.open(here) as opened:
        assert opened.search("Panthera tigris").labelled == 3
        told = [(each.label, each.labelled_by) for each in opened.history(first)]
    assert told == [("Panthera leo", ""), ("Panthera tigris", "Maria")]


def test_acts_taken_back_leave_the_labels_as_they_were(index: Callable[[], Path]) -> None:
    here = index()
    start = labels(here)
    with taxalens.open(here) as opened:
        every = ids(opened)
        acts = [opened.label_as(every[:2], "blank", "Maria")]
        opened.keep_labels()
        acts.append(opened.label_as(every, "Panthera tigris", "Maria"))
        acts.append(opened.label_as(every[1:], "unknown", "Maria", remarks="uncertain"))
        for act in reversed(acts):
            opened.take_back(act)
        opened.keep_labels()
    assert labels(here) == start
    with taxalens.open(here) as opened:
        assert "taken back by Maria" in opened.history(every[0])[-1].remarks


def test_no_file_overrules_a_person_until_that_is_taken_back(
    index: Callable[[], Path], tmp_path: Path
) -> None:
    here = index()
    with taxalens.open(here) as opened:
        act = opened.label_as(ids(opened)[:1], "Panthera tigris", "Maria")
        opened.keep_labels()
    (tmp_path / "labels.csv").write_text(LABELS.replace("0.png,Panthera leo,A", "0.png,lynx,C"))
    index()
    assert labels(here)["0.png"] == ("Panthera tigris", "C", "Maria")
    (tmp_path / "photos" / "0.png").touch()  # read again, with its old content
    index()
    assert labels(here)["0.png"] == ("Panthera tigris", "C", "Maria")
    for catalog in here.glob("catalog-*"):
        catalog.unlink()  # the whole history, derived at once
    assert labels(here)["0.png"] == ("Panthera tigris", "C", "Maria")
    with taxalens.open(here) as opened:
        opened.take_back(act)
        opened.keep_labels()
    index()
    assert labels(here)["0.png"] == ("lynx", "C", "")


def test_the_next_run_commits_what_waits(index: Callable[[], Path]) -> None:
    here = index()
    with taxalens.open(here) as opened:
        opened.label_as(ids(opened)[:1], "blank", "Maria")
    index()
    assert labels(here)["0.png"] == ("blank", "A", "Maria")
    assert not (here / JOURNAL).exists()


def test_confirming_makes_a_label_a_persons(index: Callable[[], Path]) -> None:
    here = index()
    with taxalens.open(here) as opened:
        first, *_, last = ids(opened)
        assert len(opened.label_as([first, last], None, "Maria")) == 1  # the last has no label
        opened.keep_labels()
    assert labels(here)["0.png"] == ("Panthera leo", "A", "Maria")
    assert labels(here)["3.png"] == ("", "", "")


def test_acts_outlive_a_kill_and_a_torn_line(index: Callable[[], Path]) -> None:
    here = index()
    script = (
        "import os, signal, taxalens; c = taxalens.open({!r}); i = list(c)\n"
        "for each in i: c.label_as([each], 'blank', 'Maria')\n"
        "os.kill(os.getpid(), signal.SIGKILL)"
    )
    subprocess.run([sys.executable, "-c", script.format(str(here))], env=dict(os.environ))
    with (here / JOURNAL).open("ab") as file:
        file.write(b'[["torn')
    with taxalens.open(here) as opened:
        opened.label_as(ids(opened)[:1], "unknown", "Maria")
        opened.keep_labels()
    said = [label for label, _, _ in labels(here).values()]
    assert sorted(said) == ["blank", "blank", "blank", "unknown"]


@pytest.mark.parametrize(("by", "image"), [("", 0), ("Maria", "none")])
def test_an_act_needs_a_person_and_images(
    index: Callable[[], Path], by: str, image: object
) -> None:
    with taxalens.open(index()) as opened:
        about = ids(opened)[0] if image == 0 else str(image)
        with pytest.raises((Error, UnknownName), match=r"the name of the person|no image"):
            opened.label_as([about], "blank", by)
    assert not (opened.snapshot.folder / JOURNAL).exists()
