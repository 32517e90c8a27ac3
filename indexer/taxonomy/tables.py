"""The tables of a taxonomy in DuckDB: taxa as intervals, names, and names from their ends.

    taxa(lo, hi, parent, taxon_key, rank, name, common_name, kingdom … species)   in pre-order
    names(folded, name, kind, language, lo)                                       by folded
    endings(reversed)                                                             by itself

Tables in the order of what is looked up answer in about a millisecond and need no index.
"""

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from indexer.taxonomy.check import Checked, check, first_of, keep, without_cycles
from indexer.taxonomy.draft import SCIENTIFIC, Draft, Problem
from indexer.taxonomy.name_strings import fold
from indexer.taxonomy.tree import NONE, Places, walk
from model.taxon import RANKS

_TAXA = """
CREATE TABLE taxa AS
    SELECT lo, hi, parent, taxon_key, rank, name, '' AS common_name, {ranks} FROM taxa_in
    ORDER BY lo
"""
_NAMES = """
CREATE TABLE names (folded VARCHAR, name VARCHAR, kind VARCHAR, language VARCHAR, lo BIGINT);
CREATE TABLE endings (reversed VARCHAR);
"""
_ADD = """
CREATE OR REPLACE TABLE names AS
    SELECT * EXCLUDE place FROM (
        SELECT *, 0 AS place FROM names UNION ALL SELECT * FROM names_in WHERE folded <> ''
    )
    QUALIFY row_number() OVER (PARTITION BY name, kind, language, lo ORDER BY place) = 1
    ORDER BY folded, lo, place;
CREATE OR REPLACE TABLE endings AS
    SELECT DISTINCT reverse(folded) AS reversed FROM names ORDER BY reversed;
UPDATE taxa SET common_name = first_name FROM (
    SELECT lo, arg_min(name, place) AS first_name FROM names_in
    WHERE kind = 'common' AND lower(language) IN ('en', 'eng', 'english', '') GROUP BY lo
) AS english WHERE taxa.lo = english.lo AND taxa.common_name = '';
"""


def write_tables(connection: duckdb.DuckDBPyConnection, draft: Draft) -> list[Problem]:
    """Create the tables of a taxonomy in an empty database; return what was wrong in the draft."""
    named = check(draft.taxa)
    named = Checked(_with_lineages(named), named.parents, named.problems)
    merged = _merged(named)
    steps = walk(merged.parents, _alphabetical(merged.taxa))
    place = {"lo": steps.lo, "hi": steps.hi, "parent": np.r_[steps.lo, NONE][merged.parents]}
    placed = merged.taxa.drop_columns("parent")  # the source's own
    for column, values in place.items():
        placed = placed.append_column(column, pa.array(values))
    connection.register("taxa_in", placed)
    connection.execute(_TAXA.format(ranks=", ".join(f'"{rank}"' for rank in RANKS)))
    connection.unregister("taxa_in")
    connection.execute(_NAMES)
    names, problems = _placed_names(draft.names, named.taxa, placed)
    add_names(connection, pa.concat_tables([_scientific(placed), names]))
    return [*draft.problems, *named.problems, *merged.problems, *problems]


def add_names(connection: duckdb.DuckDBPyConnection, names: pa.Table) -> None:
    """Add names (name, kind, language, lo); the first English one is a taxon's common name."""
    folded = pa.chunked_array(
        [[fold(name.as_py()) for name in part] for part in names["name"].chunks], pa.string()
    )
    place = pa.array(range(1, len(names) + 1))
    names = names.append_column("folded", folded).append_column("place", place)
    connection.register("names_in", names.select(_NAMES_IN))
    connection.execute(_ADD)
    connection.unregister("names_in")


