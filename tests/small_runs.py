"""A contrastive run of seconds, on drawn organisms."""

import io
import json
import tarfile
from dataclasses import fields
from pathlib import Path
from typing import Any

from training.contrastive.drawn import draw
from training.contrastive.recipe import ContrastiveRecipe
from training.contrastive.train import train

NETWORK: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    "text_cfg": {"context_length": 32, "vocab_size": 49408, "width": 16, "heads": 2, "layers": 1},
}
TINY = ContrastiveRecipe(
    pretrained="",
    network=NETWORK,
    checkpoint_activations=False,
    batch_size=8,
    steps=6,
    warmup_steps=2,
    learning_rate=1e-2,
    precision="fp32",
    workers=0,
    validate_every=2,
    seed=3,
)

CAPTIONS = [f"a drawing of thing number {number}" for number in range(20)]


def write_pairs(folder: Path) -> None:
    """Write general pairs as img2dataset does: 000000000.jpg, .txt and .json."""
    folder.mkdir(parents=True)
    with tarfile.open(folder / "00000.tar", "w") as archive:
        for number, caption in enumerate(CAPTIONS):
            file = io.BytesIO()
            draw(number, 50).save(file, "JPEG")
            members = {"jpg": file.getvalue(), "txt": caption.encode(), "json": b"{}"}
            for kind, content in members.items():
                if number == 7 and kind == "txt":
                    content = b" "  # without words
                member = tarfile.TarInfo(f"{number:09d}.{kind}")
                member.size = len(content)
                archive.addfile(member, io.BytesIO(content))


def stop_after(steps: int, recipe: ContrastiveRecipe, data: Path, run: Path) -> None:
    """Train so many steps, and leave the run there."""
    stopped = train(recipe, data, run)
    for _ in range(steps):
        next(stopped)
    stopped.close()


def write_recipe(path: Path, recipe: ContrastiveRecipe) -> None:
    """Write what a recipe sets otherwise than BioCLIP's."""
    usual = ContrastiveRecipe()
    names = [each.name for each in fields(recipe) if each.name != "network"]
    kept = {name: getattr(recipe, name) for name in names}
    lines = [_line(name, each) for name, each in kept.items() if each != getattr(usual, name)]
    tables = [_line(name, each) for name, each in recipe.network.items()]
    path.write_text("\n".join([*lines, *(["[network]"] if tables else []), *tables]))


def _line(name: str, value: object) -> str:
    if isinstance(value, dict):
        return f"{name} = {{ {', '.join(_line(*each) for each in value.items())} }}"
    return f"{name} = {json.dumps(value)}"
