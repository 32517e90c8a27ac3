"""Few-shot: one example of each class labels the rest.

python examples/few_shot.py [FOLDER]   (by default the demo's photographs, downloaded once)
"""

import sys

from platformdirs import user_cache_path

import taxalens
from ui.demo.photos import obtain_photos


def main(folder: str) -> None:
    """Print the accuracy of three methods by one example, and image retrieval at every rank."""
    taxalens.index(folder, "few-shot.collection", encoder="starter")
    evaluation = taxalens.evaluate(
        collection="few-shot.collection", families=("few-shot", "retrieval"), shots=[1]
    )
    for figure in evaluation:
        if figure.value is not None and figure.low is not None:
            print(f"{figure.measure:24} {figure.rank:8} {figure.value:.3f}  n = {figure.n}")


if __name__ == "__main__":
    demo = user_cache_path("taxalens") / "demo"
    main(sys.argv[1] if len(sys.argv) > 1 else str(obtain_photos(demo)))
