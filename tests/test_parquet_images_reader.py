"""Pictures in Parquet: bytes beside their labels, as Hugging Face and Imageomics keep them."""

import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from colours import ColourEncoder
from pictures import run, write_picture

from indexer.catalog.snapshot import open_snapshot
from indexer.readers import reader_of, refuse
from model.errors import BadInput
from search.collection import open_collection


def picture(folder: Path, colour: str) -> bytes:
    return write_picture(folder / f"{colour}.png", colour).read_bytes()


def test_pictures_of_a_hugging_face_data_set(tmp_path: Path) -> None:
    images = [
        {"bytes": picture(tmp_path, "red"), "path": "lions/a.png"},
        {"bytes": picture(tmp_path, "red"), "path": "../lions/a.png"},
        {"bytes": picture(tmp_path, "blue"), "path": None},
        {"bytes": None, "path": "c.png"},
    ]
    columns = {"image": images, "label": [0, 1, 1, 0], "sex": ["A", "NA", "B", ""]}
    names = {"label": {"names": ["Panthera leo", "Puma concolor"], "_type": "ClassLabel"}}
    told = {b"huggingface": json.dumps({"info": {"features": names}}).encode()}
    table = pa.table(columns).replace_schema_metadata(told)
    pq.write_table(table, tmp_path / "hf.parquet")
    source = str(tmp_path / "hf.parquet")
    assert reader_of(source).NOUN == "pictures in Parquet (a column of bytes)"
    first, second, third, fourth = reader_of(source).read(source, refuse)
    assert [each.source_id for each in (first, second, third, fourth)] == [
        *("lions/a.png", "lions/a.png#row=2", "row 3", "c.png"),
    ]
    assert (first.label, first.metadata) == ("Panthera leo", {"sex": "A"})
    assert (second.label, second.metadata) == ("Puma concolor", {})
    progress = run(source, tmp_path / "c")
    assert (progress.embedded, progress.duplicates, progress.failed) == (2, 1, 1)
    with open_snapshot(tmp_path / "c") as snapshot:
        assert snapshot.query("SELECT reason FROM inputs WHERE status = 'failed'") == [
            ("row 4 holds no picture",)
        ]
    hit = open_collection(tmp_path / "c", ColourEncoder()).search(text="blue")[0]
    assert hit.source_id == "hf.parquet/row 3"
    assert hit.read().startswith(b"\xff\xd8")  # without the file
    assert run(source, tmp_path / "c").total == 0


def test_a_number_of_a_class_without_a_name_is_no_label(tmp_path: Path) -> None:
    images = [{"bytes": picture(tmp_path, "red"), "path": "a.png"}]
    pq.write_table(pa.table({"image": images, "label": [0]}), tmp_path / "hf.parquet")
    source = str(tmp_path / "hf.parquet")
    (record,) = reader_of(source).read(source, refuse)
    assert (record.label, record.metadata) == ("", {"label_number": "0"})


def test_pixels_of_imageomics_shards(tmp_path: Path) -> None:
    red = np.zeros((20, 30, 3), np.uint8)
    red[..., 2] = 255  # BGR
    columns = {
        "uuid": ["u1", "u2"],
        "identifier": ["https://example.org/1.jpg", ""],
        "resized_size": [[20, 30], [20, 31]],
        "image": [red.tobytes()] * 2,
    }
    pq.write_table(pa.table(columns), tmp_path / "s.parquet")
    progress = run(tmp_path / "s.parquet", tmp_path / "c")
    assert (progress.embedded, progress.failed) == (1, 1)
    with open_snapshot(tmp_path / "c") as snapshot:
        assert snapshot.query("SELECT source_id, width, height FROM images") == [
            ("s.parquet/https://example.org/1.jpg", 30, 20)
        ]
    red_hit = open_collection(tmp_path / "c", ColourEncoder()).search(text="red")[0]
    assert red_hit.score > 0.9


def test_many_pictures_are_read_in_order_a_few_at_a_time(tmp_path: Path) -> None:
    colours = [picture(tmp_path, f"#{n:02x}0000") for n in range(200)]
    table = pa.table({"image": [{"bytes": each, "path": None} for each in colours]})
    pq.write_table(table, tmp_path / "p.parquet", row_group_size=70)
    source = str(tmp_path / "p.parquet")
    records = list(reader_of(source).read(source, refuse))
    assert [each.read() for each in records if each.read] == colours
    assert [each.read() for each in reversed(records) if each.read] == colours[::-1]


def test_a_column_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    text = pa.array(["x" * (1 << 26)] * 5)
    pq.write_table(
        pa.table({"path": text}), tmp_path / "b.parquet", use_dictionary=False, compression="zstd"
    )
    source = str(tmp_path / "b.parquet")
    with pytest.raises(BadInput, match="would unpack to 335,"):
        list(reader_of(source).read(source, refuse))


def test_a_damaged_page_costs_the_pictures_of_its_row_group_alone(tmp_path: Path) -> None:
    colours = [picture(tmp_path, f"#{n:02x}00ff") for n in range(120)]
    path = tmp_path / "p.parquet"
    table = pa.table({"image": [{"bytes": each, "path": None} for each in colours]})
    pq.write_table(table, path, row_group_size=40, compression="zstd", use_dictionary=False)
    column = pq.ParquetFile(path).metadata.row_group(1).column(0)
    content = bytearray(path.read_bytes())
    half = column.total_compressed_size // 2
    end = column.data_page_offset + column.total_compressed_size
    content[end - half : end] = b"\xff" * half
    path.write_bytes(content)
    read, failed = [], []
    for row, record in enumerate(reader_of(str(path)).read(str(path), refuse)):
        assert record.read
        try:
            read.append((row, record.read()))
        except BadInput as error:
            failed.append((row, str(error)))
    assert read == [(row, colours[row]) for row in (*range(40), *range(80, 120))]
    assert [row for row, _ in failed] == list(range(40, 80))
    assert all(f"row {row + 1} cannot be unpacked: " in reason for row, reason in failed)
