"""Damaged pictures, archives, tables, manifests and models: read or refused, nothing else.

Each kind is tried in a process of its own, which a crash or a hang would end. TAXALENS_TRUST=long
tries 110,000 pictures and 10,000 other files; TAXALENS_SEED is the seed.
"""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from trust.fuzz import MEMORY
from trust.fuzz_seeds import KINDS

from model.errors import BadInput

LONG = os.environ.get("TAXALENS_TRUST") == "long"
SEED = int(os.environ.get("TAXALENS_SEED", "0"))
QUICK = {"pictures": 300, "HEIC and raw": 100, "Parquet": 60}
MANY = dict.fromkeys(KINDS, 1150) | {
    "pictures": 100_000,
    "HEIC and raw": 10_000,
    "taxonomies": 400,
    "models": 400,
}


@pytest.mark.parametrize("kind", MANY if LONG else QUICK)
def test_damaged_files_are_read_or_refused(kind: str, tmp_path: Path) -> None:
    count = (MANY if LONG else QUICK)[kind]
    tests = str(Path(__file__).parents[1])
    done = subprocess.run(
        [sys.executable, "-m", "trust.fuzz", kind, str(SEED), "0", str(count), str(tmp_path)],
        env=os.environ | {"PYTHONPATH": os.pathsep.join((tests, *filter(None, sys.path)))},
        capture_output=True,
        text=True,
        errors="replace",
        check=False,
    )
    trial = (tmp_path / "at").read_text()
    assert done.returncode == 0, f"seed {SEED}, trial {trial}: {done.stdout}{done.stderr}"[-6000:]
    *_, said = done.stdout.splitlines()
    print(f"{kind}, seed {SEED}: {said}")
    assert int(said.rpartition(", ")[2].removesuffix(" MB")) < MEMORY >> 20


def test_an_error_is_one_line() -> None:
    assert str(BadInput("a.parquet cannot be read: first\nsecond")) == (
        "a.parquet cannot be read: first second"
    )
