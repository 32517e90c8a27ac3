"""From usages of names, as Darwin Core and ColDP list them, to taxa, synonyms and common names.

A source fills two tables of a scratch database:

    usages(row, id, parent, accepted, rank, name, problem, kingdom … genus)
    vernaculars(row, taxon, name, language, preferred)

`accepted` is the id of the taxon that a synonym is one of, "" for a taxon; `problem` says why a
usage cannot be read, "" for most. The rank columns hold what stands above a taxon; they count
only where no usage has a parent. `taxon` is an id.
"""

import re
from collections.abc import Iterator

import duckdb
import pyarrow as pa

from indexer.taxonomy.draft import (
    COMMON,
    NAMES,
    SYNONYM,
    TAXA,
    Draft,
    Line,
    Problem,
    taxa_of_lines,
)
from indexer.taxonomy.stated_names import lineage_of, stated_name
from indexer.taxonomy.table import count
from model.taxon import RANKS, Rank

UNRANKED = "unranked"

# What `stated_name` would return as it is; all else, some percent, goes through it one by one.
PLAIN = r"""CASE
    WHEN rank = 'kingdom' THEN false
    WHEN rank = 'species' THEN regexp_full_match(name, '[A-Z][a-z-]+ [a-z-]+')
    WHEN rank IN ('phylum', 'class', 'order', 'family', 'genus')
        THEN regexp_full_match(name, '[A-Z][a-z-]+')
    ELSE regexp_full_match(name, '[A-Z][a-z-]+( [a-z-]+){0,2}')
END AND NOT regexp_matches(name, '(?i)unknown|pleasehelp')"""
# "Aedes (Stegomyia) aegypti": the subgenus is no part of the name, and reads like an author.
_WITHOUT_SUBGENUS = r"""
UPDATE usages SET name = regexp_replace(name, '^(\S+) \([A-Z][a-z-]+\) ([a-z])', '\1 \2')
WHERE contains(name, '(')
"""
_ACCEPTED = """
UPDATE usages SET problem = 'it has no name, or one that says unknown: left out'
WHERE name = '' AND problem = '';
CREATE TABLE accepted AS
    SELECT id, arg_min(name, "row") AS name FROM usages
    WHERE accepted = '' AND problem = '' GROUP BY id;
CREATE TABLE synonyms AS
    SELECT "row", id, name, accepted AS taxon FROM usages WHERE accepted <> '' AND problem = '';
"""
_FOLLOW = """
UPDATE synonyms SET taxon = following.taxon
FROM (SELECT id, arg_min(taxon, "row") AS taxon FROM synonyms GROUP BY id) AS following
WHERE following.id = synonyms.taxon AND NOT EXISTS (FROM accepted WHERE id = synonyms.taxon)
"""
_INSTEAD = """
CREATE TABLE instead AS
    SELECT id, arg_min(taxon, "row") AS taxon FROM synonyms
    WHERE id <> '' AND EXISTS (FROM accepted WHERE id = synonyms.taxon)
        AND NOT EXISTS (FROM accepted WHERE id = synonyms.id)
    GROUP BY id
"""
_PROBLEMS = """
SELECT "row", name, problem FROM usages WHERE problem <> ''
UNION ALL
SELECT "row", name, CASE
    WHEN taxon IN (SELECT id FROM synonyms)
    THEN 'it is a synonym of itself, by way of others: left out'
    ELSE 'its accepted taxon ' || taxon || ' is missing: left out' END
FROM synonyms WHERE NOT EXISTS (FROM accepted WHERE id = synonyms.taxon)
ORDER BY "row"
"""
_LINKED = """
SELECT "row", usages.id, coalesce(instead.taxon, parent) AS parent, rank, name
FROM usages LEFT JOIN instead ON instead.id = parent
WHERE accepted = '' AND problem = '' ORDER BY "row"
"""
_LINES = """
SELECT "row", rank, name, kingdom, phylum, class, "order", family, genus
FROM usages WHERE accepted = '' AND problem = '' ORDER BY "row"
"""
_SYNONYMS = f"""
SELECT "row", taxon, synonyms.name, '{SYNONYM}' AS kind, '' AS language
FROM synonyms JOIN accepted ON accepted.id = taxon
WHERE synonyms.name <> accepted.name ORDER BY "row"
"""
_COMMON = f"""
SELECT "row", coalesce(instead.taxon, vernaculars.taxon) AS taxon, name, '{COMMON}' AS kind,
    language
FROM vernaculars LEFT JOIN instead ON instead.id = vernaculars.taxon
WHERE name <> '' ORDER BY preferred DESC, "row"
"""
_KEYED = """
SELECT names."row", coalesce(keyed.id, taxon) AS taxon, names.name, kind, language
FROM names LEFT JOIN (
    SELECT usages.id AS told, arg_min(taxa.id, "row") AS id FROM usages JOIN taxa USING ("row")
    WHERE accepted = '' GROUP BY told
) AS keyed ON told = taxon ORDER BY place
"""
_ODD = pa.schema([(column, pa.string()) for column in ("rank", "odd", "name")])
_BELOW_SPECIES = ("subspecies", "variety", "subvariety", "form", "forma", "subform")
_BINOMIAL = re.compile(r"[A-Z][a-z-]+ [a-z-]+")


