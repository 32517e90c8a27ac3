"""Train your own: a small encoder learns drawn organisms, and is evaluated on ones it never saw.

python examples/train_your_own.py [STEPS]   (240 steps: minutes on two cores)
"""

import sys
from dataclasses import replace
from pathlib import Path

import taxalens
from training.contrastive.drawn import draw, taxa, write_drawn
from training.contrastive.recipe import find_recipe, read_contrastive_recipe
from training.contrastive.train import train


def main(steps: int) -> None:
    """Draw, train, and compare names with new drawings."""
    write_drawn(Path("shards"))
    recipe = read_contrastive_recipe(find_recipe(Path("tiny.toml")))
    recipe = replace(recipe, steps=steps, validate_every=max(1, steps // 3))
    for step in train(recipe, Path("shards"), Path("run")):
        if step.validation_loss is not None:
            print(
                f"step {step.number}: loss {step.loss:.2f}, validation {step.validation_loss:.2f}"
            )
    for species, taxon in enumerate(taxa()):
        folder = Path("new") / taxon.name
        folder.mkdir(parents=True, exist_ok=True)
        for individual in (100, 101):  # of which no shard has a picture
            draw(species, individual).save(folder / f"{individual}.png")
    evaluation = taxalens.evaluate(
        "new", "local-dir:run/best", families="zero-shot", text_type="sci", templates=1
    )
    for figure in evaluation:
        print(f"{figure.measure}: {figure.value:.3f} of {figure.n} (chance {1 / 48:.3f})")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 240)
