"""The job script of a cluster: valid bash that starts torchrun, and goes on where it stopped."""

import csv
import os
import re
import shlex
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from small_runs import TINY, write_recipe

import taxalens
from training.contrastive.drawn import write_drawn
from ui.cli import main

ROOT = Path(taxalens.__file__).parent
SRUN = """#!/bin/bash
while [[ $1 == --* ]]; do shift; done
exec "$@"
"""
SCONTROL = """#!/bin/bash
if [[ $1 == requeue ]]; then echo "$2" > requeued; else echo 127.0.0.1; fi
"""


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with a recipe, shards, and commands in the place of Slurm's."""
    folder = tmp_path / "a desk"
    folder.mkdir()
    monkeypatch.chdir(folder)
    write_drawn(Path("shards"), train=1, val=1)
    write_recipe(Path("r.toml"), replace(TINY, steps=80))
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL)):
        path = Path("bin") / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(text)
        path.chmod(0o755)
    return folder


def write(*words: str) -> Path:
    run = ["train", "r.toml", "--data", "shards", "--to", "my run", "--on", "slurm", *words]
    done = CliRunner().invoke(main, run)
    assert done.exit_code == 0, done.output
    command, path = shlex.split(done.stdout)
    assert command == "sbatch"
    return Path(path)


def test_the_job_is_bash_and_asks_for_its_nodes(desk: Path) -> None:
    job = write("--nodes", "2", "--gpus", "2", "--tensorboard")
    assert job == desk / "my run" / "train.sbatch"
    subprocess.run(["bash", "-n", str(job)], check=True)
    directives = dict(re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", job.read_text(), re.M))
    assert directives["nodes"] == "2"
    assert directives["gpus-per-node"] == "2"
    assert directives["ntasks-per-node"] == "1"
    assert directives["output"] == f'"{desk}/my run/slurm-%j.log"'
    assert "requeue" in directives
    assert job.read_text().startswith("#!/bin/bash\n")
    assert [*desk.joinpath("my run").iterdir()] == [job]  # nothing was trained


def test_a_batch_that_the_gpus_cannot_share_is_refused_before_the_queue(desk: Path) -> None:
    words = ["train", "r.toml", "--data", "shards", "--to", "run", "--on", "slurm"]
    refused = CliRunner().invoke(main, [*words, "--nodes", "3", "--gpus", "1"])
    assert refused.exit_code == 1
    assert "A batch of 8 (0 replayed) cannot be cut into 3 equal parts" in refused.output
    drawn = CliRunner().invoke(main, ["train", "r.toml", "--drawn", "--to", "r", "--on", "slurm"])
    assert drawn.exit_code == 2


def start(job: Path) -> subprocess.Popen[bytes]:
    environment = os.environ | {"SLURM_JOB_ID": "7", "SLURM_JOB_NODELIST": "n", "SLURM_NNODES": "1"}
    environment["PATH"] = f"{Path('bin').resolve()}:{os.environ['PATH']}"
    environment |= {"PYTHONPATH": str(ROOT), "PYTHONWARNINGS": "ignore"}
    return subprocess.Popen(
        ["bash", str(job)],
        cwd="/",  # Slurm starts it anywhere
        env=environment,
        start_new_session=True,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
    )


def test_a_job_at_its_time_limit_is_requeued_and_goes_on(desk: Path) -> None:
    job = write("--gpus", "1")
    first = start(job)
    while not Path("my run/checkpoint.pt").exists():
        assert first.poll() is None, first.communicate()
        time.sleep(0.02)
    first.send_signal(signal.SIGUSR1)
    assert first.wait(60) == 128 + signal.SIGUSR1
    assert Path("requeued").read_text() == "7\n"
    os.killpg(first.pid, signal.SIGTERM)  # as Slurm does then; torchrun hands it on
    first.communicate()
    assert len(losses("my run")) < 80
    second = start(job)
    output, errors = second.communicate(timeout=300)
    assert second.returncode == 0, errors
    assert output.decode().splitlines()[-1] == "local-dir:my run/best"
    words = ["train", "r.toml", "--data", "shards", "--to", "whole"]
    one_thread = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}  # as in the job
    subprocess.run([sys.executable, "-m", "ui.cli", *words], env=one_thread, check=True)
    assert losses("my run") == losses("whole")


def losses(run: str) -> list[str]:
    with Path(run, "curve.csv").open(newline="") as file:
        return [row["loss"] for row in csv.DictReader(file)]
