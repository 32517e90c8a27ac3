"""Runs that are killed while the catalog is derived: the next one sees each row once."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from vectors import index_vectors, truth, write_vectors

from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.verify import verify

# Dies at the n-th statement that DuckDB runs on a file, or before an event of the audit trail.
KILLED = """
import os, sys
from pathlib import Path
moment, source, collection = sys.argv[1:]
import duckdb
from vectors import index_vectors
connect, left = duckdb.connect, int(moment) if moment.isdecimal() else -1

class Mortal:
    def __init__(self, connection): self.connection = connection
    def __getattr__(self, name): return getattr(self.connection, name)
    def __enter__(self): return self
    def __exit__(self, *error): self.connection.close()
    def execute(self, *arguments):
        global left
        left -= 1
        if left == 0: os._exit(9)
        return self.connection.execute(*arguments)

def mortal(*arguments, **options):
    opened = connect(*arguments, **options)
    return opened if options.get("read_only") or not arguments else Mortal(opened)

def die(event, arguments):
    if event == moment and "catalog-" in str(arguments[0]) + str(arguments[1:2]): os._exit(9)

duckdb.connect = mortal
sys.addaudithook(die)
index_vectors(Path(source), Path(collection))
"""


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a collection `c` of `a.parquet`, and `b.parquet` beside it."""
    folder = tmp_path_factory.mktemp("whole")
    write_vectors(folder / "a.parquet", 0, 1000)
    write_vectors(folder / "b.parquet", 1000, 50)
    index_vectors(folder / "a.parquet", folder / "c")
    return folder


@pytest.mark.parametrize("moment", ["shutil.copyfile", "9", "14", "17", "25", "os.rename"])
def test_a_run_that_is_killed_is_repeated_without_doubling(
    moment: str, whole: Path, tmp_path: Path
) -> None:
    collection = tmp_path / "c"
    shutil.copytree(whole / "c", collection)
    path = os.pathsep.join((str(Path(__file__).parent), *sys.path))
    killed = subprocess.run(
        [sys.executable, "-c", KILLED, moment, str(whole / "b.parquet"), str(collection)],
        env=os.environ | {"PYTHONPATH": path},
        check=False,
    )
    assert killed.returncode == 9
    for _ in range(2):
        index_vectors(whole / "b.parquet", collection)
        said = truth(collection)
        with open_snapshot(collection) as snapshot:
            inputs = snapshot.query("SELECT source_id FROM inputs ORDER BY 1")
            images = snapshot.query("SELECT source_id FROM searchable ORDER BY 1")
        assert len(said) == 1050
        assert inputs == images == sorted((each,) for each in said)
    assert verify(collection) == []
    assert len([*collection.glob("catalog-*")]) == 1
    assert not [*collection.glob(".*")]
