"""Readers in several processes and threads, while a writer appends and reorders.

TAXALENS_TRUST=long appends 10 times beside 4 processes of 8 threads.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from trust.reading import SOURCE
from vectors import index_vectors, write_vectors

from indexer.ingest.optimize import optimize
from indexer.ingest.verify import verify

LONG = os.environ.get("TAXALENS_TRUST") == "long"
PROCESSES, THREADS, APPENDS = (4, 8, 10) if LONG else (2, 4, 2)
ROWS = 40


@pytest.mark.filterwarnings("ignore")
def test_no_reader_sees_a_lost_row_a_doubled_one_or_half_a_commit(tmp_path: Path) -> None:
    tables = [
        write_vectors(tmp_path / f"{name}.parquet", ROWS * number, ROWS)
        for number, name in enumerate(SOURCE[: APPENDS + 1])
    ]
    index_vectors(tables[0], tmp_path / "c")
    command = [sys.executable, "-m", "trust.reading", str(tmp_path), str(THREADS)]
    path = os.pathsep.join((str(Path(__file__).parents[1]), *sys.path))
    readers = [
        subprocess.Popen(
            command,
            env=os.environ | {"PYTHONPATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for _ in range(PROCESSES)
    ]
    try:
        for reader in readers:
            assert reader.stdout
            assert reader.stdout.readline() == "reading\n"
        for number, table in enumerate(tables[1:]):
            index_vectors(table, tmp_path / "c")
            if number % 3 == 1:
                optimize(tmp_path / "c", index_from=1)
    finally:
        (tmp_path / "stop").touch()
    openings = 0
    for reader in readers:
        said, wrong = reader.communicate()
        assert reader.returncode == 0, wrong
        assert "Traceback" not in wrong
        looks, _generations = map(int, said.split())
        openings += looks
    print(f"{openings} openings by {PROCESSES} processes of {THREADS} threads")
    assert openings > PROCESSES
    assert verify(tmp_path / "c") == []
