"""No home, locale or TMPDIR, little memory, a clock set back, a read-only collection."""

import errno
import os
import pwd
import re
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from trust.bench import Bench
from trust.children import UNCAUGHT, Fault
from trust.operations import OPERATIONS, Operation, found, fresh

from ui.cli import main

LONG = os.environ.get("TAXALENS_TRUST") == "long"
TWENTY_YEARS = 3600 * 24 * 365 * 20  # seconds
TRIED = [each for each in OPERATIONS if LONG or each.name in ("add", "export")]
ROOMS = (1, 20, 40, 60, 80, 100, 120, 160, 200)  # MB beyond those that a child is born with
READING = ("info", "status", "verify", "audit", "export {place}/table.csv")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("operation", TRIED, ids=lambda each: each.name)
def test_a_bare_environment_and_a_clock_set_back_change_nothing(
    operation: Operation, bench: Bench
) -> None:
    trial = bench.trial(operation)  # without home, locale and TMPDIR
    if bench.shim is None:
        pytest.skip("no C compiler (cc) is here, to set the clock back")
    folder = fresh(bench.place)
    arguments = operation.arguments(bench.place, folder)
    ended = bench.children.run(*arguments, set_back=TWENTY_YEARS)
    assert ended.code == 0, ended.text
    assert found(operation, folder) == trial.after


@pytest.mark.skipif(sys.platform != "linux", reason="limits of memory are Linux's")
@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("operation", TRIED, ids=lambda each: each.name)
def test_little_memory_loses_nothing_and_leaves_no_traceback(
    operation: Operation, bench: Bench
) -> None:
    """A library may end the process, as the system does, which is a kill like any other."""
    trial = bench.trial(operation)
    for room in ROOMS if LONG else (160,):
        folder = fresh(bench.place)
        status = Path(f"/proc/{bench.children.server.pid}/status").read_text()
        used = re.search(r"VmData:\s+(\d+) kB", status)
        assert used
        limits = {"RLIMIT_DATA": (int(used[1]) << 10) + (room << 20)}
        ended = bench.children.run(*operation.arguments(bench.place, folder), limits=limits)
        assert ended.code != UNCAUGHT, ended.text
        assert "Traceback" not in ended.text
        trial.check(folder, bench.children.run, f"{operation.name}, {room} MB")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("line", READING)
def test_a_read_only_collection_answers_as_any(line: str, bench: Bench) -> None:
    if bench.shim is None:
        pytest.skip("no C compiler (cc) is here, to make writing fail")
    said = []
    for is_read_only in (False, True):
        (bench.place / "table.csv").unlink(missing_ok=True)
        folder = fresh(bench.place)
        fault = Fault(f"{folder}/", 0, errno.EROFS, forever=True) if is_read_only else None
        words = line.format(place=bench.place).split(" ")
        ended = bench.children.run(*words, "-c", folder / "c", fault=fault)
        assert ended.code == 0, ended.text
        said.append([each for each in ended.text.splitlines() if "%|" not in each])
    assert said[0] == said[1]


def test_a_user_without_home_and_name_is_asked_to_set_home(monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(user: int) -> object:
        raise KeyError(user)

    for name in ("HOME", "XDG_DATA_HOME", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr(pwd, "getpwuid", unknown)
    said = CliRunner().invoke(main, ["taxonomy", "list"])
    assert said.exit_code == 1
    assert said.stderr.endswith("set HOME.\n")
