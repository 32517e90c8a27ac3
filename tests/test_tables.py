"""Rows written as they are made: what is written stays, whatever ends it."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from ui.tables import write_rows

SCHEMA = pa.schema([("name", pa.string()), ("score", pa.float64())])
FORMATS = ("table", "csv", "json", "parquet")


def rows(many: int, end: type[BaseException] | None = None) -> Iterator[dict[str, object]]:
    yield from ({"name": f"n{number}", "score": number / 8} for number in range(many))
    if end:
        raise end


def names_in(path: Path, format_: str) -> list[str]:
    match format_:
        case "csv":
            return [row["name"] for row in csv.DictReader(path.read_text().splitlines())]
        case "json":
            return [row["name"] for row in json.loads(path.read_text())]
        case "parquet":
            return list(pq.read_table(path)["name"].to_pylist())
    header, *lines = path.read_text().splitlines()
    assert header.split() == SCHEMA.names
    return [line.split()[0] for line in lines]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("many", [0, 1, 3, 7])
def test_all_rows_are_written(tmp_path: Path, format_: str, many: int) -> None:
    write_rows(SCHEMA, rows(many), format_, tmp_path / "f", together=3)
    assert names_in(tmp_path / "f", format_) == [f"n{number}" for number in range(many)]


@pytest.mark.parametrize("format_", FORMATS)
@pytest.mark.parametrize("end", [KeyboardInterrupt, ValueError])
def test_what_was_written_before_an_end_stays_whole(
    tmp_path: Path, format_: str, end: type[BaseException]
) -> None:
    with pytest.raises(end):
        write_rows(SCHEMA, rows(7, end), format_, tmp_path / "f", together=3)
    assert names_in(tmp_path / "f", format_) == [f"n{number}" for number in range(6)]


@pytest.mark.parametrize("format_", ["table", "csv", "json"])
def test_each_part_is_on_disk_before_the_next_is_made(tmp_path: Path, format_: str) -> None:
    sizes = []

    def watched() -> Iterator[dict[str, object]]:
        for row in rows(6):
            sizes.append((tmp_path / "f").stat().st_size)
            yield row

    write_rows(SCHEMA, watched(), format_, tmp_path / "f", together=2)
    assert 0 < sizes[2] < sizes[4]


def test_a_parquet_file_of_no_rows_has_its_columns(tmp_path: Path) -> None:
    write_rows(SCHEMA, [], "parquet", tmp_path / "f")
    assert pq.read_schema(tmp_path / "f").equals(SCHEMA)


@pytest.mark.parametrize("format_", FORMATS)
def test_all_formats_have_the_same_columns_and_values(tmp_path: Path, format_: str) -> None:
    schema = pa.schema(
        [("name", pa.string()), ("score", pa.float64()), ("n", pa.list_(pa.int64()))]
    )
    given = [
        {"name": "=1+1", "score": 0.5, "n": [1, 2]},
        {"name": None, "score": None, "n": None},
    ]
    write_rows(schema, given, format_, tmp_path / "f")
    match format_:
        case "parquet":
            assert pq.read_table(tmp_path / "f").to_pylist() == given
        case "json":
            assert json.loads((tmp_path / "f").read_text()) == given
        case "csv":
            lines = (tmp_path / "f").read_text().splitlines()
            assert lines == ["name,score,n", "'=1+1,0.5,1 2", ",,"]
        case _:
            lines = (tmp_path / "f").read_text().splitlines()
            assert lines == ["name  score  n", "=1+1  0.500  1 2", ""]
