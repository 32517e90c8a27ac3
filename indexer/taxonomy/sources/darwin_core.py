"""Darwin Core: an archive (GBIF, Catalogue of Life, iNaturalist, ITIS, WoRMS) or one table."""

from dataclasses import replace
from pathlib import Path

import duckdb

from indexer.taxonomy.archive import names_in, open_archive
from indexer.taxonomy.draft import Draft
from indexer.taxonomy.meta_xml import CORE_ID, Meta, read_eml, read_meta
from indexer.taxonomy.table import Table, fields_of, load, scratch, table_at
from indexer.taxonomy.usages import UNRANKED, draft_of
from model.taxon import RANKS

NOUN = "a Darwin Core archive or table"
_TAXON = (
    *("taxonID", CORE_ID, "parentNameUsageID", "acceptedNameUsageID"),
    *("parentNameUsage", "acceptedNameUsage", "scientificName", "scientificNameAuthorship"),
    *("canonicalName", "taxonRank", "taxonomicStatus", "genericName", "specificEpithet"),
    *("vernacularName", "language", *RANKS[:-1]),
)
_VERNACULAR = (CORE_ID, "taxonID", "vernacularName", "language", "isPreferredName")
_SAID = 'kingdom, phylum, class, "order", family, genus, taxonRank, scientificName'
_CORE = f"""
CREATE VIEW core AS SELECT *,
    coalesce(
        nullif(taxonID, ''), nullif("{CORE_ID}", ''), concat_ws('|', {_SAID})
    ) AS id,
    coalesce(nullif(genericName, ''), genus) AS generic,
    CASE WHEN specificEpithet <> '' AND starts_with(scientificName, generic || ' ')
            AND NOT regexp_matches(scientificName, '×| x ')
        THEN generic || ' ' || specificEpithet ELSE '' END AS binomial,
    coalesce(nullif(replace(lower(taxonRank), '_', ' '), ''), '{UNRANKED}') AS rank
FROM taxon
"""
_USAGES = """
CREATE TABLE usages AS SELECT "row", id, {parent} AS parent, {accepted} AS accepted, rank,
    CASE WHEN canonicalName <> '' THEN canonicalName
        WHEN rank = 'species' AND binomial <> '' THEN binomial
        ELSE without_author(scientificName, scientificNameAuthorship) END AS name,
    CASE WHEN accepted = '' AND regexp_matches(lower(taxonomicStatus), 'synonym|misapplied')
        THEN 'it is a synonym, of what is not said: left out' ELSE '' END AS problem,
    kingdom, phylum, class, "order", family, genus
FROM core
"""
_BY_NAME = """
UPDATE usages SET {column} = told.id FROM (
    SELECT name, arg_min(id, "row") AS id FROM (
        SELECT "row", scientificName AS name, id FROM core
        UNION ALL SELECT "row", name, id FROM usages
    ) WHERE name <> '' GROUP BY name
) AS told WHERE usages.{column} = told.name
"""
_VERNACULARS = """
CREATE TABLE vernaculars AS
    SELECT "row", id AS taxon, trim(unnest(string_split(vernacularName, '|'))) AS name,
        language, false AS preferred
    FROM core WHERE vernacularName <> ''
"""
_ADD_VERNACULARS = f"""
INSERT INTO vernaculars
    SELECT "row", coalesce(told.id, nullif("{CORE_ID}", ''), taxonID), vernacularName, language,
        lower(isPreferredName) IN ('true', '1', 'yes')
    FROM vernacular LEFT JOIN (
        SELECT "{CORE_ID}" AS core_id, min(id) AS id FROM core WHERE "{CORE_ID}" NOT IN ('', id)
        GROUP BY core_id
    ) AS told ON core_id = "{CORE_ID}";
DROP TABLE vernacular;
"""
_ONE_EACH = f"""
DELETE FROM taxon WHERE "row" NOT IN (SELECT min("row") FROM taxon GROUP BY {_SAID})
"""


def claims(path: Path) -> bool:
    """Tell whether it is an archive with a meta.xml, or a table of scientific names."""
    fields = fields_of(path)
    table = "scientificname" in fields and fields & {"taxonid", "parentnameusageid", "taxonrank"}
    return bool(table) or "meta.xml" in names_in(path)


def read(path: Path) -> Draft:
    """Read taxa, synonyms and common names; a row is one of the table of taxa, or of names.

    Parents count where they are given, by id or by name, and the rank columns elsewhere. In a
    table without ids, what is said twice is one taxon.
    """
    if fields := fields_of(path):
        table = table_at(path)
        if "id" in fields:
            table = replace(table, fields={**table.fields, CORE_ID: table.fields["id"]})
        return _draft(Meta(table, (), ""))
    with open_archive(path) as archive:
        meta = read_meta(archive)
        draft = _draft(meta)
        if meta.metadata not in archive.names:
            return draft
        title, version, licence = read_eml(archive.file(meta.metadata))
        return replace(draft, title=title, version=version, licence=licence)


def _draft(meta: Meta) -> Draft:
    with scratch() as connection:
        problems = load(connection, "taxon", meta.taxa, _TAXON)
        connection.execute(_CORE)
        connection.execute(_VERNACULARS)
        if not any(meta.taxa.has(each) for each in ("taxonID", CORE_ID)):
            connection.execute(_ONE_EACH)
        _tell_usages(connection, meta.taxa)
        for table in meta.vernaculars:
            problems += load(connection, "vernacular", table, _VERNACULAR)
            connection.execute(_ADD_VERNACULARS)
        draft = draft_of(connection)
    return replace(draft, problems=(*problems, *draft.problems))


def _tell_usages(connection: duckdb.DuckDBPyConnection, table: Table) -> None:
    """Fill the usages; parents and accepted taxa that are given by name get their ids."""
    told, by_name = {}, []
    for column in ("parent", "accepted"):
        told[column] = f"{column}NameUsageID"
        if not table.has(told[column]) and table.has(f"{column}NameUsage"):
            told[column] = f"{column}NameUsage"
            by_name.append(column)
    connection.execute(_USAGES.format(**told))
    for column in by_name:
        connection.execute(_BY_NAME.format(column=column))
    connection.execute("UPDATE usages SET accepted = '' WHERE accepted = id")
