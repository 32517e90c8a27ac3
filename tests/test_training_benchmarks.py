"""The benchmarks of training start: open_clip's loop beside ours, and the script for a GPU."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch

import taxalens

ROOT = Path(taxalens.__file__).parent


def run(*words: str, benchmark: str = "gpu_training") -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", f"benchmarks.{benchmark}", *words]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True)


def test_the_script_for_a_gpu_runs_every_part_in_small() -> None:
    page = (ROOT / "docs" / "benchmarks" / "encoders.md").read_bytes()
    done = run("--tiny")
    assert done.returncode == 0, done.stderr
    lines = [line for line in done.stdout.splitlines() if " s " in line]
    assert sum("samples/s" in line for line in lines) == 2  # ours and open_clip's
    assert sum("pictures a second" in line for line in lines) == 2
    assert (ROOT / "docs" / "benchmarks" / "encoders.md").read_bytes() == page  # no figure of a CPU


def test_the_search_on_a_gpu_runs_every_part_in_small_with_torch_and_numpy_alone() -> None:
    page = (ROOT / "docs" / "benchmarks" / "encoders.md").read_bytes()
    done = run("--tiny", benchmark="gpu_search")
    assert done.returncode == 0, done.stderr
    shares = [line.split()[-1] for line in done.stdout.splitlines() if "share of the loop" in line]
    assert [*map(float, shares)] == [1.0] * 3
    assert (ROOT / "docs" / "benchmarks" / "encoders.md").read_bytes() == page
    needed = "import sys, benchmarks.gpu_search; print(*sys.modules)"
    modules = subprocess.run(
        [sys.executable, "-c", needed], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert not {"faiss", "duckdb", "pyarrow", "open_clip"} & set(modules.stdout.split())


@pytest.mark.skipif(torch.cuda.is_available(), reason="there is a GPU")
@pytest.mark.parametrize("benchmark", ["gpu_training", "gpu_search"])
def test_without_a_gpu_it_says_so(benchmark: str) -> None:
    done = run(benchmark=benchmark)
    assert done.returncode == 1
    assert "There is no GPU here" in done.stderr
