"""A table with a column for each rank, as label files and lists of species have it."""

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import duckdb

from indexer.taxonomy.draft import Draft, Line
from indexer.taxonomy.lineages import draft_of_lineages
from indexer.taxonomy.stated_names import lineage_of
from indexer.taxonomy.table import fields_of, load, scratch, table_at
from model.taxon import RANKS, Rank

NOUN = "a table with columns like kingdom, family, genus and species"
_FIELDS = (*RANKS, "taxon", "scientific_name", "rank", "common_name")
# Half a million labels of photographs are some thousand taxa.
_EACH = f"""
SELECT min("row") AS first, {", ".join(f'"{each}"' for each in _FIELDS)}
FROM labels GROUP BY ALL ORDER BY first
"""


def claims(path: Path) -> bool:
    """Tell whether it is a table with at least two of the seven ranks."""
    return len(fields_of(path) & set(RANKS)) > 1


def read(path: Path) -> Draft:
    """Read the taxa of the rows, and those above them; the language of common names is unknown."""
    with scratch() as connection:
        problems = load(connection, "labels", table_at(path), _FIELDS)
        draft = draft_of_lineages(_lines(connection), language="")
    return replace(draft, problems=(*problems, *draft.problems))


def _lines(connection: duckdb.DuckDBPyConnection) -> Iterator[tuple[Line, str]]:
    found = connection.execute(_EACH)
    while batch := found.fetchmany(50_000):
        for row, *ranks, taxon, scientific_name, rank, common_name in batch:
            yield _line(row, ranks, taxon or scientific_name, rank.lower()), common_name


def _line(row: int, ranks: list[str], name: str, rank: str) -> Line:
    """Place a taxon; its own name, with a rank, fills that rank's column or stands below all."""
    if name and rank and rank not in RANKS:
        return Line(row, lineage_of(ranks), rank, name)
    if not rank and " " in name:
        rank = Rank.SPECIES
    if name and rank and not ranks[RANKS.index(Rank(rank))]:
        ranks[RANKS.index(Rank(rank))] = name
    return Line(row, lineage_of(ranks))
