"""A draft: a taxonomy as its source tells it, before anything of it is checked."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import islice
from typing import NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from model.taxon import RANKS, Rank, Taxon

TAXA = pa.schema(
    [
        ("row", pa.int64()),  # in the source, from 1; 0 for a taxon that only stands above others
        ("id", pa.string()),
        ("parent", pa.string()),  # id; "" for a root
        ("rank", pa.string()),  # lower case, in English: "genus", "suborder"
        ("name", pa.string()),  # scientific, without its author
    ]
)
NAMES = pa.schema(
    [
        ("row", pa.int64()),
        ("taxon", pa.string()),  # id
        ("name", pa.string()),
        ("kind", pa.string()),  # SYNONYM or COMMON
        ("language", pa.string()),  # as the source writes it: "en", "eng"; "" where it is unknown
    ]
)
SCIENTIFIC = "scientific"
SYNONYM = "synonym"
COMMON = "common"


class Problem(NamedTuple):
    """Something of a source that was left out or placed otherwise than it says."""

    row: int
    """in the source, from 1; 0 where it has none"""
    name: str
    problem: str


@dataclass(frozen=True, slots=True)
class Draft:
    """What a source says: taxa under their parents, and their other names."""

    taxa: pa.Table
    names: pa.Table = field(default_factory=NAMES.empty_table)
    title: str = ""
    version: str = ""
    licence: str = ""
    problems: tuple[Problem, ...] = ()
    """of rows that could not be read as a taxon"""


@dataclass(frozen=True, slots=True)
class Line:
    """A taxon of a source that has rank columns instead of parents."""

    row: int
    lineage: Taxon
    """cleaned; the taxon itself, or the lowest of the seven ranks above it"""
    rank: str = ""
    """"suborder", "subspecies", …; "" for a taxon of the seven ranks"""
    name: str = ""


def taxa_of_lines(lines: Iterable[Line]) -> pa.Table:
    """Hang every line under its lineage; what stands above and is no line of its own is added.

    The ids are the keys of the lineages, plus rank and name where the rank is none of the seven:
    "Animalia|Chordata|Reptilia|Squamata+suborder Serpentes". A taxon of two lines stands twice.
    """
    above: dict[str, tuple[str, Rank, str]] = {}
    rest = (_hang(line, above) for line in lines)
    parts = [TAXA.empty_table()]
    while part := list(islice(rest, _PART)):
        parts.append(pa.table(list(map(list, zip(*part, strict=True))), schema=TAXA))
    listed = pa.concat_tables(parts)
    added = pa.table(
        [[0] * len(above), list(above), *map(list, zip(*above.values(), strict=True))]
        if above
        else TAXA.empty_table().columns,
        schema=TAXA,
    )
    missing = pc.is_null(pc.index_in(added["id"], value_set=listed["id"].combine_chunks()))
    return pa.concat_tables([listed, added.filter(missing)])


def _hang(line: Line, above: dict[str, tuple[str, Rank, str]]) -> tuple[int, str, str, str, str]:
    taxon = line.lineage
    if line.rank:
        key = _note(taxon, above)
        return line.row, f"{key}+{line.rank} {line.name}", key, line.rank, line.name
    return line.row, taxon.key, _note(_parent(taxon), above), str(taxon.rank), taxon.name


def _note(taxon: Taxon, above: dict[str, tuple[str, Rank, str]]) -> str:
    """Note a taxon and all above it, parent, rank and name by key; return its key."""
    key = taxon.key
    if key not in above and taxon.rank:
        above[key] = (_note(_parent(taxon), above), taxon.rank, taxon.name)
    return key


def _parent(taxon: Taxon) -> Taxon:
    over = taxon.lineage[: RANKS.index(taxon.rank)] if taxon.rank else ()
    return Taxon((*over, *[""] * (len(RANKS) - len(over))))


_PART = 100_000  # lines as Python values at a time
