"""Paths that come out of data never lead to a file outside of the folders that were indexed."""

import io
import json
import sys
import tarfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from colours import ColourEncoder
from hypothesis import given
from hypothesis import strategies as st
from pictures import run, write_picture
from PIL import Image

from indexer.exports.image_rows import Images
from indexer.ingest.run import How
from indexer.inputs.paths import below, inside
from indexer.readers import reader_of, refuse
from indexer.taxonomy.archive import open_archive
from model.errors import BadInput
from search.collection import Collection, open_collection
from ui.answers import copy_files
from ui.contact_sheet import write_contact_sheet

GREY = (0xD0, 0xD0, 0xD0)
links = pytest.mark.skipif(sys.platform == "win32", reason="Windows asks for a privilege to link")


@pytest.fixture
def secret(tmp_path: Path) -> Path:
    """A red picture that nobody indexed."""
    return write_picture(tmp_path / "secret.png", "red")


def vectors(path: Path, ids: list[str]) -> Path:
    rows = ColourEncoder().encode_texts(["red"] * len(ids)).astype("float32")
    pq.write_table(pa.table({"uuid": ids, "emb": list(rows)}), path)
    return path


def names_of(secret: Path) -> list[str]:
    return [str(secret), f"../{secret.name}", f"x/../../{secret.name}", f"/{secret}"]


def check_nothing_leaks(collection: Collection, folder: Path) -> None:
    """No hit opens, copies, draws or exports a file that was not indexed."""
    hits = collection.search(text="red")
    assert len(hits)
    for hit in hits:
        assert hit.path is None or not hit.path.exists()
        with pytest.raises(BadInput):
            hit.read()
    assert "<img" not in hits._repr_html_()
    assert copy_files(hits, folder / "copies") == 0
    assert list((folder / "copies").iterdir()) == []
    write_contact_sheet(hits, folder / "sheet.png")
    with Image.open(folder / "sheet.png") as sheet:
        assert sheet.getpixel((20, 20)) == GREY


def test_ids_of_vectors_are_no_paths(tmp_path: Path, secret: Path) -> None:
    (tmp_path / "p").mkdir()
    source = vectors(tmp_path / "p" / "v.parquet", names_of(secret))
    run(source, tmp_path / "c", "colours-1")
    check_nothing_leaks(open_collection(tmp_path / "c", ColourEncoder()), tmp_path)
    for batch in Images(open_collection(tmp_path / "c").snapshot).batches():
        assert all(image.path is None or not image.path.exists() for image in batch)


def test_the_command_copies_no_file_that_an_id_of_a_vector_names(
    tmp_path: Path, secret: Path
) -> None:
    from ui.cli import main

    run(vectors(tmp_path / "v.parquet", names_of(secret)), tmp_path / "c", "colours-1")
    image_id = open_collection(tmp_path / "c").snapshot.image_ids([0])[0]
    copies = tmp_path / "copies"
    arguments = ["search", "--id", image_id, "-c", tmp_path / "c", "--copy-to", copies]
    done = CliRunner().invoke(main, list(map(str, arguments)))
    assert done.exit_code == 0
    assert list(copies.iterdir()) == []
    assert "0 files copied" in done.output


def test_members_of_a_tar_are_no_paths(tmp_path: Path, secret: Path) -> None:
    (tmp_path / "p").mkdir()
    with tarfile.open(tmp_path / "p" / "s.tar", "w") as tar:
        for name in names_of(secret):
            blue = io.BytesIO()
            Image.new("RGB", (9, 9), "blue").save(blue, "PNG")
            member = tarfile.TarInfo(name)
            member.size = len(blue.getvalue())
            tar.addfile(member, io.BytesIO(blue.getvalue()))
        link = tarfile.TarInfo("link.png")
        link.type, link.linkname = tarfile.SYMTYPE, str(secret)
        tar.addfile(link)
    run(tmp_path / "p" / "s.tar", tmp_path / "c")
    collection = open_collection(tmp_path / "c", ColourEncoder())
    hits = collection.search(text="red")
    assert len(hits) == len(names_of(secret))
    copy_files(hits, tmp_path / "copies")
    for copy in (tmp_path / "copies").iterdir():
        with Image.open(copy) as picture:
            assert picture.getpixel((4, 4))[2] > 200  # the thumbnail of the member, which is blue
    assert all(hit.path is None or not hit.path.exists() for hit in hits)


