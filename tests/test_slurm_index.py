"""`taxalens index --on slurm`: what is submitted, what its tasks write, and what can go wrong."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from pictures import PICTURES, write_picture
from slurm_programs import write_programs
from towers import write_tower

import taxalens
from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.indexing import index
from indexer.store.part_folders import PARTS
from model.errors import BadInput, CollectionError
from ui.cli import main

ROOT = Path(taxalens.__file__).parent


@pytest.fixture(scope="module")
def tower(tmp_path_factory: pytest.TempPathFactory) -> str:
    """An encoder that a process finds by its spec."""
    return f"local-dir:{write_tower(tmp_path_factory.mktemp('tower') / 't')}"


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where encoders are kept compiled, so that only the first process waits for that."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def slurm(tmp_path: Path, photos: Path, cache: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder of programs in the place of Slurm's, and a desk beside the photos."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("XDG_CACHE_HOME", str(cache))
    return write_programs(tmp_path / "bin", monkeypatch)


def vectors(collection: str) -> dict[str, bytes]:
    with open_snapshot(Path(collection)) as snapshot:
        rows = np.concatenate([np.asarray(part) for part in snapshot.vectors()])
        ids = snapshot.query('SELECT "row", source_id FROM images')
        return {source_id: rows[row].tobytes() for row, source_id in ids}


def test_an_array_gives_the_vectors_of_a_run_here(slurm: Path, tower: str) -> None:
    Path("photos/bad.jpg").write_text("no picture")
    words = ["index", "photos", "--encoder", tower, "--workers", "1"]
    assert CliRunner().invoke(main, [*words, "-c", "here"]).exit_code == 0
    done = CliRunner().invoke(main, [*words, "-c", "there", "--on", "slurm:3"])
    assert done.exit_code == 0, done.output
    assert f"there: {len(PICTURES)} embedded, 0 duplicates, 1 failed" in done.output
    assert vectors("there") == vectors("here")
    assert not Path("there", PARTS).exists()
    asked = (slurm / "asked").read_text()
    assert f"squeue --noheader --user {os.getuid()} --name taxalens-" in asked
    assert "scancel" not in asked  # the run has ended by itself


def test_the_script_is_bash_and_bounds_its_tasks(slurm: Path, tower: str) -> None:
    kept = slurm.parent / "kept.sbatch"
    sbatch = slurm / "sbatch"
    keep = f'cp "${{@: -1}}" {kept}\n'
    sbatch.write_text(sbatch.read_text().replace("#!/bin/bash\n", f"#!/bin/bash\n{keep}", 1))
    index("photos", "c", encoder=tower, batch_size=256, workers=1, on="slurm:3")
    subprocess.run(["bash", "-n", str(kept)], check=True)
    directives = dict(re.findall(r"^#SBATCH --([\w-]+)=?(.*)$", kept.read_text(), re.M))
    assert directives["array"] == "0-0%3"
    assert directives["cpus-per-task"] == "1"
    assert "requeue" in directives
    assert directives["job-name"].startswith("taxalens-")
    (call,) = (slurm / "submitted").read_text().splitlines()
    assert call.startswith(f"--parsable --chdir {Path('c').resolve()}/{PARTS}/")


def test_a_killed_task_is_submitted_once_more(slurm: Path, tower: str) -> None:
    for number in range(300):
        colour = f"#{number * 7919 % 0x1000000:06x}"
        write_picture(Path("photos/more", f"{number}.png"), colour)
    sbatch = slurm / "sbatch"
    killing = "[[ $task == 1 && ! -e killed ]] && { touch killed; continue; }"
    sbatch.write_text(sbatch.read_text().replace("    SLURM_", f"    {killing}\n    SLURM_"))
    done = index("photos", "c", encoder=tower, on="slurm")
    assert done.embedded + done.duplicates == len(PICTURES) + 300
    assert len((slurm / "submitted").read_text().splitlines()) == 2


def test_an_array_that_embeds_nothing_ends_the_run_with_its_last_words(
    slurm: Path, tower: str
) -> None:
    sbatch = slurm / "sbatch"
    broken = sbatch.read_text().replace('bash "$1"', 'bash -c "echo no such module; exit 1"')
    sbatch.write_text(broken)
    with pytest.raises(CollectionError, match=r"without 1 of 1 parts; .* says: no such module"):
        index("photos", "c", encoder=tower, on="slurm")
    sbatch.write_text(broken.replace('> "slurm-7_$task.log"', "> /dev/null"))
    for log in Path("c", PARTS).glob("*/*.log"):
        log.unlink()
    with pytest.raises(CollectionError, match="which all nodes must see under that path"):
        index("photos", "c", on="slurm")


def test_an_array_that_is_refused_is_a_sentence(slurm: Path, tower: str) -> None:
    (slurm / "sbatch").write_text("#!/bin/bash\necho 'Invalid account or partition' >&2; exit 1\n")
    with pytest.raises(CollectionError, match=r"Invalid account or partition; .*SBATCH_PARTITION"):
        index("photos", "c", encoder=tower, on="slurm")
    assert "scancel" in (slurm / "asked").read_text()


def test_without_slurm_nothing_is_made(
    photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match="sbatch is not on this machine"):
        index(photos, tmp_path / "c", on="slurm")
    assert not (tmp_path / "c").exists()


def test_an_array_in_the_queue_is_waited_for_and_not_submitted_again(
    slurm: Path, tower: str
) -> None:
    # The queue shows the job of a driver that was killed; its tasks end while this one waits.
    job = 'ls -t "$PWD"/c/.parts/*/job-*.parquet | head -n 1'
    squeue = f"""#!/bin/bash
[[ -e asked-once ]] && exit 0
touch asked-once
{sys.executable} -m indexer.ingest.worker "$({job})" 0 1 && echo "RUNNING (None)"
"""
    (slurm / "squeue").write_text(squeue)
    index("photos", "c", encoder=tower, on="slurm")
    assert not (slurm / "submitted").exists()


INTERRUPTED = """
import signal, sys
signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's "&" ignores it
from ui.cli import main
main(sys.argv[1:], prog_name="taxalens")
"""


def test_ctrl_c_cancels_the_array(slurm: Path, tower: str) -> None:
    (slurm / "sbatch").write_text("#!/bin/bash\necho 7\nkill -INT $PPID\n")
    words = ["index", "photos", "--encoder", tower, "-c", "c", "--on", "slurm"]
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, *words], capture_output=True, text=True, timeout=100
    )
    assert done.returncode == 130, done.stderr
    assert "The same command goes on from here" in done.stderr
    assert "scancel --name taxalens-" in (slurm / "asked").read_text()


def test_a_worker_says_in_a_sentence_what_is_wrong(slurm: Path, tmp_path: Path) -> None:
    words = [sys.executable, "-m", "indexer.ingest.worker", str(tmp_path / "job.parquet"), "0", "1"]
    done = subprocess.run(words, capture_output=True, text=True)
    assert (done.returncode, "Traceback" in done.stderr) == (1, False)
    assert "must lie on a file system that all machines share" in done.stderr
    assert json.dumps(done.stderr).count("\\n") == 1
