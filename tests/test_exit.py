"""However a command ends, nothing but its own words is on stderr."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import click
import duckdb
import pyarrow as pa
import pytest
from click.testing import CliRunner
from pictures import run, write_picture

from model.encoder import load
from ui.command_group import CommandGroup

COMMANDS = [
    ["search", "lion"],
    ["search", "--taxon", "Nix"],
    ["search", "lion", "--where", "nonsense ("],
    ["search", "lion", "--format", "parquet", "--output", "hits.parquet"],
    ["neighbours", "--output", "n.parquet"],
    ["audit"],
    ["export", "e.csv"],
    ["optimize"],
    ["relocate", "nothing", "photos"],
    ["identify", "photos/a.png"],
    ["label", "--examples", "photos/a.png"],
    ["taxonomy", "resolve", "Panthera leo"],
]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a collection in it."""
    folder = tmp_path_factory.mktemp("place")
    for name in ("Panthera leo/1.png", "Pica hudsonia/1.png"):
        write_picture(folder / "photos" / name, "red" if "leo" in name else "navy")
    run(folder / "photos", folder / "taxalens.collection", load("starter"))
    return folder


def ended(code: list[str], folder: Path, **options: object) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, *code],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": str(Path(__file__).parent.parent)},
        capture_output=True,
        text=True,
        **options,
    )


@pytest.mark.parametrize("command", COMMANDS, ids=" ".join)
def test_nothing_of_duckdb_is_on_stderr(place: Path, command: list[str]) -> None:
    found = ended(["-m", "ui.cli", *command], place)
    assert found.returncode in (0, 1, 2), found.stderr
    for word in ("nanobind", "leaked", "Traceback", "Exception ignored"):
        assert word not in found.stderr


THREAD = """
import sys, threading
import duckdb
import ui.cli
def hold():
    connection = duckdb.connect()
    held.set()
    threading.Event().wait()
held = threading.Event()
threading.Thread(target=hold, daemon=True).start()
held.wait()
sys.argv = ["taxalens", {!r}]
ui.cli.{}()
"""


@pytest.mark.parametrize(("asked", "code"), [("--help", 0), ("nonsense", 2)])
def test_what_a_thread_still_holds_is_not_told_at_the_end(
    tmp_path: Path, asked: str, code: int
) -> None:
    found = ended(["-c", THREAD.format(asked, "run")], tmp_path)
    assert found.returncode == code
    assert "leaked" not in found.stderr
    assert ("Error: No such command" in found.stderr) == (code == 2)
    assert "leaked" in ended(["-c", THREAD.format(asked, "main")], tmp_path).stderr  # so it would


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        RuntimeError("can't start new thread"),
        pa.ArrowException(f"Failed to launch worker thread: {os.strerror(errno.EAGAIN)}"),
        RuntimeError("std::bad_alloc"),
        duckdb.OutOfMemoryException("Out of Memory Error: failed to allocate"),
    ],
    ids=repr,
)
def test_no_room_for_memory_or_a_thread_is_a_sentence_whoever_says_it(error: Exception) -> None:
    class Failing(CommandGroup):
        def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command:
            def fail() -> None:
                raise error

            return click.Command("fail", callback=fail)

    done = CliRunner().invoke(Failing("taxalens", package="ui.commands"), ["fail"])
    assert done.exit_code == 1
    assert done.output.startswith("Error: There is too little memory (")
    assert done.output.count("\n") == 1
