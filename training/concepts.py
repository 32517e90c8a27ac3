"""What the starter encoder learns names from: concepts, each some classifier rows and its names."""

import csv
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from importlib.resources import files

import numpy as np
import numpy.typing as npt
from timm.data import ImageNetInfo

from model.errors import UnknownName
from model.taxon import RANKS, Rank, Taxon
from model.text_types import TextType, render

FACTS = files("training") / "data"
SCIENTIFIC_TYPES = (TextType.SCI, TextType.TAXON, TextType.TAXON_TAG)
COMMON_TYPES = (TextType.COM, TextType.SCI_COM, TextType.TAXON_COM, TextType.TAXON_TAG_COM)


@dataclass(frozen=True, slots=True)
class Concept:
    """Something the classifier knows, under one of its kinds of name.

    kind: "row" (a classifier row by its English names), a rank (a taxon by its scientific
    names) or "everyday" (English words for groups and for what is like them).
    """

    kind: str
    weights: Mapping[int, float]
    """classifier row -> weight"""
    names: tuple[str, ...]
    """to be put into templates"""
    prompts: tuple[str, ...] = ()
    """complete as they are"""


def concepts() -> list[Concept]:
    """Return all concepts; of two that share a name, the first one owns it."""
    lemmas = _lemmas()
    taxa = class_taxa()
    found = [*_organisms(lemmas, taxa), *_clades(taxa), *_everyday(taxa, list(lemmas))]
    found += [
        Concept("row", {row: 1.0}, tuple(names))
        for row, names in enumerate(lemmas.values())
        if row not in taxa
    ]
    return list(_without_repeats(found))


def class_taxa() -> dict[int, Taxon]:
    """Return the taxon of every classifier row that shows an organism."""
    rows = {wnid: row for row, wnid in enumerate(_lemmas())}
    with (FACTS / "imagenet_taxa.csv").open(encoding="utf-8") as file:
        return {
            rows[line["wnid"]]: Taxon.from_ranks([line[r] for r in RANKS], line["common_name"])
            for line in csv.DictReader(file)
        }


def targets(found: Sequence[Concept], rows: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Return one unit target per concept (n, dim), the weighted mean of its unit `rows`."""
    mixed = np.stack(
        [
            np.average(rows[list(each.weights)], axis=0, weights=list(each.weights.values()))
            for each in found
        ]
    )
    unit: npt.NDArray[np.float32] = mixed / np.linalg.norm(mixed, axis=1, keepdims=True)
    return unit.astype(np.float32)


def _lemmas() -> dict[str, list[str]]:
    """ImageNet's English and scientific names by WordNet id, in the classifier's order."""
    info = ImageNetInfo()
    return {
        wnid: info.index_to_description(row).split(", ")
        for row, wnid in enumerate(info.label_names())
    }


def _organisms(lemmas: Mapping[str, Sequence[str]], taxa: Mapping[int, Taxon]) -> Iterator[Concept]:
    for row, names in enumerate(lemmas.values()):
        if row not in taxa:
            continue
        scientific = {name for name in taxa[row].lineage if name}
        english = [name for name in (taxa[row].common_name, *names) if name not in scientific]
        named = [Taxon(taxa[row].lineage, name) for name in dict.fromkeys(english)]
        prompts = [render(each, form) for each in named for form in COMMON_TYPES]
        yield Concept("row", {row: 1.0}, tuple(english), tuple(prompts))


def _clades(taxa: Mapping[int, Taxon]) -> Iterator[Concept]:
    clades = {each.key: each for taxon in taxa.values() for each in (*taxon.ancestors(), taxon)}
    for taxon in clades.values():
        bare = Taxon(taxon.lineage)
        forms = SCIENTIFIC_TYPES if bare.at(Rank.GENUS) else SCIENTIFIC_TYPES[1:]
        prompts = [render(bare, form) for form in forms]
        prompts.append(render(bare, TextType.TAXONOMIC_NAME))
        yield Concept(str(bare.rank), _members(bare.name, taxa), (bare.name,), tuple(prompts))


def _everyday(taxa: Mapping[int, Taxon], wnids: Sequence[str]) -> Iterator[Concept]:
    with (FACTS / "everyday_words.csv").open(encoding="utf-8") as file:
        for line in csv.DictReader(file):
            weights: dict[int, float] = {}
            for member in line["members"].split(";"):
                sign, factor, name = re.fullmatch(r"(-?)(?:(\d+)\*)?(.+)", member.strip()).groups()  # type: ignore[union-attr]
                rows = {wnids.index(name): 1.0} if name in wnids else _members(name, taxa)
                for row, weight in rows.items():
                    weights[row] = 0.0 if sign else weight * float(factor or 1)
            kept = {row: weight for row, weight in weights.items() if weight}
            yield Concept("everyday", kept, tuple(line["words"].split(";")))


def _members(name: str, taxa: Mapping[int, Taxon]) -> dict[int, float]:
    inside = {row: 1.0 for row, taxon in taxa.items() if name in taxon.lineage}
    if not inside:
        raise UnknownName(f"No class of imagenet_taxa.csv belongs to {name!r}.")
    return inside


def _without_repeats(found: Sequence[Concept]) -> Iterator[Concept]:
    owned: set[str] = set()
    for each in found:
        names = tuple(dict.fromkeys(name for name in each.names if name.lower() not in owned))
        prompts = tuple(dict.fromkeys(each.prompts))
        owned.update(name.lower() for name in names)
        if names or prompts:
            yield Concept(each.kind, each.weights, names, prompts)
