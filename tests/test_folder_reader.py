"""The folder reader: one record for every picture file, whatever else lies in the folder."""

import contextlib
import os
import sys
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.ingest.changes import unmatched
from indexer.inputs.extra_formats import INSTALL, left_out
from indexer.inputs.records import Record
from indexer.labels.label_files import Label, labelled
from indexer.readers import refuse
from indexer.readers.folder import base, claims
from indexer.readers.folder import read as read_source
from model.errors import BadInput
from model.taxon import Taxon

NAMES = st.text("ab1 é.-_%'", min_size=1, max_size=6)
SUFFIX = st.sampled_from([".jpg", ".jpeg", ".png", ".tif", ".webp", ".txt", ".csv", ""])
TREES = st.dictionaries(
    st.tuples(
        st.lists(NAMES.map("d{}".format), max_size=3).map(tuple), NAMES.map("f{}".format), SUFFIX
    ),
    st.binary(max_size=3),
    max_size=12,
)


def write(folder: Path, *names: str) -> None:
    for name in names:
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(name.encode())


def read(folder: Path, labels: dict[str, Label] | None = None) -> list[Record]:
    found = []
    with contextlib.suppress(BadInput):  # which it raises where there are none
        found += read_source(str(folder), refuse)
    return [labelled(record, base(str(folder)), labels or {}) for record in found]


def records(folder: Path, labels: dict[str, Label] | None = None) -> dict[str, Record]:
    found = read(folder, labels)
    by_id = {record.source_id: record for record in found}
    assert len(by_id) == len(found)
    return by_id


def test_a_record_says_where_a_picture_is_what_it_is_called_and_how_large(tmp_path: Path) -> None:
    write(tmp_path, "Panthera leo/1.jpg")
    path = tmp_path / "Panthera leo" / "1.jpg"
    (record,) = read(tmp_path)
    assert record == Record(
        source_id="Panthera leo/1.jpg",
        path=path,
        label="Panthera leo",
        taxon=Taxon(("", "", "", "", "", "Panthera", "Panthera leo")),
        bytes=path.stat().st_size,
        modified=path.stat().st_mtime_ns,
    )