def test_a_manifest_names_no_file(tmp_path: Path, secret: Path) -> None:
    picture = "https://example.org/1.png"
    canvas = {"id": str(secret), "items": [{"items": [{"body": {"id": picture}}]}]}
    about = {"@context": "http://iiif.io/api/presentation/3/context.json", "type": "Manifest"}
    manifest = {**about, "id": "x", "items": [canvas]}
    (tmp_path / "m.json").write_text(
        json.dumps({"@context": "http://iiif.io/api/presentation/3/context.json", **manifest})
    )
    blue = write_picture(tmp_path / "blue.png", "blue").read_bytes()
    run(tmp_path / "m.json", tmp_path / "c", how=How(fetch=lambda url: blue))
    hits = open_collection(tmp_path / "c", ColourEncoder()).search(text="red")
    assert [hit.source_id.endswith("secret.png") for hit in hits] == [True]
    copy_files(hits, tmp_path / "copies")
    for copy in (tmp_path / "copies").iterdir():
        with Image.open(copy) as picture:
            assert picture.convert("RGB").getpixel((0, 0))[2] > 200


def darwin_core(folder: Path, names: list[str]) -> Path:
    folder.mkdir()
    (folder / "meta.xml").write_text(
        '<archive xmlns="http://rs.tdwg.org/dwc/text/">'
        '<core rowType="http://rs.tdwg.org/dwc/terms/Occurrence" ignoreHeaderLines="1" '
        'fieldsTerminatedBy="," encoding="UTF-8"><files><location>occurrence.txt</location></files>'
        '<id index="0"/><field index="1" term="http://rs.tdwg.org/dwc/terms/associatedMedia"/>'
        "</core></archive>"
    )
    lines = [f"{number},{name}" for number, name in enumerate(names)]
    (folder / "occurrence.txt").write_text("\n".join(["id,associatedMedia", *lines]) + "\n")
    return folder


def megadetector(folder: Path, names: list[str]) -> Path:
    folder.mkdir()
    detections = [{"category": "1", "conf": 1, "bbox": [0, 0, 1, 1]}]
    images = [{"file": name, "detections": detections} for name in names]
    told = {"images": images, "detection_categories": {"1": "animal"}}
    (folder / "d.json").write_text(json.dumps(told))
    return folder / "d.json"


def table(folder: Path, names: list[str]) -> Path:
    folder.mkdir()
    (folder / "t.csv").write_text("\n".join(["file_name", *names]) + "\n")
    return folder / "t.csv"


@pytest.mark.parametrize("written", [darwin_core, megadetector, table])
def test_a_name_that_leads_out_is_a_failed_input(
    tmp_path: Path, secret: Path, written: object
) -> None:
    source = written(tmp_path / "p", names_of(secret))
    records = list(reader_of(str(source)).read(str(source), refuse))
    assert {record.problem.partition(" ")[0] for record in records} == {"is"}
    progress = run(source, tmp_path / "c")
    assert (progress.embedded, progress.failed) == (0, len(records))
    assert progress.failed >= 3


@links
@pytest.mark.parametrize("written", [darwin_core, megadetector, table])
def test_a_link_that_leads_out_is_a_failed_input(
    tmp_path: Path, secret: Path, written: object
) -> None:
    source = written(tmp_path / "p", ["link.png", "folder/secret.png"])
    (tmp_path / "p" / "link.png").symlink_to(secret)
    (tmp_path / "p" / "folder").symlink_to(tmp_path)
    progress = run(source, tmp_path / "c")
    assert (progress.embedded, progress.failed) == (0, 2)


@pytest.mark.parametrize("written", [darwin_core, megadetector, table])
def test_a_name_that_stays_inside_is_read_however_it_is_written(
    tmp_path: Path, written: object
) -> None:
    picture = tmp_path / "p" / "a" / "1.png"
    source = written(tmp_path / "p", ["x/../a/1.png"])
    write_picture(picture, "red")
    run(source, tmp_path / "c")
    (hit,) = open_collection(tmp_path / "c", ColourEncoder()).search(text="red")
    assert hit.path == picture
    assert hit.source_id.startswith("p/a/1.png")


@links
def test_a_table_of_an_archive_is_no_link_to_a_file_outside(tmp_path: Path) -> None:
    archive = darwin_core(tmp_path / "p", ["1.png"])
    (archive / "occurrence.txt").rename(tmp_path / "elsewhere.txt")
    (archive / "occurrence.txt").symlink_to(tmp_path / "elsewhere.txt")
    with open_archive(archive) as opened, pytest.raises(BadInput, match="a link to a file outside"):
        opened.file("occurrence.txt")


PARTS = st.sampled_from(["..", ".", "", "a", "b", "/", "\0", "~", "C:", "a" * 300, "\ud800"])


@given(st.lists(PARTS, max_size=6).map("/".join) | st.text(max_size=20))
def test_no_name_at_all_leads_out(name: str) -> None:
    base = Path(__file__).resolve().parent
    found = below(str(base), name)
    assert found is None or (found.is_relative_to(base) and ".." not in found.parts)
    relative = inside(base, name)
    assert relative is None or not (relative.is_absolute() or ".." in relative.parts)
    if relative is not None:
        assert (base / relative).resolve().is_relative_to(base)
