"""What the starter encoder knows, scored beside the prototype's text tower on the same images.

`python -m benchmarks.starter` trains the prototype (about ten minutes) and scores both; needs the
demo's photographs, and for the few-shot figures a folder of bird and flower photographs.
"""

import csv
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
from platformdirs import user_cache_path
from safetensors.torch import load_file, save_file

from benchmarks.report import DATA, figure, write_report
from indexer.inputs.decoding import decode_file
from indexer.labels.label_files import read_label_file
from model.encoder import Encoder
from model.encoders import starter
from model.taxon import RANKS, Rank, Taxon
from model.text_types import TRAINED_TYPES, free_text_prompt, render
from training.concepts import class_taxa
from training.evaluation.few_shot import few_shot_knn
from training.evaluation.retrieval import average_precisions, precision_at_1, top_k_accuracy
from training.recipe import read_recipe
from training.starter import config_of, project_classifier, train
from ui.demo.photos import TABLE, obtain_photos

PROTOTYPE = Path(__file__).parent / "prototype.toml"
HIGHER = (Rank.GENUS, Rank.FAMILY, Rank.ORDER, Rank.CLASS)
Figures = Iterator[dict[str, object]]
Vectors = npt.NDArray[np.float32]


def main() -> None:
    figures: list[dict[str, object]] = []
    photos, shown = _demo_photos()
    for name, encoder in (("starter", starter.load()), ("prototype", _prototype())):
        images = _encode(encoder, photos)
        figures += _own_names(name, encoder)
        figures += _photo_names(name, encoder, images, shown)
        if name == "starter":
            figures += _image_to_image(name, encoder)
    write_report("starter", figures)


def _own_names(system: str, encoder: Encoder) -> Figures:
    """Names against the classifier's own rows: is the nearest row one of the named clade?"""
    _, projected = project_classifier(encoder.dim)
    rows = projected.numpy()
    taxa = class_taxa()
    keys = np.array([taxa[row].key if row in taxa else f"row {row}" for row in range(len(rows))])
    for text_type in TRAINED_TYPES:
        asked = [taxon for taxon in taxa.values() if render(taxon, text_type) != "a photo of ."]
        scores = _texts(encoder, [render(taxon, text_type) for taxon in asked]) @ rows.T
        right = np.array(
            [[f"{key}|".startswith(f"{taxon.key}|") for key in keys] for taxon in asked]
        )
        case = f"{len(asked)} organism classes by {text_type}, among 1,000 rows"
        yield figure(case, system, "top-1", top_k_accuracy(scores, right, 1))
        yield figure(case, system, "top-5", top_k_accuracy(scores, right, 5))
    lineages = [taxa[row].lineage if row in taxa else ("",) * 7 for row in range(len(rows))]
    for rank in HIGHER:
        yield _rank_figure(system, encoder, rank, lineages, rows, "1,000 rows")


def _photo_names(system: str, encoder: Encoder, images: Vectors, shown: Sequence[Taxon]) -> Figures:
    """Names against the demo's photographs, no label in play."""
    common = np.array([taxon.common_name.lower() for taxon in shown])
    names = np.unique(common)
    scores = _texts(encoder, [free_text_prompt(name) for name in names]) @ images.T
    case = f"the demo's {len(names)} own common names, {len(images)} photographs"
    precisions = average_precisions(scores, names[:, None] == common)
    yield figure(case, system, "mAP", float(precisions.mean()))
    lineages = [taxon.lineage for taxon in shown]
    for rank in (Rank.SPECIES, *HIGHER):
        yield _rank_figure(system, encoder, rank, lineages, images, "the demo's photographs")


def _rank_figure(
    system: str,
    encoder: Encoder,
    rank: Rank,
    lineages: Sequence[tuple[str, ...]],
    gallery: Vectors,
    what: str,
) -> dict[str, object]:
    place = RANKS.index(rank)
    of_items = np.array([lineage[place] for lineage in lineages])
    names = np.unique(of_items[of_items != ""])
    scores = _texts(encoder, [free_text_prompt(name) for name in names]) @ gallery.T
    precisions = average_precisions(scores, names[:, None] == of_items)
    return figure(f"{len(names)} {rank} names, {what}", system, "mAP", float(precisions.mean()))


def _image_to_image(system: str, encoder: Encoder) -> Figures:
    for name, folder in (("birds", "birds/images"), ("flowers", "flowers/train")):
        if not (DATA / folder).is_dir():
            continue
        paths = sorted((DATA / folder).rglob("*.jpg"))
        vectors = _encode(encoder, paths)
        labels = np.array([path.parent.name for path in paths])
        case = f"{len(paths)} {name}, {len(np.unique(labels))} classes"
        yield figure(case, system, "image→image P@1", precision_at_1(vectors, labels))
        mean, deviation = few_shot_knn(vectors, labels, shots=5, seeds=5)
        yield figure(case, system, "5-shot k-NN top-1, mean of 5 seeds", mean)
        yield figure(case, system, "5-shot k-NN top-1, standard deviation", deviation)
        known = read_label_file(DATA / folder.split("/")[0] / "taxa.csv")
        taxa = [known[label].taxon for label in labels]
        lineages = [taxon.lineage if taxon else ("",) * 7 for taxon in taxa]
        for rank in HIGHER[1:]:
            yield _rank_figure(system, encoder, rank, lineages, vectors, name)


def _demo_photos() -> tuple[list[Path], list[Taxon]]:
    folder = obtain_photos(user_cache_path("taxalens") / "demo")
    with TABLE.open(encoding="utf-8") as file:
        lines = [line for line in csv.DictReader(file) if (folder / line["file_name"]).is_file()]
    taxa = [Taxon.from_ranks([line[rank] for rank in RANKS], line["common_name"]) for line in lines]
    return [folder / line["file_name"] for line in lines], taxa


def _prototype() -> Encoder:
    """The first prototype: three layers of 128, no everyday words; trained once, then cached."""
    recipe = read_recipe(PROTOTYPE)
    cached = user_cache_path("taxalens", ensure_exists=True) / "prototype.safetensors"
    if not cached.exists():
        save_file(train(recipe, everyday=False), str(cached))
    return starter.assemble(config_of(recipe), load_file(str(cached)))


def _encode(encoder: Encoder, paths: Sequence[Path]) -> Vectors:
    batches = [paths[start : start + 32] for start in range(0, len(paths), 32)]
    parts = [encoder.encode_images([decode_file(path) for path in batch]) for batch in batches]
    return np.concatenate(parts).astype(np.float32)


def _texts(encoder: Encoder, texts: Sequence[str]) -> Vectors:
    return encoder.encode_texts(texts).astype(np.float32)


if __name__ == "__main__":
    main()
