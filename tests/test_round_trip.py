"""Tables that we write, read by us, by Python's csv, by pandas and by DuckDB: the same cells."""

import csv
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pandas as pd
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.inputs.spreadsheet_cells import as_said, harmless, sheet
from indexer.tables.table import open_table

# Any Unicode but NUL, which no reader of CSV takes, and halves of characters, which no file does.
CELLS = st.text(st.characters(exclude_characters="\0", exclude_categories=("Cs",)))
ROWS = st.lists(st.tuples(CELLS, CELLS, CELLS), min_size=1, max_size=5)
COLUMNS = ("file_name", "locality", "notes")


def written(path: Path, rows: list[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Write rows; return their cells as any reader should find them."""
    with sheet(path, COLUMNS) as add:
        for row in rows:
            add(dict(zip(COLUMNS, row, strict=True)))
    return [tuple(str(harmless(cell)) for cell in row) for row in rows]


@given(ROWS)
@example([("a\rb", "c\nd", "e\r\nf")])
@example([('"', "'=1", "\u2028")])
@example([("NA", "", "#N/A"), ("", "", "")])
@example([("a;b", "c\td", "e,f")])
@example([("\ufeff", "\x1a", " x ")])
def test_three_other_readers_find_the_cells_that_were_written(rows: list[tuple[str, ...]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        cells = written(path, rows)
        with path.open(newline="", encoding="utf-8") as file:
            assert [tuple(row) for row in list(csv.reader(file))[1:]] == cells
        frame = pd.read_csv(path, dtype=str, keep_default_na=False, skip_blank_lines=False)
        assert [tuple(row) for row in frame.itertuples(index=False)] == cells
        found = duckdb.sql(
            f"SELECT * FROM read_csv('{path}', header=true, all_varchar=true, delim=',', "
            "quote='\"', escape='\"', auto_detect=false, columns={"
            + ", ".join(f"'{name}': 'VARCHAR'" for name in COLUMNS)
            + "})"
        ).fetchall()
        assert [tuple(cell or "" for cell in row) for row in found] == cells


@given(st.lists(st.tuples(st.just("a.jpg"), CELLS, CELLS), min_size=1, max_size=5))
def test_our_reader_finds_what_was_said(rows: list[tuple[str, ...]]) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder, "t.csv")
        cells = written(path, rows)
        table = open_table(path)
        read = [table.said(row) for row in table.used()]
        assert len(read) == len(rows)
        for row, line in zip(cells, read, strict=True):
            for name, cell in zip(COLUMNS, row, strict=True):
                said = as_said(cell)
                if name in line:
                    assert line[name] in (said, said.strip())
                else:  # one of the words for nothing
                    assert len(said.strip()) < 9