def test_only_pictures_are_inputs(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg", "b.JPEG", "c.png", "d.tif", "e.webp", "f.gif", "g.bmp")
    write(
        tmp_path,
        "notes.txt",
        "labels.csv",
        "jpg",
        ".jpg",
        "a.jpg_original",
        "a.jpg.xmp",
        "sound.wav",
    )
    assert list(records(tmp_path)) == [
        "a.jpg",
        "b.JPEG",
        "c.png",
        "d.tif",
        "e.webp",
        "f.gif",
        "g.bmp",
    ]


def test_a_label_is_the_name_of_the_nearest_folder(tmp_path: Path) -> None:
    write(tmp_path, "1.jpg", "lions/2.jpg", "lions/cubs/3.jpg", "lions/cubs/Pica pica/4.jpg")
    labels = {name: record.label for name, record in records(tmp_path).items()}
    assert labels == {
        "1.jpg": "",
        "lions/2.jpg": "lions",
        "lions/cubs/3.jpg": "cubs",
        "lions/cubs/Pica pica/4.jpg": "Pica pica",
    }


def test_a_label_file_overrules_folder_names_and_a_file_its_folder(tmp_path: Path) -> None:
    write(tmp_path, "Pica pica/1.jpg", "Pica pica/2.jpg", "deep/Pica pica/3.jpg", "4.jpg", "5.jpg")
    of_folder = Label("magpies", Taxon(("Animalia", "", "", "", "", "", "")), {"site": "A"})
    of_file = Label("a crow", None, {"site": "B"})
    found = records(
        tmp_path, {"Pica pica": of_folder, "Pica pica/2.jpg": of_file, "4.jpg": of_file}
    )
    for name, label in [
        ("Pica pica/1.jpg", of_folder),
        ("Pica pica/2.jpg", of_file),
        ("deep/Pica pica/3.jpg", of_folder),
        ("4.jpg", of_file),
        ("5.jpg", Label("")),
    ]:
        record = found[name]
        assert Label(record.label, record.taxon, record.metadata) == label


def test_a_hidden_file_is_recorded_as_a_problem_and_a_hidden_folder_is_not_entered(
    tmp_path: Path,
) -> None:
    write(tmp_path, "x.jpg", ".x.jpg", ".thumbnails/x.jpg", "a/.cache/b/x.jpg")
    found = records(tmp_path)
    assert set(found) == {"x.jpg", ".x.jpg"}
    assert found[".x.jpg"].problem == "hidden file"
    assert found["x.jpg"].problem == ""


def test_a_folder_named_like_a_picture_is_a_folder(tmp_path: Path) -> None:
    write(tmp_path, "x.jpg/inside.png", "x.jpg/note.txt")
    (tmp_path / "empty.jpg").mkdir()
    found = records(tmp_path)
    assert {name: record.problem for name, record in found.items()} == {"x.jpg/inside.png": ""}


@pytest.mark.skipif(sys.platform == "win32", reason="Windows asks for a privilege to link")
def test_links_to_files_are_read_and_dangling_ones_are_problems(tmp_path: Path) -> None:
    write(tmp_path, "real.jpg", "folder/inside.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "real.jpg")
    (tmp_path / "dangling.jpg").symlink_to(tmp_path / "gone.jpg")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    (tmp_path / "circle").symlink_to(tmp_path)
    found = records(tmp_path)
    assert set(found) == {"dangling.jpg", "link.jpg", "loop.jpg", "real.jpg", "folder/inside.jpg"}
    assert found["link.jpg"].problem == ""
    assert found["link.jpg"].bytes == found["real.jpg"].bytes
    assert found["dangling.jpg"].problem == "cannot be read: No such file or directory"
    assert found["loop.jpg"].problem.startswith("cannot be read: ")


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="this system has no named pipes")
def test_a_pipe_named_like_a_picture_is_a_problem_and_nobody_waits_for_it(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "x.jpg")
    assert records(tmp_path)["x.jpg"].problem == "not a regular file"


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has names that are not UTF-8")
def test_a_name_that_is_not_utf_8_is_a_problem_with_an_id_of_its_own(tmp_path: Path) -> None:
    folder = os.fsencode(tmp_path)
    os.mkdir(folder + b"/d\xe9")
    for name in (b"x\xe9.jpg", b"x\xe8.jpg", b"d\xe9/y.jpg", b"z.jpg"):
        Path(os.fsdecode(folder + b"/" + name)).touch()
    found = records(tmp_path)
    assert {name: record.problem for name, record in found.items()} == {
        "x\\xe8.jpg": "file name is not UTF-8; rename it",
        "x\\xe9.jpg": "file name is not UTF-8; rename it",
        "d\\xe9/y.jpg": "file name is not UTF-8; rename it",
        "z.jpg": "",
    }
    for record in found.values():
        record.source_id.encode()


def test_a_collection_inside_the_folder_is_not_entered(tmp_path: Path) -> None:
    write(tmp_path, "a.jpg", "c/manifest.json", "c/segments/x.npy", "c/thumbs/1/t.jpg", "c/u.jpg")
    write(tmp_path, "web app/manifest.json", "web app/icon.png", "segments/s.jpg")
    assert set(records(tmp_path)) == {"a.jpg", "web app/icon.png", "segments/s.jpg"}


def test_an_empty_folder_has_no_records(tmp_path: Path) -> None:
    assert records(tmp_path) == {}


def test_the_order_is_that_of_names_whenever_files_were_made(tmp_path: Path) -> None:
    names = ["b/2.jpg", "a/1.jpg", "10.jpg", "b/1.jpg", "a/c/1.jpg", "9.jpg", "Ä/1.jpg"]
    for place, order in enumerate([names, names[::-1], sorted(names)]):
        write(tmp_path / str(place), *order)
    first, *others = [list(records(tmp_path / str(place))) for place in range(3)]
    assert set(first) == set(names)
    assert others == [first, first]
    in_b = [name for name in first if name.startswith("b/")]
    assert in_b == sorted(in_b)


@settings(max_examples=60, deadline=None)
@given(TREES)
def test_every_picture_file_has_one_record_and_an_id_of_its_own(
    tree: dict[tuple[tuple[str, ...], str, str], bytes],
) -> None:
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pictures = set()
        for (folders, stem, suffix), content in tree.items():
            path = folder.joinpath(*folders, stem + suffix)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content)
            if suffix not in (".txt", ".csv", ""):
                pictures.add(path)
        found = read(folder)
        assert {record.path for record in found} == pictures
        assert len({record.source_id for record in found}) == len(found) == len(pictures)
        assert found == read(folder)
        for record in found:
            assert record.source_id == record.path.relative_to(folder).as_posix()
            assert record.bytes == record.path.stat().st_size
            assert record.problem == ""


