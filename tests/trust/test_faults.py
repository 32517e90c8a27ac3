"""Killed, or refused by the disk, at any call: nothing is lost, doubled, half there or a traceback.

TAXALENS_TRUST=long kills 360 commands at random moments, has 840 calls fail, and runs 216 commands
with few files left to open; the seed is TAXALENS_SEED.
"""

import errno
import os
import random
from dataclasses import replace
from itertools import product

import pytest
from trust.bench import Bench
from trust.children import DIED, Fault
from trust.operations import OPERATIONS, Operation, found, fresh

LONG = os.environ.get("TAXALENS_TRUST") == "long"
SEED = int(os.environ.get("TAXALENS_SEED", "0"))
KILLS = 30 if LONG else 2  # of each operation
FAULTS = 10 if LONG else 2  # of each operation and kind
FILES = range(8, 44, 2)  # that a command may have open; with 6, DuckDB ends the process
KINDS = {
    "dies": Fault("", 0),
    "full": Fault("", 0, errno.ENOSPC, forever=True),
    "full for a moment": Fault("", 0, errno.ENOSPC),
    "broken": Fault("", 0, errno.EIO, forever=True),
    "broken for a moment": Fault("", 0, errno.EIO),
    "unreadable for a moment": Fault("", 0, errno.EIO, reads=True),
    "read-only": Fault("", 0, errno.EROFS, forever=True),
}
TRIED = [each for each in OPERATIONS if LONG or each.name in ("add", "adapt", "export", "taxonomy")]
PAIRS = (
    [*product(TRIED, KINDS)]
    if LONG
    else [
        *zip(TRIED, ("dies", "full", "unreadable for a moment", "broken for a moment"), strict=True)
    ]
)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("operation", TRIED, ids=lambda each: each.name)
def test_killed_at_any_moment_a_command_is_repeated(operation: Operation, bench: Bench) -> None:
    trial = bench.trial(operation)
    chance, met = random.Random(f"{SEED} {operation.name}"), 0
    for number in range(KILLS):
        folder = fresh(bench.place)
        moment = chance.uniform(0, trial.ended.seconds)
        arguments = operation.arguments(bench.place, folder)
        ended = bench.children.run(*arguments, kill_after=moment)
        met += ended.code == DIED
        trial.check(folder, bench.children.run, f"seed {SEED}, kill {number}")
    print(f"seed {SEED}, {operation.name}: {met} of {KILLS} kills met the command")


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize(("operation", "kind"), PAIRS, ids=lambda each: getattr(each, "name", each))
def test_a_disk_that_fails_at_any_call_ends_in_a_sentence(
    operation: Operation, kind: str, bench: Bench
) -> None:
    if bench.shim is None:
        pytest.skip("no C compiler (cc) is here, to make calls fail")
    trial = bench.trial(operation)
    chance = random.Random(f"{SEED} {operation.name} {kind}")
    calls = trial.ended.reads if KINDS[kind].reads else trial.ended.writes
    for number in sorted(chance.sample(range(calls), min(FAULTS, calls))):
        folder = fresh(bench.place)
        what = f"seed {SEED}, {operation.name}, {kind}, call {number} of {calls}"
        fault = replace(KINDS[kind], root=str(folder), number=number)
        ended = bench.children.run(*operation.arguments(bench.place, folder), fault=fault)
        if fault.error:
            assert ended.is_clean, f"{what}: {ended.text}"
            if ended.code == 0:
                assert found(operation, folder) == trial.after, what
        trial.check(folder, bench.children.run, what)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("operation", TRIED, ids=lambda each: each.name)
def test_without_files_left_to_open_a_command_ends_in_a_sentence(
    operation: Operation, bench: Bench
) -> None:
    trial = bench.trial(operation)
    for files in FILES if LONG else (random.Random(SEED).choice(FILES),):
        folder = fresh(bench.place)
        limits = {"RLIMIT_NOFILE": files}
        ended = bench.children.run(*operation.arguments(bench.place, folder), limits=limits)
        what = f"{operation.name}, {files} files"
        assert ended.is_clean, f"{what}: {ended.text}"
        if ended.code == 0:
            assert found(operation, folder) == trial.after, what
        trial.check(folder, bench.children.run, what)
