"""The benchmarks of training start: open_clip's loop beside ours, and the script for a GPU."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import taxalens

ROOT = Path(taxalens.__file__).parent


def run(*words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "benchmarks.gpu_training", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_script_for_a_gpu_runs_every_part_in_small() -> None:
    page = (ROOT / "docs" / "BENCHMARKS.md").read_bytes()
    done = run("--tiny")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if " s " in line]
    assert sum("samples/s" in line for line in lines) == 2  # ours and open_clip's
    assert sum("pictures a second" in line for line in lines) == 2
    assert (ROOT / "docs" / "BENCHMARKS.md").read_bytes() == page  # no figure of a CPU


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
def test_without_a_gpu_it_says_so() -> None:
    done = run()
    assert done.returncode == 1
    assert "There is no GPU here" in done.stderr