def _with_lineages(checked: Checked) -> pa.Table:
    """Append for each taxon its name at each of the seven ranks, and its key."""
    taxa, parents = checked.taxa, checked.parents
    rank = np.asarray(
        pc.index_in(taxa["rank"], value_set=pa.array(map(str, RANKS))).fill_null(NONE)
    )
    at = np.full((len(RANKS), len(taxa)), NONE)
    for level in walk(parents, np.arange(len(taxa))).levels:
        below = level[parents[level] != NONE]
        at[:, below] = at[:, parents[below]]
        own = level[rank[level] != NONE]
        at[rank[own], own] = own
        for depth in range(len(RANKS) - 1):  # a genus under a species, as bad sources have it
            at[depth + 1 :, own[rank[own] == depth]] = NONE
    columns = [
        taxa["name"].take(pa.array(places, mask=places == NONE)).fill_null("") for places in at
    ]
    lineage = pc.utf8_rtrim(pc.binary_join_element_wise(*columns, "|"), "|")
    beside = pc.binary_join_element_wise(lineage, "+", taxa["rank"], " ", taxa["name"], "")
    for name, column in zip(map(str, RANKS), columns, strict=True):
        taxa = taxa.append_column(name, column)
    return taxa.append_column("taxon_key", pc.if_else(pa.array(rank == NONE), beside, lineage))


def _merged(named: Checked) -> Checked:
    """Make one taxon of those with the same key; what stood below any is below the first."""
    taxa, first = named.taxa, first_of(named.taxa["taxon_key"])
    again = first != np.arange(len(taxa))
    problems = [
        Problem(
            taxa["row"][place].as_py(),
            taxa["name"][place].as_py(),
            f"row {taxa['row'][int(first[place])]} has the same name, rank and lineage: made one",
        )
        for place in np.flatnonzero(again).tolist()
    ]
    parents = np.r_[first, NONE][named.parents]
    one = keep(taxa, parents, ~again, problems)
    checked = without_cycles(one.taxa, one.parents)
    return Checked(checked.taxa, checked.parents, (*one.problems, *checked.problems))


def _placed_names(
    names: pa.Table, told: pa.Table, placed: pa.Table
) -> tuple[pa.Table, list[Problem]]:
    """Return the names of taxa that are there, and a problem for each of the others."""
    ids = pc.index_in(names["taxon"], value_set=told["id"].combine_chunks())
    keys = told["taxon_key"].take(ids)
    place = pc.index_in(keys, value_set=placed["taxon_key"].combine_chunks())
    lost = names.filter(pc.is_null(place))
    problems = [
        Problem(row, name, f"its taxon {taxon} is missing: left out")
        for row, name, taxon in zip(
            *(lost[column].to_pylist() for column in ("row", "name", "taxon")), strict=True
        )
    ]
    kept = names.filter(pc.is_valid(place))
    los = placed["lo"].take(pc.drop_null(place))
    return kept.select(["name", "kind", "language"]).append_column("lo", los), problems


def _scientific(placed: pa.Table) -> pa.Table:
    """Return the scientific names, those with a rank's marker ("var.") without it as well."""
    plain = pc.replace_substring_regex(placed["name"], _MARKER, r"\1 \2")
    marked = pc.not_equal(plain, placed["name"])
    columns = {"name": placed["name"], "lo": placed["lo"]}
    without = {"name": plain.filter(marked), "lo": placed["lo"].filter(marked)}
    names = pa.concat_tables([pa.table(columns), pa.table(without)])
    kind, language = (pa.repeat(word, len(names)) for word in (SCIENTIFIC, ""))
    names = names.append_column("kind", kind).append_column("language", language)
    return names.select(["name", "kind", "language", "lo"])


def _alphabetical(taxa: pa.Table) -> Places:
    """Return each taxon's number by name, then key, so that an order among siblings is certain."""
    order = pc.sort_indices(taxa, sort_keys=[("name", "ascending"), ("taxon_key", "ascending")])
    number = np.empty(len(taxa), np.int64)
    number[np.asarray(order)] = np.arange(len(taxa))
    return number


_MARKER = r"^([A-Z][a-z-]+ [a-z-]+) [a-z]{1,10}\. ([a-z-]+)$"
_NAMES_IN = ["folded", "name", "kind", "language", "lo", "place"]
