"""Embeds in a job array of Slurm: `--on slurm`, or `--on slurm:N` for at most N tasks at once.

The array is written beside the parts and submitted; the run waits for it, and submits what is then
missing once more. Ctrl-C cancels it. A run that is killed leaves it in the queue, and the next one
goes on with it.
"""

import hashlib
import logging
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Generator, Iterator
from functools import partial
from pathlib import Path

from indexer.ingest.embedding import Work
from indexer.ingest.engines import Watchdog, through_files
from indexer.ingest.jobs import Job
from indexer.ingest.part_files import put
from indexer.ingest.prefetch import Opened
from indexer.inputs.records import Record
from model.errors import BadInput, CollectionError, writing

_LOG = logging.getLogger("taxalens")
_AT_ONCE = 16
_SHARES = 4  # tasks for each that runs at once, so that a slow node holds up little
_MOST_TASKS = 1_000  # Slurm's own limit of an array, unless its administrator sets another
_STEP, _STEPS = 1.0, 10  # seconds between looks at the folder; looks for each at the queue
_IDLE = {"PENDING", "CONFIGURING", "REQUEUED", "REQUEUE_FED", "REQUEUE_HOLD", "SUSPENDED"}


def check(on: str) -> None:
    """Refuse a number of tasks that is none, and a machine without Slurm."""
    _at_once(on)
    if missing := [name for name in ("sbatch", "squeue", "scancel") if not shutil.which(name)]:
        raise BadInput(
            f"{missing[0]} is not on this machine; run the command where jobs are submitted to "
            "Slurm."
        )


def batches(work: Work, records: Callable[[], Iterator[Record]]) -> Generator[list[Opened]]:
    """Yield the records in parts that tasks of an array have embedded."""
    return through_files(work, records, partial(_run, at_once=_at_once(work.how.on)))


def _at_once(on: str) -> int:
    _, _, number = on.partition(":")
    if number and not (number.isascii() and number.isdigit() and int(number)):
        raise BadInput(f"{on!r} names no number of tasks; write slurm or, say, slurm:{_AT_ONCE}.")
    return int(number or _AT_ONCE)


def _run(job: Job, at_once: int) -> Generator[None]:
    name, watchdog = _name(job.folder), Watchdog(job)
    before, told = 0, ""
    try:
        while missing := len(job.missing()):
            if not _queue(name):
                if missing == before:
                    raise CollectionError(_nowhere(job))
                before = missing
                _submit(job, name, min(missing, _SHARES * at_once, _MOST_TASKS), at_once)
            while lines := _queue(name):
                if (state := ", ".join(sorted(lines))) != told:
                    _LOG.info("Slurm, job %s: %s", name, told := state)
                watchdog.look({line.split(" ")[0] for line in lines} <= _IDLE)
                for _ in range(_STEPS):
                    time.sleep(_STEP)
                    yield
                if not job.missing():
                    return
    except BaseException:
        _ask("scancel", "--name", name, "--user", _user())
        raise


def _name(folder: Path) -> str:
    """Return the name of a job, the same for the next run into the same collection alone."""
    return f"taxalens-{hashlib.sha256(os.fsencode(folder)).hexdigest()[:16]}"


def _queue(name: str) -> set[str]:
    """Return the states of a job's tasks, "PENDING (Resources)"; empty where it has ended."""
    done = _ask("squeue", "--noheader", "--user", _user(), "--name", name, "--format", "%T (%r)")
    if done.returncode:  # the controller is away for a while
        return {f"UNKNOWN ({_last_line(done.stderr)})"}
    return set(done.stdout.split("\n")) - {""}


def _submit(job: Job, name: str, tasks: int, at_once: int) -> None:
    script = job.path.with_suffix(".sbatch")
    with writing(script):
        put(script, os.fsencode(_script(job.path, name, tasks, at_once, job.order.workers)))
    # Logs lie in the folder where they start, whatever letters its name has.
    done = _ask("sbatch", "--parsable", "--chdir", str(job.folder), str(script))
    if done.returncode:
        raise CollectionError(
            f"sbatch refused {script}: {_last_line(done.stderr)}; set what your cluster asks for "
            "in its variables, such as SBATCH_PARTITION or SBATCH_ACCOUNT."
        )
    _LOG.info("Slurm: array %s, %d tasks, at most %d at once", done.stdout.strip(), tasks, at_once)


def _script(path: Path, name: str, tasks: int, at_once: int, workers: int) -> str:
    worker = shlex.join([sys.executable, "-m", "indexer.ingest.worker", str(path)])
    return f"""#!/bin/bash
#SBATCH --job-name={name}
#SBATCH --array=0-{tasks - 1}%{at_once}
#SBATCH --cpus-per-task={workers}
#SBATCH --output=slurm-%A_%a.log
#SBATCH --open-mode=append
#SBATCH --requeue
# A task that starts again, here or beside the one it replaces, skips the parts that are there.
cd {shlex.quote(os.getcwd())} && exec {worker} "$SLURM_ARRAY_TASK_ID" {tasks}
"""


def _nowhere(job: Job) -> str:
    missing = job.missing()
    logs = sorted(job.folder.glob("slurm-*.log"), key=lambda path: path.stat().st_mtime_ns)
    said = [line for log in logs if (line := _last_line(log.read_text(errors="replace")))]
    why = (
        f"the last log says: {said[-1]} ({logs[-1]})"
        if said
        else f"no task wrote a log in {job.folder}, which all nodes must see under that path"
    )
    return f"Slurm ended the job without {len(missing)} of {len(job.parts)} parts; {why}."


def _last_line(text: str) -> str:
    return next((line for line in reversed(text.splitlines()) if line.strip()), "").rstrip(". ")


def _user() -> str:
    return str(os.getuid())


def _ask(*command: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