def draft_of(connection: duckdb.DuckDBPyConnection) -> Draft:
    """Make a draft of the two tables.

    A synonym of a synonym is one of what that is one of, and what stands below a synonym stands
    below its taxon. Ids are the source's, or keys where it has rank columns only. The row of a
    name is that in the file it comes from.
    """
    _clean_names(connection)
    connection.execute(_ACCEPTED)
    for _ in range(12):  # each round goes twice as far; what is not done then runs in a circle
        if connection.execute(_FOLLOW).fetchall() == [(0,)]:
            break
    connection.execute(_INSTEAD)
    problems = [Problem(*each) for each in connection.execute(_PROBLEMS).fetchall()]
    names = pa.concat_tables([_arrow(connection, sql, NAMES) for sql in (_SYNONYMS, _COMMON)])
    if count(connection, "usages WHERE accepted = '' AND parent <> ''"):
        return Draft(_arrow(connection, _LINKED, TAXA), names, problems=tuple(problems))
    taxa = taxa_of_lines(_lines(connection))
    return Draft(taxa, _keyed(connection, taxa, names), problems=tuple(problems))


def _clean_names(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute(_WITHOUT_SUBGENUS)
    odd = connection.execute(
        f"SELECT DISTINCT rank, name FROM usages WHERE problem = '' AND NOT ({PLAIN})"
    ).fetchall()
    cleaned = [(rank, name, stated_name(rank, name)) for rank, name in odd]
    columns = zip(*cleaned, strict=True) if cleaned else [()] * len(_ODD)
    connection.register(
        "odd_names", pa.table([pa.array(c, pa.string()) for c in columns], schema=_ODD)
    )
    connection.execute(
        "UPDATE usages SET name = odd_names.name FROM odd_names "
        "WHERE usages.rank = odd_names.rank AND usages.name = odd AND odd <> odd_names.name"
    )
    connection.unregister("odd_names")


def _lines(connection: duckdb.DuckDBPyConnection) -> Iterator[Line]:
    found = connection.execute(_LINES)
    while batch := found.fetchmany(50_000):
        for row, rank, name, *ranks in batch:
            yield _line(row, rank, name, ranks)


def _line(row: int, rank: str, name: str, above: list[str]) -> Line:
    """Place a usage by its rank columns, the six from kingdom to genus."""
    if rank == UNRANKED:
        rank = "species" if _BINOMIAL.fullmatch(name) else rank
        rank = RANKS[above.index(name)] if name in above else rank
    if rank in RANKS[:-1]:
        depth = RANKS.index(Rank(rank))  # its own column may be empty
        return Line(row, lineage_of([*above[:depth], name, *[""] * (len(above) - depth)]))
    species = name if rank == Rank.SPECIES else ""
    if rank in _BELOW_SPECIES and (found := _BINOMIAL.match(name)):
        species = found[0]
    if " " in species and not species.startswith(f"{above[-1]} "):
        above = [*above[:-1], ""]  # the genus in its name counts
    lineage = lineage_of([*above, species])
    return Line(row, lineage) if rank == Rank.SPECIES else Line(row, lineage, rank, name)


def _keyed(connection: duckdb.DuckDBPyConnection, taxa: pa.Table, names: pa.Table) -> pa.Table:
    """Call the taxa of names by their keys, where the source has ids of its own."""
    connection.register("taxa", taxa)
    connection.register("names", names.append_column("place", pa.array(range(len(names)))))
    keyed = _arrow(connection, _KEYED, NAMES)
    connection.unregister("taxa")
    connection.unregister("names")
    return keyed


def _arrow(connection: duckdb.DuckDBPyConnection, sql: str, schema: pa.Schema) -> pa.Table:
    table: pa.Table = connection.sql(sql).to_arrow_table()
    return table.cast(schema)
