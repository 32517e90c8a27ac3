"""How often the floor of texts is right about names that are here, and names that are not.

`python -m benchmarks.floor` takes the demo's pictures, whose names the starter knows. Half of them
are in the collection, and half of these are labelled, so that the floor is learnt from them. Asked
are the names of the others that are here, of the classes that are not (*near*), and of species from
the table of English names that no floor was learnt from (*far*). *One threshold* is the best that
whoever knew the answers could set. Means over SEEDS.
"""

from collections.abc import Sequence

import numpy as np

from benchmarks.photographs import Floats, demo
from benchmarks.report import figure, write_report
from indexer.backends.exact import Exact
from indexer.backends.floor import ABSENT, between
from indexer.taxonomy.built_in import absent_names
from model.encoders import starter
from model.text_types import free_text_prompt

SEEDS, FAR = range(5), 40


def main() -> None:
    figures: list[dict[str, object]] = []
    encoder = starter.load()

    def encoded(names: Sequence[str]) -> Floats:
        made = encoder.encode_texts([free_text_prompt(name) for name in names])
        return made.astype(np.float32)

    images = demo()
    called = [taxon.common_name or taxon.name for taxon in images.taxa]
    texts = encoded(called)
    others = encoded(absent_names(called, ABSENT + FAR))
    runs = []
    for seed in SEEDS:
        order = np.random.default_rng(seed).permutation(len(called))
        here, near = np.split(order, [len(order) // 2])
        labelled, asked = np.split(here, [len(here) // 2])
        some = np.isin(images.classes, here)
        exact, of = Exact([images.vectors[some].astype(np.float16)]), images.classes[some]
        scores, rows = exact.search(texts, 1)
        best, found = scores[:, 0], of[rows[:, 0]] == np.arange(len(called))
        known = labelled[found[labelled]]  # as `floor` leaves out what is not understood
        far = exact.search(others, 1)[0][:, 0]
        floor = between(best[known], far[:ABSENT])
        runs.append(
            {
                f"{kind}: {metric}": value
                for kind, absent in (("near", best[near]), ("far", far[ABSENT:]))
                for metric, value in _figures(best[asked], absent, floor).items()
            }
        )
    for metric in runs[0]:
        value = float(np.mean([run[metric] for run in runs]))
        figures.append(figure("demo", "taxalens", metric, value))
    write_report("floor", figures)


def _figures(here: Floats, absent: Floats, floor: float) -> dict[str, float]:
    best = between(here, absent)
    return {
        "names that are here pass": float((here >= floor).mean()),
        "names that are not are stopped": float((absent < floor).mean()),
        "right, both weighed alike": float((here >= floor).mean() + (absent < floor).mean()) / 2,
        "right with the best threshold": float((here >= best).mean() + (absent < best).mean()) / 2,
    }


if __name__ == "__main__":
    main()
