"""Programs in the place of Slurm's: sbatch runs the tasks of an array in turn, and returns."""

from pathlib import Path

import pytest

SBATCH = """#!/bin/bash
echo "$@" >> "$(dirname "$0")/submitted"
while [[ $1 == --* ]]; do [[ $1 == --chdir ]] && { folder=$2; shift; }; shift; done
last=$(sed -n 's/^#SBATCH --array=0-\\([0-9]*\\)%.*/\\1/p' "$1")
cd "$folder"
for task in $(seq 0 "$last"); do
    SLURM_ARRAY_TASK_ID=$task bash "$1" > "slurm-7_$task.log" 2>&1
done
echo 7
"""
NOTHING = """#!/bin/bash
echo "$(basename "$0") $@" >> "$(dirname "$0")/asked"
"""


def write_programs(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Write them to a folder and put that before all others on the PATH."""
    folder.mkdir()
    for name, text in (("sbatch", SBATCH), ("squeue", NOTHING), ("scancel", NOTHING)):
        (folder / name).write_text(text)
        (folder / name).chmod(0o755)
    patch.setenv("PATH", str(folder), prepend=":")
    return folder
