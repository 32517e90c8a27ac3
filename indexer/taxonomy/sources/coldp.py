"""The Catalogue of Life Data Package: NameUsage, or Taxon, Name and Synonym, and VernacularName."""

import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import duckdb
import yaml

from indexer.taxonomy.archive import Archive, names_in, open_archive
from indexer.taxonomy.draft import Draft, Problem
from indexer.taxonomy.table import Table, load, scratch, table_at
from indexer.taxonomy.usages import UNRANKED, draft_of
from model.errors import BadInput
from model.taxon import RANKS

NOUN = "a Catalogue of Life Data Package"
_RANKS = RANKS[:-1]
_PARTS = ("genericName", "specificEpithet", "infraspecificEpithet")
_NAME = ("scientificName", "authorship", "rank", "uninomial", *_PARTS)
_FIELDS = {
    "nameusage": ("ID", "parentID", "status", *_NAME, *_RANKS),
    "taxon": ("ID", "parentID", "nameID", *_RANKS),
    "name": ("ID", *_NAME, "genus"),
    "synonym": ("taxonID", "nameID"),
    "vernacularname": ("taxonID", "name", "language", "preferred"),
}
_OF_RANKS = 'kingdom, phylum, class, "order", family, genus'
# A name may be given in parts instead; `genus` of a name is one of them, that of a usage is not.
_OF_NAME = f"""
coalesce(nullif(replace(lower(rank), '_', ' '), ''), '{UNRANKED}') AS rank,
coalesce(
    nullif(without_author(scientificName, authorship), ''), nullif(uninomial, ''),
    CASE WHEN specificEpithet <> '' THEN
        trim({{generic}} || ' ' || specificEpithet || ' ' || infraspecificEpithet)
    ELSE {{generic}} END, ''
) AS name
"""
_OF_USAGE = _OF_NAME.format(generic="genericName")
_OF_NAME_ALONE = _OF_NAME.format(generic="coalesce(nullif(genericName, ''), name.genus, '')")
_ONE_TABLE = f"""
CREATE TABLE usages AS SELECT "row", ID AS id,
    CASE WHEN regexp_matches(lower(status), 'synonym|misapplied') THEN parentID ELSE '' END
        AS accepted,
    CASE WHEN accepted = '' THEN parentID ELSE '' END AS parent, {_OF_USAGE},
    CASE WHEN lower(status) = 'bare name' THEN 'it is the name of no taxon: left out'
        WHEN parentID = '' AND regexp_matches(lower(status), 'synonym|misapplied')
        THEN 'it is a synonym, of what is not said: left out' ELSE '' END AS problem, {_OF_RANKS}
FROM nameusage
"""
_THREE_TABLES = f"""
CREATE TABLE usages AS
    SELECT taxon."row", taxon.ID AS id, '' AS accepted, parentID AS parent, {_OF_NAME_ALONE},
        CASE WHEN name.ID IS NULL THEN 'its name ' || nameID || ' is missing: left out'
            ELSE '' END AS problem,
        kingdom, phylum, class, "order", family, taxon.genus AS genus
    FROM taxon LEFT JOIN name ON name.ID = nameID
    UNION ALL BY NAME
    SELECT synonym."row", '' AS id, taxonID AS accepted, '' AS parent, {_OF_NAME_ALONE},
        CASE WHEN name.ID IS NULL THEN 'its name ' || nameID || ' is missing: left out'
            WHEN taxonID = '' THEN 'it is a synonym, of what is not said: left out'
            ELSE '' END AS problem,
        '' AS kingdom, '' AS phylum, '' AS class, '' AS "order", '' AS family, '' AS genus
    FROM synonym LEFT JOIN name ON name.ID = nameID
"""
_VERNACULARS = """
CREATE TABLE vernaculars AS SELECT "row", taxonID AS taxon, name, language,
    lower(preferred) IN ('true', 't', '1', 'yes') AS preferred
FROM vernacularname
"""


def claims(path: Path) -> bool:
    """Tell whether it is a folder or zip with the tables that a package must have."""
    if path.is_file() and "nameusage" in _entities([path.name]):
        return True
    files = _entities(names_in(path))
    return "nameusage" in files or {"taxon", "name"} <= files.keys()


def read(path: Path) -> Draft:
    """Read taxa, synonyms and common names; a row is one of the file that tells of it.

    The file of name usages stands for its folder.
    """
    if "nameusage" in _entities([path.name]):
        path = path.parent
    with open_archive(path) as archive, scratch() as connection:
        files = _entities(archive.names)
        usages = ("nameusage",) if "nameusage" in files else ("taxon", "name", "synonym")
        problems = []
        for entity in (*usages, "vernacularname"):
            problems += _load(connection, archive, entity, files.get(entity))
        connection.execute(_ONE_TABLE if len(usages) == 1 else _THREE_TABLES)
        connection.execute(_VERNACULARS)
        draft = draft_of(connection)
        told = _metadata(archive)
    return replace(
        draft,
        problems=(*problems, *draft.problems),
        title=told.get("title", ""),
        version=told.get("version") or told.get("issued", ""),
        licence=told.get("license", ""),
    )


def _entities(names: Sequence[str]) -> dict[str, str]:
    """Return the files by what they hold: "name-usage.csv" and "NameUsage.tsv" are the same."""
    files = {}
    for name in names:
        entity, _, suffix = name.lower().rpartition(".")
        if suffix in ("csv", "tsv", "tab", "txt"):
            files[re.sub("[-_]", "", entity)] = name
    return files


def _load(
    connection: duckdb.DuckDBPyConnection, archive: Archive, entity: str, name: str | None
) -> list[Problem]:
    fields = _FIELDS[entity]
    if name is None:  # the package says nothing of the kind
        return load(connection, entity, Table((), {}), fields)
    table = table_at(archive.file(name))
    if not any(table.has(each) for each in ("ID", "taxonID")):
        raise BadInput(
            f"{name} in {archive.path} has no column ID or taxonID in its first line; "
            "write the names of the columns there."
        )
    return load(connection, entity, table, fields)


def _metadata(archive: Archive) -> dict[str, str]:
    """Return what metadata.yaml says in one word or text; nothing of a file that is no YAML."""
    if "metadata.yaml" not in archive.names:
        return {}
    text = archive.file("metadata.yaml").read_text(encoding="utf-8", errors="replace")
    try:
        told = yaml.load(text, yaml.BaseLoader)  # every value as it is written: a date is text
    except (yaml.YAMLError, RecursionError):
        return {}
    told = told if isinstance(told, dict) else {}
    return {key: " ".join(value.split()) for key, value in told.items() if isinstance(value, str)}
