"""Whether a fine-tuned network beats its start on held-out pictures; else the start stays."""

import json
import math
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from safetensors.torch import load_file

from indexer.store.durable import write_durably
from model.errors import BadInput
from training.contrastive import run_folder
from training.contrastive.nearest_names import cosines
from training.contrastive.recipe import ContrastiveRecipe
from training.contrastive.shards import Sample, halves, read_index
from training.contrastive.train import build, image_size

GAIN = "gain.json"


@dataclass(frozen=True, slots=True)
class HeldOutGain:
    """Zero-shot top-1 before and after, on the half of `val` that did not choose the network."""

    start: str
    """spec of the encoder that the run began with"""
    best: str
    """spec of the encoder that it ended with"""
    pictures: int
    species: int
    """names that each picture is compared with: all those of the shards"""
    before: float
    after: float
    low: float
    """of the 95 % interval of after - before"""
    high: float

    @property
    def recommended(self) -> str:
        """The spec to use: the fine-tuned encoder only where the interval lies above 0."""
        return self.best if self.low > 0 else self.start

    def __str__(self) -> str:
        """Return the outcome as one sentence."""
        if not self.pictures:
            return f"val has too few pictures to show a gain: keep {self.start}."
        found = (
            f"On {self.pictures:,} held-out pictures among {self.species:,} species, zero-shot "
            f"top-1 went from {self.before:.3f} to {self.after:.3f} (gain "
            f"{self.after - self.before:+.3f}, 95 % interval {self.low:+.3f} to {self.high:+.3f})"
        )
        if self.low > 0:
            return f"{found}: {self.best} gains on {self.start}."
        verdict = "it is worse" if self.high < 0 else "no gain is shown"
        return f"{found}: {verdict}, keep {self.start}."


def held_out_gain(recipe: ContrastiveRecipe, data: Path, run: Path) -> HeldOutGain | None:
    """Compare a finished run with its start; measured once, kept in the run's folder and its card.

    None for a run from random weights. Raises BadInput where the run has no best network yet.
    """
    if not recipe.start:
        return None
    best = run / run_folder.BEST
    if (run / GAIN).is_file():
        return HeldOutGain(**json.loads((run / GAIN).read_text(encoding="utf-8")))
    if not (best / run_folder.WEIGHTS).is_file():
        raise BadInput(f"{run} has no best network to compare with its start; train it first.")
    val, train = read_index(data, "val"), read_index(data, "train")
    _, held_out = halves(val)
    names = sorted({sample.texts[recipe.asked_type] for sample in (*train, *val)})
    plain = replace(recipe, lora_rank=0, lock_image=False, last_blocks=0)
    network, _, tokenizer = build(plain)
    network = network.to("cuda" if torch.cuda.is_available() else "cpu")
    before = _is_right(network, tokenizer, held_out, names, plain)
    network.load_state_dict(load_file(best / run_folder.WEIGHTS))
    after = _is_right(network, tokenizer, held_out, names, plain)
    low, high = paired_interval(before, after)
    gain = HeldOutGain(
        start=recipe.start,
        best=f"local-dir:{best}",
        pictures=len(held_out),
        species=len(names),
        before=float(before.mean()) if held_out else 0.0,
        after=float(after.mean()) if held_out else 0.0,
        low=low,
        high=high,
    )
    run_folder.add_to_card(best, "Held-out gain", str(gain))
    kept = json.dumps(asdict(gain), indent=1)
    write_durably(run / GAIN, lambda path: path.write_text(kept, encoding="utf-8"))
    return gain


def paired_interval(
    before: npt.NDArray[np.bool_], after: npt.NDArray[np.bool_]
) -> tuple[float, float]:
    """Return the 95 % interval of the mean of after - before, both (n,), the same pictures.

    Half a picture is added to each of the four outcomes (Agresti and Min 2005), so a few pictures
    that all agree do not make it narrow; without pictures it is -1 to 1.
    """
    if not len(before):
        return -1.0, 1.0
    gained, lost = int((after & ~before).sum()) + 0.5, int((before & ~after).sum()) + 0.5
    many, difference = len(before) + 2, gained - lost
    width = 1.96 * math.sqrt(gained + lost - difference**2 / many)
    return max(-1.0, (difference - width) / many), min(1.0, (difference + width) / many)


def _is_right(
    network: Any,
    tokenizer: Any,
    samples: Sequence[Sample],
    names: Sequence[str],
    recipe: ContrastiveRecipe,
) -> npt.NDArray[np.bool_]:
    """Tell for each sample whether its own name is nearest: (n,)."""
    size, own = image_size(network), {name: place for place, name in enumerate(names)}
    scores = cosines(network, tokenizer, samples, names, recipe, size)
    nearest = [place for some in scores for place in some.argmax(dim=1).tolist()]
    truth = [own[sample.texts[recipe.asked_type]] for sample in samples]
    return np.asarray(np.array(nearest, np.int64) == np.array(truth, np.int64))
