"""Webdataset tars: TreeOfLife's members beside each picture say what it shows."""

import io
import json
import tarfile
import tempfile
from pathlib import Path

import pytest
from colours import ColourEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import run, write_picture
from PIL import Image

from indexer.catalog.snapshot import open_snapshot
from indexer.inputs.records import Record
from indexer.readers import reader_of, refuse
from indexer.readers.webdataset import read
from model.errors import BadInput
from model.taxon import Taxon
from model.text_types import TextType, render
from search.collection import open_collection
from ui.answers import copy_files
from ui.contact_sheet import write_contact_sheet

MAGPIE = Taxon(
    ("Animalia", "Chordata", "Aves", "Passeriformes", "Corvidae", "Pica", "Pica hudsonia"),
    "black-billed magpie",
)


def write_tar(path: Path, members: list[tuple[str, bytes]]) -> str:
    with tarfile.open(path, "w") as tar:
        for name, data in members:
            info = tarfile.TarInfo(name)
            info.size = len(data)
            tar.addfile(info, io.BytesIO(data))
    return str(path)


def sample(key: str, picture: bytes, taxon: Taxon) -> list[tuple[str, bytes]]:
    """The members of a TreeOfLife sample, as BioCLIP's make_wds.py writes them."""
    texts = [(f"{key}.{each}.txt", render(taxon, each).encode()) for each in TextType]
    return [(f"{key}.jpg", picture), *texts]


def records(source: str) -> list[Record]:
    return list(read(source, refuse))


def test_a_sample_is_a_picture_in_the_tar_and_its_taxon(tmp_path: Path) -> None:
    source = write_tar(tmp_path / "s.tar", sample("00/a1", b"picture", MAGPIE))
    assert reader_of(source).NOUN == "a webdataset tar"
    (record,) = records(source)
    assert record.source_id == "00/a1.jpg"
    assert (record.taxon, record.taxon and record.taxon.common_name) == (
        MAGPIE,
        "black-billed magpie",
    )
    assert record.path
    assert record.span
    offset, length = record.span
    assert record.path.read_bytes()[offset : offset + length] == b"picture"
    assert not record.is_file


@pytest.mark.parametrize(
    ("members", "name", "common"),
    [
        ({"sci.txt": "a photo of Pica hudsonia."}, "Pica hudsonia", ""),
        ({"scientific_name.txt": "Pica hudsonia", "com.txt": "a photo of magpie."}, "", "magpie"),
        (
            {"taxon.txt": "a photo of Animalia Chordata Aves Passeriformes Corvidae Pica pica."},
            "Pica pica",
            "",
        ),
        ({"taxonTag.txt": "a photo of kingdom Animalia family Corvidae."}, "Corvidae", ""),
        ({"sci.txt": "a photo of Pica pica.", "com.txt": "a photo of Pica pica."}, "Pica pica", ""),
        ({"txt": "some caption"}, None, ""),
        ({}, None, ""),
    ],
)
def test_any_of_its_texts_will_do(
    tmp_path: Path, members: dict[str, str], name: str | None, common: str
) -> None:
    texts = [(f"1.{ending}", text.encode()) for ending, text in members.items()]
    (record,) = records(write_tar(tmp_path / "s.tar", [*texts, ("1.png", b"x")]))
    if name is None:
        assert record.taxon is None
    else:
        assert record.taxon
        assert record.taxon.name == (name or "Pica hudsonia")
        assert record.taxon.common_name == common


def test_values_of_its_json_are_metadata_or_ranks(tmp_path: Path) -> None:
    told = {"license": "CC0", "year": 2024, "species": "Pica pica", "list": [1]}
    source = write_tar(tmp_path / "s.tar", [("1.jpg", b"x"), ("1.json", json.dumps(told).encode())])
    (record,) = records(source)
    assert record.metadata == {"license": "CC0", "year": "2024"}
    assert record.taxon
    assert record.taxon.name == "Pica pica"


