"""Zero-shot: names alone say what photographs show.

python examples/zero_shot.py [FOLDER]   (by default the demo's photographs, downloaded once)
"""

import sys

from platformdirs import user_cache_path

import taxalens
from ui.demo.photos import obtain_photos


def main(folder: str) -> None:
    """Print the best image of some names, and how often names are right."""
    taxalens.index(folder, "zero-shot.collection", encoder="starter")
    collection = taxalens.open("zero-shot.collection")
    for name in ("a lion", "a bird", "a yellow flower"):
        hits = collection.search(text=name, k=1)
        print(f"{name}: {hits[0].file_name}, cosine {hits[0].score:.2f}")
    evaluation = taxalens.evaluate(
        collection="zero-shot.collection", families="zero-shot", templates=1
    )
    for figure in evaluation:
        print(f"{figure.measure} ({figure.setting}): {figure.value:.3f}, n = {figure.n}")


if __name__ == "__main__":
    demo = user_cache_path("taxalens") / "demo"
    main(sys.argv[1] if len(sys.argv) > 1 else str(obtain_photos(demo)))
