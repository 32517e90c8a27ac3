"""Tables of pictures: each row names one and says what it shows."""

import unicodedata
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import run, write_picture

from indexer.catalog.snapshot import open_snapshot
from indexer.exports.export import export
from indexer.ingest.run import How
from indexer.inputs.records import Record
from indexer.labels.label_files import read_label_file
from indexer.readers import reader_of, refuse
from indexer.readers.table import base, claims, read
from model.errors import BadInput

ROWS = """file_name,kingdom,species,common_name,license,eventDate,catalogNumber
a/1.png,Animalia,Pica hudsonia,magpie,CC0,2024-05-01,M-1
https://example.org/2.jpg,,,,CC-BY,,M-2
a/1.png,Animalia,Corvus corax,raven,,,
,Animalia,Pica pica,,,,
"""


def table(folder: Path, text: str = ROWS, name: str = "table.csv") -> str:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(text, encoding="utf-8")
    return str(folder / name)


def records(source: str) -> list[Record]:
    return list(read(source, refuse))


def test_a_row_names_a_picture_and_says_what_it_shows(tmp_path: Path) -> None:
    picture = write_picture(tmp_path / "a" / "1.png", "red")
    source = table(tmp_path)
    assert reader_of(source).NOUN.startswith("a table")
    assert base(source) == str(tmp_path)
    here, there, again, nameless = records(source)
    assert again.problem == "line 4 says otherwise of a/1.png than line 2"
    assert nameless.problem == "line 5 names no picture: its file_name is empty"
    assert nameless.source_id == "table.csv#line=5"
    assert (here.source_id, here.path, here.bytes) == ("a/1.png", picture, picture.stat().st_size)
    assert here.taxon
    assert (here.taxon.name, here.taxon.common_name) == ("Pica hudsonia", "magpie")
    assert here.metadata == {
        "license": "CC0",
        "eventDate": "2024-05-01",
        "catalogNumber": "M-1",
    }
    assert (there.source_id, there.url) == ("https://example.org/2.jpg",) * 2
    assert there.metadata == {"license": "CC-BY", "catalogNumber": "M-2"}


def test_the_same_picture_has_one_id_however_it_comes_in(tmp_path: Path) -> None:
    write_picture(tmp_path / "p" / "a" / "1.png", "red")
    source = table(tmp_path / "p", "path,species\na/1.png,Pica hudsonia\n")
    run(tmp_path / "p", tmp_path / "c")
    progress = run(source, tmp_path / "c")
    assert (progress.done, progress.relabelled) == (0, 1)
    with open_snapshot(tmp_path / "c") as snapshot:
        assert snapshot.query("SELECT source_id, label FROM images") == [
            ("p/a/1.png", "Pica hudsonia")
        ]


def test_parquet_and_urls(tmp_path: Path) -> None:
    rows = {"url": ["https://example.org/1.png"], "species": ["Pica hudsonia"], "elevation": [7]}
    pq.write_table(pa.table(rows), tmp_path / "t.parquet")
    red = write_picture(tmp_path / "red.png", "red").read_bytes()
    run(tmp_path / "t.parquet", tmp_path / "c", how=How(fetch=lambda url: red))
    with open_snapshot(tmp_path / "c") as snapshot:
        assert snapshot.query("SELECT url, label, metadata['elevation'] FROM images") == [
            ("https://example.org/1.png", "Pica hudsonia", "7")
        ]


@pytest.mark.parametrize("where", ["../secret.png", "/etc/passwd", "a/../../secret.png"])
def test_paths_that_lead_out_of_the_folder_are_not_read(tmp_path: Path, where: str) -> None:
    write_picture(tmp_path / "secret.png", "red")
    (record,) = records(table(tmp_path / "p", f"path\n{where}\n"))
    assert "is outside of" in record.problem


def test_a_path_that_leads_out_to_no_file_is_said_to_be_missing(tmp_path: Path) -> None:
    (record,) = records(table(tmp_path / "p", "path\n../elsewhere/lion.png\n"))
    assert record.problem == "cannot be read: No such file or directory"


def test_a_link_that_leads_out_is_not_followed(tmp_path: Path) -> None:
    write_picture(tmp_path / "secret.png", "red")
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "link.png").symlink_to(tmp_path / "secret.png")
    (record,) = records(table(tmp_path / "p", "path\nlink.png\n"))
    assert "is outside of" in record.problem


def test_a_picture_that_is_missing_is_a_failed_input(tmp_path: Path) -> None:
    (record,) = records(table(tmp_path, "path\nmissing.png\n"))
    assert record.problem == "cannot be read: No such file or directory"


