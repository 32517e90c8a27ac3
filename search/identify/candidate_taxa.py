"""Candidate taxa: which taxa may be an answer, and how likely each is beforehand."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field

import duckdb
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from indexer.catalog.snapshot import Snapshot
from indexer.taxonomy.no_names import no_taxon
from indexer.taxonomy.resolver import Clade, resolve_all
from indexer.taxonomy.suggest import suggest
from model.errors import UnknownName
from model.taxon import RANKS, Taxon
from model.vectors import Features
from search.classify.novelty_fitting import MOST_UNLABELLED
from search.classify.reference_set import ReferenceSet
from search.classify.taxon_tree import tree_of
from search.ranking.nearest import Nearest

Floats = npt.NDArray[np.float64]
Numbers = npt.NDArray[np.int64]
MOST_SPECIMENS = 50_000  # of the reference set: all of a small collection, of a large one a part
_FEWEST, _MOST = 4, 100  # of one taxon
_TOGETHER = 8192  # taxa

OF_TAXONOMY = "rank = 'species' OR (hi - lo = 1 AND list_contains(?, rank))"
OF_LABELS = "lo IN (SELECT lo FROM images) AND ? IS NOT NULL"


@dataclass(frozen=True, slots=True)
class Choice:
    """Names of clades that an answer must be in, or must not, and of taxa that occur."""

    within: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()
    checklist: tuple[str, ...] | None = None
    """None: anything may occur"""
    unlisted: float = 0.0
    """prior weight of taxa absent from the checklist"""


@dataclass(frozen=True, slots=True, eq=False)
class Taxa:
    """Taxa of a catalog or taxonomy, in pre-order: columns, since there may be a million."""

    table: pa.Table
    """(taxa) rows: lo, hi, common_name and the names at the seven ranks, "" for none"""

    def __len__(self) -> int:
        """Return how many there are."""
        return len(self.table)

    @property
    def lo(self) -> Numbers:
        """Where the clade of each begins, (taxa,)."""
        return np.asarray(self.table["lo"], np.int64)

    @property
    def hi(self) -> Numbers:
        """Where the clade of each ends, (taxa,)."""
        return np.asarray(self.table["hi"], np.int64)

    def some(self, places: Numbers) -> "Taxa":
        """Return those at some places, in that order."""
        return Taxa(self.table.take(pa.array(places)))

    def parts(self) -> Iterator[list[Taxon]]:
        """Yield them as taxa, a few thousand at a time."""
        columns = [*map(str, RANKS), "common_name"]
        for batch in self.table.select(columns).to_batches(_TOGETHER):
            rows = zip(*(column.to_pylist() for column in batch.columns), strict=True)
            yield [Taxon(tuple(lineage), common) for *lineage, common in rows]


@dataclass(frozen=True, slots=True, eq=False)
class Weighed:
    """The prior weight of each taxon, (taxa,), and the names that are unknown here."""

    weights: Floats
    unknown: frozenset[str] = field(default=frozenset())


def taxa_of(connection: duckdb.DuckDBPyConnection, which: str) -> Taxa:
    """Return the taxa of a connection that an SQL condition (OF_TAXONOMY, OF_LABELS) chooses."""
    ranks = ", ".join(f'"{rank}"' for rank in RANKS)
    common = "coalesce(common_name, '') AS common_name"
    sql = f"SELECT lo, hi, {common}, {ranks} FROM taxa WHERE {which} ORDER BY lo"
    return Taxa(connection.sql(sql, params=[list(map(str, RANKS))]).to_arrow_table())


def weigh(connection: duckdb.DuckDBPyConnection, taxa: Taxa, choice: Choice) -> Weighed:
    """Weigh taxa by what is known beforehand: 0 for those that cannot be an answer."""
    weights = np.ones(len(taxa))
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
    return Weighed(weights, frozenset(unknown))


def check_names(
    connections: Sequence[duckdb.DuckDBPyConnection], choice: Choice, unknown: frozenset[str]
) -> None:
    """Raise UnknownName for a clade of `within` or `exclude` that no connection knows."""
    for name in (*choice.within, *choice.exclude):
        if name in unknown:
            near = [found.name for each in connections for found in suggest(each, name, 3)]
            hint = f" Did you mean {', '.join(dict.fromkeys(near[:3]))}?" if near else ""
            raise UnknownName(f"No taxon is called {name!r} here.{hint}")


def labelled_reference(
    snapshot: Snapshot, nearest: Nearest, taxa: Taxa, weights: Floats
) -> ReferenceSet | None:
    """Return a collection's labelled images as a reference set; None where nothing is labelled.

    `taxa` are those of its labels (OF_LABELS); those whose weight is 0 have no specimens here. Of
    each taxon there are at most _MOST, spread evenly over its rows.
    """
    number, first = _by_key(taxa)  # subspecies are of the taxon that their seven ranks name
    prior = np.zeros(len(first))
    np.maximum.at(prior, number, weights)
    found = snapshot.cursor().execute(_LABELLED).fetchnumpy()
    rows, los = (found[name].astype(np.int64) for name in ("row", "lo"))
    classes = number[np.searchsorted(taxa.lo, los)]
    rows, classes = (each[prior[classes] > 0] for each in (rows, classes))
    if not len(rows):
        return None
    few = _spread(classes, len(first))
    rows, classes = rows[few], classes[few]
    vectors: Features = nearest.exact.gather(rows).astype(np.float32)
    tree = tree_of([taxon for part in taxa.some(first).parts() for taxon in part])
    return ReferenceSet(vectors, classes, len(first), tree, prior, rows)


def unlabelled_rows(snapshot: Snapshot, most: int | None = MOST_UNLABELLED) -> Numbers:
    """Return the rows of images without a taxon, (u,): at most so many, evenly spread.

    Those that are known to show no organism, such as "blank" or "vehicle", are none of them.
    """
    labels = snapshot.query("SELECT DISTINCT label FROM images WHERE lo IS NULL")
    others = [label for (label,) in labels if no_taxon(label) not in ("", "unknown")]
    found = snapshot.cursor().execute(_UNLABELLED, [others]).fetchnumpy()
    rows: Numbers = np.sort(found["row"].astype(np.int64))
    if most is None or len(rows) <= most:
        return rows
    some: Numbers = np.linspace(0, len(rows) - 1, most).astype(np.int64)
    return rows[some]


def _by_key(taxa: Taxa) -> tuple[Numbers, Numbers]:
    """Number taxa by what their seven ranks say; return numbers, and the first place of each."""
    keys = pc.binary_join_element_wise(*(taxa.table[rank] for rank in map(str, RANKS)), "|")
    number = np.asarray(keys.combine_chunks().dictionary_encode().indices, np.int64)
    return number, np.unique(number, return_index=True)[1]


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
    mask, lo = np.zeros(len(taxa), np.bool_), taxa.lo
    for clade in clades:
        mask[np.searchsorted(lo, clade.lo) : np.searchsorted(lo, clade.hi)] = True
    if above and clades:
        listed = np.sort([clade.lo for clade in clades])
        mask |= np.searchsorted(listed, taxa.hi) > np.searchsorted(listed, taxa.lo)
    return mask, unknown


_UNLABELLED = 'SELECT "row" FROM images WHERE lo IS NULL AND NOT list_contains(?, label)'
_LABELLED = 'SELECT "row", lo FROM images WHERE lo IS NOT NULL ORDER BY "row"'