def test_pictures_are_embedded_and_looked_at_without_the_tar(tmp_path: Path) -> None:
    red, blue = (
        write_picture(tmp_path / f"{colour}.png", colour).read_bytes() for colour in ("red", "blue")
    )
    members = [*sample("1", red, MAGPIE), ("2.png", blue), ("3.jpg", b"no picture")]
    source = write_tar(tmp_path / "s.tar", members)
    progress = run(source, tmp_path / "c")
    assert (progress.embedded, progress.failed) == (2, 1)
    assert run(source, tmp_path / "c").done == 0
    (tmp_path / "s.tar").unlink()
    hits = open_collection(tmp_path / "c", ColourEncoder()).search("Pica")
    assert (hits[0].source_id, hits[0].match) == ("s.tar/1.jpg", "labelled")
    assert hits[0].read().startswith(b"\xff\xd8")
    assert hits[0].location == str(tmp_path / "s.tar" / "1.jpg")
    assert copy_files(hits, tmp_path / "copies") == 2
    with Image.open(tmp_path / "copies" / "0001-1.jpg") as copy:
        assert copy.getpixel((5, 5))[0] > 200
    write_contact_sheet(hits[:1], tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as sheet:
        assert sheet.getpixel((100, 110))[0] > 200


def test_a_sample_that_left_the_tar_is_marked(tmp_path: Path) -> None:
    red = write_picture(tmp_path / "red.png", "red").read_bytes()
    blue = write_picture(tmp_path / "blue.png", "blue").read_bytes()
    source = write_tar(tmp_path / "s.tar", [("1.png", red), ("2.png", blue)])
    run(source, tmp_path / "c")
    write_tar(tmp_path / "s.tar", [("1.png", red)])
    assert run(source, tmp_path / "c").vanished == 1
    with open_snapshot(tmp_path / "c") as snapshot:
        found = dict(snapshot.query("SELECT source_id, status FROM inputs"))
    assert found == {"s.tar/1.png": "embedded", "s.tar/2.png": "vanished"}


def test_links_and_devices_are_problems_and_nothing_is_unpacked(tmp_path: Path) -> None:
    with tarfile.open(tmp_path / "evil.tar", "w") as tar:
        for name, kind in (("../../1.jpg", tarfile.SYMTYPE), ("2.jpg", tarfile.CHRTYPE)):
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, "/etc/passwd"
            tar.addfile(info)
    assert [record.problem for record in records(str(tmp_path / "evil.tar"))] == [
        "not a regular file"
    ] * 2


def test_compressed_or_damaged_tars_are_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"is compressed; unpack it once"):
        records(str(tmp_path / "x.tar.gz"))
    (tmp_path / "x.tar").write_bytes(b"no tar" * 1000)
    with pytest.raises(BadInput, match="cannot be read as a tar"):
        records(str(tmp_path / "x.tar"))