def test_other_tables_are_not_claimed(tmp_path: Path) -> None:
    assert not claims(table(tmp_path, "species,count\nPica pica,1\n"))
    assert not claims(table(tmp_path, ROWS, "notes.md"))
    pq.write_table(pa.table({"uuid": ["a"], "emb": [[1.0]], "path": ["x"]}), tmp_path / "e.parquet")
    assert not claims(str(tmp_path / "e.parquet"))
    assert not claims(str(tmp_path / "missing.csv"))


def test_a_damaged_table_is_refused_in_a_sentence(tmp_path: Path) -> None:
    pq.write_table(pa.table({"path": ["x" * 100] * 100}), tmp_path / "t.parquet")
    whole = (tmp_path / "t.parquet").read_bytes()
    (tmp_path / "t.parquet").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(BadInput):
        list(reader_of(str(tmp_path / "t.parquet")).read(str(tmp_path / "t.parquet"), refuse))


def test_a_collection_can_be_rebuilt_from_what_search_writes(tmp_path: Path) -> None:
    write_picture(tmp_path / "p" / "Pica pica" / "1.png", "red")
    write_picture(tmp_path / "p" / "2.png", "blue")
    run(tmp_path / "p", tmp_path / "c")
    with duckdb.connect() as connection, open_snapshot(tmp_path / "c") as snapshot:
        ids = [source_id for (source_id,) in snapshot.query("SELECT source_id FROM images")]
        connection.execute("CREATE TABLE t (file_name VARCHAR, label VARCHAR)")
        for source_id in ids:
            connection.execute("INSERT INTO t VALUES (?, 'x')", [source_id.partition("/")[2]])
        connection.execute(f"COPY t TO '{tmp_path / 'p' / 't.csv'}' (HEADER)")
    run(tmp_path / "p" / "t.csv", tmp_path / "again")
    with open_snapshot(tmp_path / "again") as snapshot:
        assert snapshot.query("SELECT source_id, label FROM images ORDER BY 1") == [
            ("p/2.png", "x"),
            ("p/Pica pica/1.png", "x"),
        ]


def test_a_name_is_found_in_either_form_of_unicode(tmp_path: Path) -> None:
    for form, other in (("NFC", "NFD"), ("NFD", "NFC")):
        folder = tmp_path / form
        name = unicodedata.normalize(form, "Löwe.png")
        write_picture(folder / name, "red")
        asked = unicodedata.normalize(other, "./Löwe.png")
        (record,) = records(table(folder, f"path,species\n{asked},Panthera leo\n"))
        assert (record.source_id, record.problem) == (name, "")
        labels = read_label_file(folder / "table.csv")
        run(folder, tmp_path / f"{form}.c", labels=labels)
        with open_snapshot(tmp_path / f"{form}.c") as snapshot:
            assert snapshot.query("SELECT label FROM images") == [("Panthera leo",)]


def test_a_row_may_have_a_path_or_a_url(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", "red")
    text = "url,file_name,species\nHTTPS://example.org/1.jpg,,x\n,a.png,y\nftp://a.b/c.jpg,,z\n"
    there, here, other = records(table(tmp_path, text))
    assert (there.source_id, there.url) == ("https://example.org/1.jpg",) * 2
    assert (here.source_id, here.problem) == ("a.png", "")
    assert other.problem == "is an address that begins with ftp://; only https is read"


def test_our_export_is_read_back_with_every_line_end(tmp_path: Path) -> None:
    write_picture(tmp_path / "p" / "a.png", "red")
    source = table(
        tmp_path / "p", 'file_name,species,remarks,site\na.png,Panthera leo,"first\rsecond",north\n'
    )
    run(source, tmp_path / "c")
    with open_snapshot(tmp_path / "c") as snapshot:
        list(export(snapshot, tmp_path / "o.csv"))
    (label,) = read_label_file(tmp_path / "o.csv").values()
    assert (label.metadata["remarks"], label.metadata["site"]) == ("first\rsecond", "north")


def test_rows_that_are_left_out_are_inputs_that_failed(tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", "red")
    text = "file_name,species\na.png,Panthera leo\nb.png,Puma concolor,extra\n"
    progress = run(table(tmp_path, text), tmp_path / "c")
    assert (progress.embedded, progress.failed) == (1, 1)
    with open_snapshot(tmp_path / "c") as snapshot:
        ((reason,),) = snapshot.query("SELECT reason FROM inputs WHERE status = 'failed'")
    assert reason.startswith("line 3 has 3 cells and the header 2")
    table(tmp_path, text.replace(",extra", ""))
    write_picture(tmp_path / "b.png", "blue")
    run(tmp_path / "table.csv", tmp_path / "c")
    with open_snapshot(tmp_path / "c") as snapshot:
        assert snapshot.query("SELECT count(*) FROM inputs WHERE status = 'failed'") == [(0,)]
