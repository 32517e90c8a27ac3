"""From lineages, each with a common name perhaps, to a draft: what is said twice is one taxon."""

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache

import pyarrow as pa

from indexer.taxonomy.draft import COMMON, NAMES, Draft, Line, Problem, taxa_of_lines
from model.taxon import Taxon


def lineage_of_epithet(ranks: Sequence[str]) -> Taxon:
    """Return `Taxon.from_ranks(ranks)`, ten times quicker for plain epithets under one genus."""
    *_, genus, species = ranks
    upper = _upper(tuple(ranks[:-1]))
    if genus and genus == upper[-1] and _EPITHET.fullmatch(species):
        return Taxon((*upper, f"{genus} {species}"))
    return Taxon.from_ranks(ranks)


def draft_of_lineages(told: Iterable[tuple[Line, str]], language: str) -> Draft:
    """Make a draft of lines and common names, all in one language; every line has its own row."""
    first: dict[tuple[str, str, str], int] = {}
    names: dict[tuple[int, str], int] = {}
    problems: list[Problem] = []

    def lines() -> Iterator[Line]:
        for line, common_name in told:
            key = (line.lineage.key, line.rank, line.name)
            if not any(key):
                wrong = "none of its ranks has a name: left out"
                problems.append(Problem(line.row, common_name, wrong))
                continue
            if key not in first:
                yield line
            row = first.setdefault(key, line.row)
            if common_name:
                names.setdefault((row, common_name), line.row)

    taxa = taxa_of_lines(lines())
    ids = dict(zip(taxa["row"].to_pylist(), taxa["id"].to_pylist(), strict=True))
    columns = [
        list(names.values()),
        [ids[row] for row, _ in names],
        [name for _, name in names],
        [COMMON] * len(names),
        [language] * len(names),
    ]
    return Draft(taxa, pa.table(columns, schema=NAMES), problems=tuple(problems))


@lru_cache(maxsize=100_000)
def _upper(ranks: tuple[str, ...]) -> tuple[str, ...]:
    return Taxon.from_ranks([*ranks, ""]).lineage[:-1]


# What the reference's cleaning leaves as it is; "unknown" and such it takes for no name.
_EPITHET = re.compile(r"(?!unknown|pleasehelp)[a-z-]+")
