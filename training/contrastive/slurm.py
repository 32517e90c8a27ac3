"""The Slurm job of a run: torchrun on so many nodes, gone on with where it stopped."""

import shlex
import sys
from pathlib import Path

from indexer.store.durable import write_durably
from model.errors import BadInput
from training.contrastive.recipe import ContrastiveRecipe

JOB = "train.sbatch"
_PORT = 29_500  # where the nodes meet, on the first of them
_WARNING = 120  # seconds before the time limit


def write_job(
    recipe: ContrastiveRecipe, words: list[str], run: Path, nodes: int, gpus: int
) -> Path:
    """Write `run/train.sbatch`, which has `taxalens train` run by torchrun, and return its path.

    `words` are the arguments of `taxalens train`; paths in it are those of the folder that it was
    written in. Raises BadInput where the batch cannot be cut into a part for each of the GPUs.
    """
    parts = nodes * gpus * recipe.accumulate
    if recipe.own_size % parts or recipe.replay_size % parts:
        raise BadInput(
            f"A batch of {recipe.batch_size} ({recipe.replay_size} replayed) cannot be cut into "
            f"{parts} equal parts ({nodes} nodes times {gpus} GPUs times accumulate); change "
            "batch_size, replay_share or accumulate."
        )
    job = run.resolve() / JOB
    train = shlex.join(["-m", "ui.cli", "train", *words])
    text = f"""#!/bin/bash
#SBATCH --job-name={_plain(run.resolve().name)}
#SBATCH --nodes={nodes}
#SBATCH --ntasks-per-node=1
#SBATCH --gpus-per-node={gpus}
#SBATCH --cpus-per-task={gpus * (recipe.workers + 1)}
#SBATCH --output="{run.resolve()}/slurm-%j.log"
#SBATCH --open-mode=append
#SBATCH --requeue
#SBATCH --signal=B:USR1@{_WARNING}
# Add what your cluster asks for: --partition, --account, --time, --mem.
#
# A job that is requeued or submitted again goes on from the run's last checkpoint. At its time
# limit it has itself requeued; the steps since the last validation are computed again.
set -euo pipefail
cd {shlex.quote(str(Path.cwd()))}
export OMP_NUM_THREADS=1
trap 'scontrol requeue "$SLURM_JOB_ID"' USR1
first=$(scontrol show hostnames "$SLURM_JOB_NODELIST" | head -n 1)
srun --kill-on-bad-exit=1 {shlex.quote(sys.executable)} -m torch.distributed.run \\
    --nnodes="$SLURM_NNODES" --nproc-per-node={gpus} \\
    --rdzv-backend=c10d --rdzv-endpoint="$first:{_PORT}" --rdzv-id="$SLURM_JOB_ID" \\
    {train} &
wait $!
"""
    write_durably(job, lambda path: path.write_text(text, encoding="utf-8"))
    return job


def _plain(name: str) -> str:
    """Return a name without what a directive of Slurm would read otherwise."""
    return "".join(letter if letter.isalnum() else "-" for letter in name) or "train"
