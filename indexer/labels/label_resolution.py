"""What the labels of a collection mean in a taxonomy: derived anew whenever either changes.

Labels are kept as they were said. Their meanings, the taxa meant with all above them, and the
names of these are three tables beside them, so that a collection needs no taxonomy to be searched
and can change it without embedding anything again.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from indexer.labels.stated_lineages import (
    agrees,
    contradicted,
    is_namesake,
    species_clade,
    warn_of_lineages,
)
from indexer.store.manifest import Manifest, TaxonomyEntry, commit
from indexer.store.segment import SCHEMAS, read_table, write_table
from indexer.taxonomy.built_in import BUILT_IN, is_english, open_built_in
from indexer.taxonomy.no_names import no_taxon
from indexer.taxonomy.resolver import Clade, Resolution, resolve_all
from indexer.taxonomy.store import Taxonomy, open_taxonomy
from model.errors import CollectionError, Error
from model.taxon import RANKS, Rank, Taxon

NO_TAXONOMY = "none"
DERIVED = ("meanings", "clades", "names")
UNKNOWN = "unknown"
AMBIGUOUS = "ambiguous"
AS_SAID = "as it was said"
BY_GENUS = "by its genus"
STATED = "as it states itself"


@dataclass(frozen=True, slots=True)
class _Said:
    label: str
    key: str | None

    @property
    def taxon(self) -> Taxon | None:
        return Taxon.from_key(self.key) if self.key else None


def _derive(
    collection: Path, manifest: Manifest, taxonomy: Taxonomy, said: Sequence[_Said]
) -> Manifest:
    """Resolve labels in a taxonomy, and commit.

    A label that says its lineage is looked up with that as context, and stays as it was said
    where the taxonomy does not know it; other labels then are no taxa.
    """
    old = _derived(manifest)
    about = taxonomy.about
    place = "" if about.name == BUILT_IN else str(taxonomy.path.resolve())
    entry = TaxonomyEntry(about.name, about.version, about.id, place)
    manifest = replace(manifest, taxonomy=entry)
    paths = []
    meant = _tables(taxonomy.cursor(), said, about.name)
    for table, lines in meant.items():
        paths.append(f"{table}/{manifest.next_name}.parquet")
        write_table(collection / paths[-1], lines, SCHEMAS[table])
    return commit(collection, manifest, paths, dropped=old)


def resolve_labels(collection: Path, manifest: Manifest, asked: str | None) -> Manifest:
    """Derive what the labels mean, where they or the taxonomy are new, and commit.

    `asked` is the name or file of a taxonomy, BUILT_IN or NO_TAXONOMY; None is the collection's
    own. The built-in names add lineages to labels that have none, and take nothing back. Raises
    CollectionError where a taxonomy is needed and not here.
    """
    own = manifest.taxonomy
    if asked == NO_TAXONOMY and own:
        return commit(collection, replace(manifest, taxonomy=None), dropped=_derived(manifest))
    if asked == NO_TAXONOMY or (asked is None and own is None):
        return manifest
    said = _said(collection, manifest)
    current = own is None or _has_meanings(collection, manifest, said)
    if asked is None and current:
        return manifest
    if BUILT_IN in (asked, own.name if own and not asked else ""):
        labels = [each.taxon.name if each.taxon else each.label for each in said]
        taxonomy: Taxonomy | None = open_built_in(labels)
    else:
        taxonomy = open_taxonomy(asked) if asked else taxonomy_of(manifest)
    if taxonomy is None:
        raise CollectionError(
            f"{collection} uses the taxonomy {own.name if own else ''}, which is not here: import "
            f"it again, or pass taxonomy=NAME with another one or {NO_TAXONOMY}."
        )
    try:
        if own and own.id == taxonomy.about.id and current:
            return manifest
        return _derive(collection, manifest, taxonomy, said)
    finally:
        taxonomy.close()


def _derived(manifest: Manifest) -> list[str]:
    return [path for table in DERIVED for path in manifest.paths(table)]


def _has_meanings(collection: Path, manifest: Manifest, said: Sequence[_Said]) -> bool:
    """Whether every label has its meaning."""
    meanings = read_table(collection, "meanings", manifest.paths("meanings"))
    known = set(zip(meanings["label"].to_pylist(), meanings["said_key"].to_pylist(), strict=True))
    return all((each.label, each.key) in known for each in said)


def taxonomy_of(manifest: Manifest) -> Taxonomy | None:
    """Open the taxonomy of a collection, by its file, else by its name; None where it is gone."""
    entry = manifest.taxonomy
    for place in (entry.path, entry.name) if entry else ():
        try:
            return open_taxonomy(place)
        except Error:
            continue
    return None


def meanings_of(
    manifest: Manifest, said: Sequence[tuple[str, str | None]]
) -> dict[tuple[str, str | None], str | None]:
    """Return the key of the taxon that each label means beside a key, as those of images do.

    Without the collection's taxonomy a label means the key beside it.
    """
    each = [_Said(label, key) for label, key in dict.fromkeys(said)]
    built_in = manifest.taxonomy is not None and manifest.taxonomy.name == BUILT_IN
    if built_in:
        names = [one.taxon.name if one.taxon else one.label for one in each]
        taxonomy: Taxonomy | None = open_built_in(names)
    else:
        taxonomy = taxonomy_of(manifest)
    if taxonomy is None:
        return {(one.label, one.key): one.key for one in each}
    try:
        lines = _tables(taxonomy.cursor(), each, taxonomy.about.name)["meanings"]
    finally:
        taxonomy.close()
    return {(line["label"], line["said_key"]): line["taxon_key"] for line in lines}


def _said(collection: Path, manifest: Manifest) -> list[_Said]:
    """Return what people and machines said, each once."""
    columns = ["label", "taxon_key"]
    tables = [read_table(collection, each, manifest.paths(each), columns) for each in _SAYING]
    pairs = pa.concat_tables(tables).group_by(columns).aggregate([])
    said = zip(pairs["label"].to_pylist(), pairs["taxon_key"].to_pylist(), strict=True)
    return [_Said(label, key) for label, key in said if label or key]


def _tables(
    connection: duckdb.DuckDBPyConnection, said: Sequence[_Said], taxonomy: str
) -> dict[str, list[dict[str, Any]]]:
    names = [each.taxon.name if each.taxon else each.label for each in said]
    named = list(zip(said, names, strict=True))
    genera = [each.taxon.at(Rank.GENUS) if each.taxon else "" for each in said]
    # A label that is the name as it was written may say more: a subspecies, or that it is unsure.
    written = [each.label if each.taxon and each.label != name else "" for each, name in named]
    found, of_genera, of_labels = (
        resolve_all(connection, asked) for asked in (names, genera, written)
    )
    meanings, clades = [], dict[str, Clade]()
    disputes: list[tuple[str, Taxon, Clade, Rank]] = []
    for each, resolution, genus, label in zip(said, found, of_genera, of_labels, strict=True):
        stated = each.taxon and species_clade(each.taxon, resolution)
        if each.taxon and stated and (rank := contradicted(each.taxon, stated)):
            disputes.append((each.label, each.taxon, stated, rank))
        if taxonomy == BUILT_IN and each.taxon:
            key, reason, clade = _added(each, each.taxon, resolution)
        else:
            key, reason, clade = _finer(each, label) or _meaning(each, resolution, genus)
        meanings.append(
            {"label": each.label, "said_key": each.key, "taxon_key": key, "reason": reason}
        )
        if clade:
            clades[clade.key] = clade
    warn_of_lineages(disputes, taxonomy)
    lines, los = _with_ancestors(connection, clades.values())
    return {"meanings": meanings, "clades": lines, "names": _lines(connection, _NAMES, los)}


def _meaning(
    said: _Said, resolution: Resolution, genus: Resolution
) -> tuple[str | None, str, Clade | None]:
    """Return the key that a label means (None: no taxon), why, and its clade in the taxonomy."""
    if said.taxon is None:
        if kind := no_taxon(said.label):
            return None, kind, None
        if resolution.clades:
            return resolution.clades[0].key, resolution.reason, resolution.clades[0]
        return None, AMBIGUOUS if resolution.candidates else UNKNOWN, None
    clade = species_clade(said.taxon, resolution)
    clade = None if clade and is_namesake(said.taxon, clade) else clade
    if clade := _in_context(resolution, said.taxon) or clade:
        return clade.key, resolution.reason, clade
    rank = said.taxon.rank
    if rank is Rank.SPECIES and (clade := _in_context(genus, said.taxon, Rank.GENUS)):
        species = said.taxon.at(Rank.SPECIES)
        lineage = (*clade.taxon.lineage[:-1], species)
        return Taxon(lineage, below=said.taxon.below).key, BY_GENUS, clade
    return (said.key, AS_SAID, None) if _is_stated(said.taxon) else (None, UNKNOWN, None)


def _is_stated(taxon: Taxon) -> bool:
    """Whether a lineage that no taxonomy knows is kept: it has a family, say, or is a binomial.

    A folder called "White flower" only looks like a species.
    """
    placed = any(taxon.lineage[: RANKS.index(Rank.GENUS)])
    return placed or (taxon.rank is Rank.SPECIES and not is_english(taxon.name))


def _added(
    said: _Said, taxon: Taxon, resolution: Resolution
) -> tuple[str | None, str, Clade | None]:
    """Return what the built-in names know of a species without a lineage, else what was said.

    A lineage that they contradict or only add to is theirs, where the species is one. Words such
    as "White flower" look like a species, and mean nothing.
    """
    placed = any(taxon.lineage[: RANKS.index(Rank.GENUS)])
    if not placed and resolution.clades and resolution.whole:
        return resolution.clades[0].key, resolution.reason, resolution.clades[0]
    if not placed and is_english(taxon.name):
        return None, UNKNOWN, None
    clade = species_clade(taxon, resolution)
    if clade is None or clade.rank != taxon.rank or is_namesake(taxon, clade):
        return said.key, STATED, None
    if agrees(taxon, clade) or contradicted(taxon, clade):
        return clade.key, resolution.reason, clade
    return said.key, STATED, None


def _finer(said: _Said, label: Resolution) -> tuple[str, str, Clade] | None:
    """Return the meaning of a label that is a scientific name of, or in, the taxon beside it."""
    if said.taxon is None or label.reason.startswith("common name"):
        return None
    clade, rank = _in_context(label, said.taxon), said.taxon.rank
    if clade is None or rank is None or clade.taxon.at(rank) != said.taxon.name:
        return None
    return clade.key, label.reason, clade


def _in_context(resolution: Resolution, said: Taxon, rank: Rank | None = None) -> Clade | None:
    """Return the clade that shares most of the higher ranks that were said, if one alone does.

    Sources differ in how they classify; but a namesake in another kingdom shares nothing.
    """
    above = said.lineage[: RANKS.index(Rank.GENUS)]
    shared = []
    for clade in resolution.clades or resolution.candidates:
        if rank and clade.rank != rank:
            continue
        pairs = [pair for pair in zip(above, clade.taxon.lineage, strict=False) if all(pair)]
        same = sum(a == b for a, b in pairs)
        if same or not pairs:
            shared.append((same, clade))
    most = max((same for same, _ in shared), default=0)
    best = [clade for same, clade in shared if same == most]
    return best[0] if len(best) == 1 or (best and resolution.clades) else None


def _with_ancestors(
    connection: duckdb.DuckDBPyConnection, clades: Iterable[Clade]
) -> tuple[list[dict[str, Any]], list[int]]:
    """Return the clades and all above them, as lines, and their places in the taxonomy."""
    lines: dict[int, dict[str, Any]] = {}
    los = [clade.lo for clade in clades]
    while los:
        found = _lines(connection, _TAXA, los)
        lines |= {line.pop("lo"): line for line in found}
        los = sorted({line["above"] for line in found} - lines.keys() - {-1})
    for line in lines.values():
        above = lines.get(line.pop("above"))
        line["parent_key"] = above["taxon_key"] if above else ""
    return list(lines.values()), list(lines)


def _lines(
    connection: duckdb.DuckDBPyConnection, sql: str, los: Sequence[int]
) -> list[dict[str, Any]]:
    found = connection.execute(sql, [list(los)])
    columns = [column[0] for column in found.description]
    return [dict(zip(columns, line, strict=True)) for line in found.fetchall()]


_SAYING = ("labels", "identifications")
_TAXA = """
SELECT lo, parent AS above, taxon_key, rank, name
FROM taxa JOIN (SELECT unnest(?) AS lo) USING (lo)
"""
_NAMES = """
SELECT taxon_key, names.name, kind, language
FROM names JOIN (SELECT unnest(?) AS lo) USING (lo) JOIN taxa USING (lo)
WHERE kind <> 'scientific' ORDER BY names.lo, language <> 'en', names.name
"""