NAMES = st.text("ab1 é./", min_size=1, max_size=6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(NAMES, st.sampled_from([".jpg", ".sci.txt", ".json", ""])), max_size=8))
def test_ids_are_unique_and_in_the_order_of_the_tar(members: list[tuple[str, str]]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        named = [(name + ending, b"{}") for name, ending in members]
        found = records(write_tar(Path(folder, "s.tar"), named))
        assert found == records(str(Path(folder, "s.tar")))
    ids = [record.source_id for record in found if record.path]
    assert len(set(ids)) == len(ids)
    expected = dict.fromkeys(name for name, _ in named if Path(name).suffix == ".jpg")
    assert ids == list(expected)


def test_of_a_name_that_comes_twice_the_first_picture_has_the_first_text(tmp_path: Path) -> None:
    members = [
        *(("1.jpg", b"a"), ("1.sci.txt", b"Panthera leo")),
        *(("1.jpg", b"b"), ("1.sci.txt", b"Puma concolor")),
    ]
    record, again = records(write_tar(tmp_path / "s.tar", members))
    assert "1.jpg" in again.problem
    assert record.span
    offset, length = record.span
    assert (tmp_path / "s.tar").read_bytes()[offset : offset + length] == b"a"
    assert record.label == "Panthera leo"


def test_a_text_may_begin_with_a_mark(tmp_path: Path) -> None:
    members = [("1.jpg", b"a"), ("1.json", b'\xef\xbb\xbf{"species": "Panthera leo"}')]
    (record,) = records(write_tar(tmp_path / "s.tar", members))
    assert record.label == "Panthera leo"


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (["plot 2.0.jpg", "plot 2.0.json"], "1 texts belong to no picture (plot 2.0.json)"),
        (
            ["1.jpg", "2.jpg", "1.sci.txt", "2.sci.txt"],
            "2 texts belong to no picture (1.sci.txt, 2.sci.txt)",
        ),
        (["1.sci.txt", "x.jpg"], "1 texts belong to no picture (1.sci.txt)"),
        (["1.sci.txt", "1.jpg", "1.other.txt"], ""),
    ],
)
def test_texts_that_belong_to_no_picture_are_told_of(
    tmp_path: Path, names: list[str], told: str
) -> None:
    members = [(name, b"{}") for name in names]
    found = records(write_tar(tmp_path / "s.tar", members))
    assert [record.source_id for record in found if not record.problem] == [
        name for name in names if name.endswith(".jpg")
    ]
    assert [record.problem.partition(":")[0] for record in found if record.problem] == (
        [told] if told else []
    )


def damaged(folder: Path, change: bytes) -> str:
    source = write_tar(folder / "s.tar", [("1.jpg", b"a"), ("2.jpg", b"b"), ("3.jpg", b"c")])
    data = bytearray(Path(source).read_bytes())
    header = data[1024 : 1024 + 512]  # of 2.jpg
    header[124:136] = change
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    data[1024 : 1024 + 512] = header
    Path(source).write_bytes(data)
    return source


@pytest.mark.parametrize("change", [b"\xff" * 11 + b"\x00", b"\xff" * 12, b"-0000000001\0"])
def test_a_member_of_less_than_no_bytes_ends_the_tar_and_not_the_run(
    tmp_path: Path, change: bytes
) -> None:
    first, damage = records(damaged(tmp_path, change))
    assert (first.source_id, damage.source_id) == ("1.jpg", "s.tar#damaged")
    assert damage.problem.startswith("cannot be read beyond byte")


@pytest.mark.parametrize(
    ("members", "text", "taxon"),
    [
        ({"1.SCI.TXT": b"Pica hudsonia"}, "Pica hudsonia", "Pica hudsonia"),
        ({"1.Json": b'{"Scientific Name": "Pica pica (L.)"}'}, "Pica pica (L.)", "Pica pica"),
        ({"1.cls": b"magpie"}, "magpie", ""),
        ({"1.txt": b"a photo of Pica pica."}, "Pica pica", "Pica pica"),
        ({"1.txt": b"It sits in a tree."}, "", ""),
        ({"1.cls": b"3"}, "", ""),
        ({"1.com.txt": "Säger".encode("cp1252")}, "Säger", ""),
    ],
)
def test_texts_in_any_case_and_as_other_tools_write_them(
    tmp_path: Path, members: dict[str, bytes], text: str, taxon: str
) -> None:
    source = write_tar(tmp_path / "t.tar", [("1.JPG", b"x"), *members.items()])
    (record,) = records(source)
    assert (record.label, record.taxon.name if record.taxon else "") == (text, taxon)
    if not text:
        assert list(record.metadata.values()) == [data.decode() for data in members.values()]


def test_broken_json_and_pictures_of_one_name_are_counted(tmp_path: Path) -> None:
    members = [("1.jpg", b"x"), ("1.json", b"{"), ("2.jpg", b"y"), ("1.jpg", b"z")]
    first, second, json_, again = records(write_tar(tmp_path / "t.tar", members))
    assert (first.source_id, second.source_id) == ("1.jpg", "2.jpg")
    assert json_.problem == "1 texts are not an object of JSON (1.json); mend them"
    assert again.problem.startswith("1 pictures have the name of one before (1.jpg)")