def test_label_keys_that_match_nothing_are_found(tmp_path: Path) -> None:
    (tmp_path / "p" / "lions").mkdir(parents=True)
    (tmp_path / "p" / "lions" / "1.jpg").touch()
    keys = ("lions", "lions/1.jpg", "p/lions/1.jpg", str(tmp_path / "p/lions/1.jpg"), "1.jpg", "x")
    assert unmatched(str(tmp_path / "p"), dict.fromkeys(keys, Label("a"))) == ["1.jpg", "x"]
    for key in keys[:4]:
        (record,) = read(tmp_path / "p", {key: Label("a")})
        assert (record.label, record.from_table) == ("a", True)


def test_one_picture_is_a_source_below_its_folder(tmp_path: Path) -> None:
    write(tmp_path, "Pica pica/1.jpg", "Pica pica/2.jpg")
    one = str(tmp_path / "Pica pica" / "1.jpg")
    assert claims(one)
    assert base(one) == str(tmp_path / "Pica pica")
    (record,) = read_source(one, refuse)
    assert record.source_id == "1.jpg"


def test_a_folder_without_pictures_is_refused(tmp_path: Path) -> None:
    write(tmp_path, "notes.txt")
    with pytest.raises(BadInput, match="holds no pictures"):
        list(read_source(str(tmp_path), refuse))


def test_what_systems_put_beside_pictures_is_ignored(tmp_path: Path) -> None:
    write(tmp_path, "x.jpg", "._x.jpg", "@eaDir/x.jpg/SYNOPHOTO_THUMB.jpg", "__MACOSX/x.jpg")
    assert set(records(tmp_path)) == {"x.jpg"}


def test_pictures_of_other_kinds_are_read_or_listed(tmp_path: Path) -> None:
    write(
        tmp_path, *(f"x.{suffix}" for suffix in ["jfif", "jpe", "mpo", "JPG", "jxl", "psd", "txt"])
    )
    found = records(tmp_path)
    assert {name for name, record in found.items() if not record.problem} == {
        *("x.jfif", "x.jpe", "x.mpo", "x.JPG"),
    }
    assert {name: record.problem for name, record in found.items() if record.problem} == {
        "x.jxl": "JPEG XL is not read; save it as JPEG, PNG or TIFF",
        "x.psd": "Photoshop is not read; save it as JPEG, PNG or TIFF",
    }


def test_films_are_listed_and_pictures_without_an_ending_are_pictures(tmp_path: Path) -> None:
    write(tmp_path, "film.MP4", "film.avi", "alive.MOV", "alive.HEIC", "README")
    (tmp_path / "IMG_1").write_bytes(b"\xff\xd8\xff\xe0 and so on")
    found = records(tmp_path)
    assert "a film is not read; save its frames as JPEG" in found["film.MP4"].problem
    assert found["IMG_1"].problem == ""
    assert set(found) == {"film.MP4", "film.avi", "alive.HEIC", "IMG_1"}


def test_a_kind_that_needs_an_extra_is_listed_with_it() -> None:
    assert left_out(frozenset())[".heic"] == "HEIC"
    assert left_out(frozenset({".heic"})).get(".heic") is None
    assert INSTALL["HEIC"] == "pip install taxalens[heic]"
