"""Choosing: which taxa may be an answer, and how likely each is beforehand."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np
import numpy.typing as npt

from indexer.snapshot import Snapshot
from indexer.taxonomy.resolver import Clade, resolve_all
from indexer.taxonomy.suggest import suggest
from model.errors import UnknownName
from model.taxon import RANKS, Taxon
from model.vectors import Features
from search.identifying.judging import Specimens
from search.identifying.lineages import lineages_of
from search.nearest import Nearest

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
MOST_SPECIMENS = 50_000  # that vote: all of a small collection, an even part of a large one's taxa
_FEWEST, _MOST = 4, 100  # of one taxon

OF_TAXONOMY = "rank = 'species' OR (hi - lo = 1 AND list_contains(?, rank))"
OF_LABELS = "lo IN (SELECT lo FROM images) AND ? IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Choice:
    """Names of clades: what an answer must be in, must not be in, and what is known to occur."""

    within: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    checklist: tuple[str, ...] | None = None
    """None: anything may occur"""
    unlisted: float = 0.0
    """how much a taxon counts that the checklist has not"""


@dataclass(frozen=True, slots=True, eq=False)
class Taxa:
    """Taxa of a catalog or taxonomy, in pre-order."""

    taxa: tuple[Taxon, ...]
    lo: Numbers
    hi: Numbers


@dataclass(frozen=True, slots=True, eq=False)
class Chosen:
    """How much each taxon counts beforehand, (taxa,), and the names that nothing here bears."""

    weights: Floats
    unknown: frozenset[str] = field(default=frozenset())


def taxa_of(connection: duckdb.DuckDBPyConnection, which: str) -> Taxa:
    """Return the taxa of a connection that an SQL condition (OF_TAXONOMY, OF_LABELS) chooses."""
    ranks = ", ".join(f'"{rank}"' for rank in RANKS)
    sql = f"SELECT lo, hi, common_name, {ranks} FROM taxa WHERE {which} ORDER BY lo"
    lines = connection.execute(sql, [list(map(str, RANKS))]).fetchall()
    taxa = tuple(Taxon(tuple(names), common or "") for _, _, common, *names in lines)
    bounds = np.array([line[:2] for line in lines], np.int64).reshape(len(lines), 2)
    return Taxa(taxa, bounds[:, 0], bounds[:, 1])


def chosen(connection: duckdb.DuckDBPyConnection, taxa: Taxa, choice: Choice) -> Chosen:
    """Weigh taxa by what is known beforehand: 0 for those that cannot be an answer."""
    weights = np.ones(len(taxa.taxa))
    unknown: set[str] = set()
    for names, inside in ((choice.within, True), (choice.exclude, False)):
        if names:
            mask, missing = _inside(connection, taxa, names, above=False)
            unknown |= missing
            weights *= mask if inside else ~mask
    if choice.checklist is not None:
        mask, missing = _inside(connection, taxa, choice.checklist, above=True)
        unknown |= missing
        weights *= np.where(mask, 1.0, choice.unlisted)
    return Chosen(weights, frozenset(unknown))


def check_names(
    connections: Sequence[duckdb.DuckDBPyConnection], choice: Choice, unknown: frozenset[str]
) -> None:
    """Raise UnknownName for a clade of `within` or `exclude` that no connection knows."""
    for name in (*choice.within, *choice.exclude):
        if name in unknown:
            near = [found.name for each in connections for found in suggest(each, name, 3)]
            hint = f" Did you mean {', '.join(dict.fromkeys(near[:3]))}?" if near else ""
            raise UnknownName(f"No taxon is called {name!r} here.{hint}")


def specimens_of(
    snapshot: Snapshot, nearest: Nearest, taxa: Taxa, weights: Floats
) -> tuple[Specimens | None, Numbers]:
    """Return what votes of a collection's labelled images, and their rows: (m,) ascending.

    Taxa whose weight is 0 do not vote. Of each taxon at most _MOST specimens do, spread evenly
    over its rows; None where nothing is labelled.
    """
    own = {key: place for place, key in enumerate(dict.fromkeys(t.key for t in taxa.taxa))}
    first: dict[str, Taxon] = {}
    allowed = np.zeros(len(own))
    number_of_lo = {}
    for taxon, lo, weight in zip(taxa.taxa, taxa.lo.tolist(), weights, strict=True):
        first.setdefault(taxon.key, taxon)
        number_of_lo[lo] = own[taxon.key]
        allowed[own[taxon.key]] = max(allowed[own[taxon.key]], weight)
    pairs = snapshot.query('SELECT "row", lo FROM images WHERE lo IS NOT NULL ORDER BY "row"')
    kept = [(row, number_of_lo[lo]) for row, lo in pairs if lo in number_of_lo]
    kept = [pair for pair in kept if first and allowed[pair[1]] > 0]
    if not kept:
        return None, np.empty(0, np.int64)
    rows, numbers = (np.array(column, np.int64) for column in zip(*kept, strict=True))
    few = _spread(numbers, len(own))
    rows, numbers = rows[few], numbers[few]
    raw: Features = nearest.exact.gather(rows).astype(np.float32)
    lineages = lineages_of(list(first.values()))
    return Specimens(raw, numbers, lineages, allowed), rows


def _spread(numbers: Numbers, count: int) -> Numbers:
    most = min(_MOST, max(_FEWEST, MOST_SPECIMENS // count))
    order = np.argsort(numbers, kind="stable")
    ends = np.cumsum(np.bincount(numbers, minlength=count))
    parts = np.split(order, ends[:-1])
    thin = [part[np.linspace(0, len(part) - 1, min(len(part), most)).astype(int)] for part in parts]
    return np.sort(np.concatenate(thin))


def _inside(
    connection: duckdb.DuckDBPyConnection, taxa: Taxa, names: Sequence[str], above: bool
) -> tuple[npt.NDArray[np.bool_], set[str]]:
    """Return which taxa are in clades of these names, or `above` one; and the unknown names."""
    clades: list[Clade] = []
    unknown = set()
    for found in resolve_all(connection, names):
        these = found.clades or found.candidates
        if not these or not found.whole:
            unknown.add(found.written)
        else:
            clades += these
    mask = np.zeros(len(taxa.taxa), np.bool_)
    for clade in clades:
        mask[np.searchsorted(taxa.lo, clade.lo) : np.searchsorted(taxa.lo, clade.hi)] = True
    if above and clades:
        listed = np.sort([clade.lo for clade in clades])
        mask |= np.searchsorted(listed, taxa.hi) > np.searchsorted(listed, taxa.lo)
    return mask, unknown
