"""Taxonomies as a caller uses them: import one, list them, and the meaning of names in one."""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

import duckdb
import pyarrow as pa

from indexer.catalog.snapshot import Snapshot, open_snapshot
from indexer.ingest.run import use_taxonomy as use
from indexer.labels.label_resolution import taxonomy_of
from indexer.store.manifest import MANIFEST
from indexer.taxonomy.built_in import about_built_in, open_built_in
from indexer.taxonomy.draft import Problem
from indexer.taxonomy.published_vectors import published_by
from indexer.taxonomy.store import About, import_taxonomy, list_taxonomies, open_taxonomy
from model.errors import UnknownName
from model.taxon import RANKS
from search import taxonomy_rows
from search.answers import Answers

__all__ = ["import_", "list", "resolve", "show", "use"]

DEFAULT = Path("taxalens.collection")
_LOG = logging.getLogger("taxalens")


@dataclass(frozen=True, slots=True)
class ResolvedName:
    """A name and its meaning in a taxonomy."""

    name: str
    """as it was given"""
    status: str
    """how it was matched, or that it is unknown or ambiguous"""
    reason: str
    score: float
    """0 to 1"""
    matched_name: str
    """the name of the taxonomy that it equals"""
    rank: str
    scientific_name: str
    lineage: tuple[str, ...]
    """the names at the seven ranks; "" where the taxonomy has none"""
    common_name: str
    taxon_key: str
    suggestions: str
    """candidates of an ambiguous name, similar names of an unknown one"""

    def row(self) -> dict[str, object]:
        """Return it under the columns of `taxonomy_rows.COLUMNS`."""
        named = {name: getattr(self, name) for name in taxonomy_rows.COLUMNS if hasattr(self, name)}
        return named | dict(zip(map(str, RANKS), self.lineage, strict=True))


@dataclass(frozen=True, slots=True, repr=False)
class ResolvedNames(Answers[ResolvedName]):
    """Names in the order in which they were given."""

    SCHEMA = pa.schema(
        [(name, pa.float64() if name == "score" else pa.string()) for name in taxonomy_rows.COLUMNS]
    )
    SHOWN: ClassVar = taxonomy_rows.SHOWN
    HEADINGS: ClassVar = taxonomy_rows.SHOWN

    def caption(self) -> str:
        """Return how many names have a meaning."""
        return f"{sum(bool(each.taxon_key) for each in self.items):,} of {len(self):,} names"

    def cells(self, item: ResolvedName) -> tuple[object, ...]:
        """Return the cells of a name under HEADINGS."""
        return tuple(getattr(item, name) for name in taxonomy_rows.SHOWN)


@dataclass(frozen=True, slots=True)
class Relative:
    """A taxon beside another one."""

    relation: str
    """"above", "itself" or "below" """
    rank: str
    name: str
    common_name: str
    taxa: int
    """how many stand below it"""
    images: int | None
    """of the collection; None without one"""

    def row(self) -> dict[str, object]:
        """Return it under the columns of `taxonomy_rows.SHOW_COLUMNS`."""
        return {name: getattr(self, name) for name in taxonomy_rows.SHOW_COLUMNS}


@dataclass(frozen=True, slots=True, repr=False)
class Relatives(Answers[Relative]):
    """A taxon with its ancestors above it and its children below."""

    SCHEMA = pa.schema(
        [
            (name, pa.int64() if name in ("taxa", "images") else pa.string())
            for name in taxonomy_rows.SHOW_COLUMNS
        ]
    )
    SHOWN: ClassVar = taxonomy_rows.SHOW_COLUMNS
    HEADINGS: ClassVar = taxonomy_rows.SHOW_COLUMNS

    def caption(self) -> str:
        """Return the name of the taxon."""
        return next((each.name for each in self.items if each.relation == "itself"), "")

    def cells(self, item: Relative) -> tuple[object, ...]:
        """Return the cells of a taxon under HEADINGS."""
        return tuple(item.row().values())


@dataclass(frozen=True, slots=True)
class Imported:
    """A taxonomy that was imported."""

    about: About
    problems: tuple[Problem, ...]
    """lines of the source that were left out or changed, and why"""
    vectors_by: str | None
    """the encoder of the vectors that came with it; None where none did"""


def import_(
    source: Path | str,
    *,
    name: str | None = None,
    to: Path | str | None = None,
    names: Path | str | None = None,
    encoder: str | None = None,
) -> Imported:
    """Import a source ("inat", "ncbi" or a path) into one file.

    `name` is its name here, `to` a file outside the user's data folder, `names` a table of names
    of one's own. Vectors beside a label file of BioCLIP are kept with it, as made by `encoder`. A
    taxonomy of that name is replaced. Raises BadInput where nothing is usable.
    """
    target, own = (None if path is None else Path(path) for path in (to, names))
    taxonomy, problems = import_taxonomy(
        str(source), name=name, to=target, names=own, encoder=encoder
    )
    vectors_by = published_by(taxonomy.connection)
    taxonomy.close()
    return Imported(taxonomy.about, tuple(problems), vectors_by[0] if vectors_by else None)


@dataclass(frozen=True, slots=True)
class ImportedTaxonomy:
    """A taxonomy on this machine."""

    path: Path
    about: About

    def row(self) -> dict[str, object]:
        """Return it under the columns of `Taxonomies.SCHEMA`."""
        named = (name for name in Taxonomies.SCHEMA.names if name != "file")
        return {name: getattr(self.about, name) for name in named} | {"file": str(self.path)}


@dataclass(frozen=True, slots=True, repr=False)
class Taxonomies(Answers[ImportedTaxonomy]):
    """The imported taxonomies, by name."""

    SCHEMA = pa.schema(
        [("name", pa.string())]
        + [(name, pa.int64()) for name in ("taxa", "names", "problems")]
        + [(name, pa.string()) for name in ("imported", "title", "version", "licence", "file")]
    )
    SHOWN: ClassVar = tuple(SCHEMA.names)
    HEADINGS: ClassVar = tuple(SCHEMA.names)

    def caption(self) -> str:
        """Return how many there are, and that names come with taxalens."""
        built_in = about_built_in()
        few = "taxonomy" if len(self) == 1 else "taxonomies"
        return (
            f"{len(self)} imported {few}; without one a new collection takes the names that come "
            f"with taxalens ({built_in.title}, {built_in.names:,} names)"
        )

    def cells(self, item: ImportedTaxonomy) -> tuple[object, ...]:
        """Return the cells of a taxonomy under HEADINGS."""
        return tuple(item.row().values())


def list() -> Taxonomies:
    """Return the imported taxonomies, by name."""
    found = []
    for taxonomy in list_taxonomies():
        taxonomy.close()
        found.append(ImportedTaxonomy(taxonomy.path, taxonomy.about))
    return Taxonomies(tuple(found))


def resolve(
    names: str | Sequence[str],
    *,
    taxonomy: str | None = None,
    collection: Path | str = DEFAULT,
    within: str | Sequence[str] = (),
) -> ResolvedNames:
    """Return the meaning of each name.

    `taxonomy` is the name or file of an imported one; by default the collection's, else the only
    one, else the built-in names. `within` names clades. Raises UnknownName for an unknown clade.
    """
    given, inside = ((each,) if isinstance(each, str) else tuple(each) for each in (names, within))
    snapshot = None if taxonomy else _snapshot(Path(collection))
    rows = taxonomy_rows.resolve_names(
        _connection(taxonomy, snapshot, [*given, *inside]), given, inside
    )
    return ResolvedNames(tuple(map(_resolved, rows)))


def show(
    name: str, *, taxonomy: str | None = None, collection: Path | str | Snapshot = DEFAULT
) -> Relatives:
    """Return a taxon with its ancestors and its children, and the collection's images of each.

    Raises UnknownName for a name of no taxon or of several; `taxonomy` as in `resolve`. The
    collection may be open.
    """
    place = collection if isinstance(collection, Snapshot) else _snapshot(Path(collection))
    rows = taxonomy_rows.show_taxon(_connection(taxonomy, place, [name]), place, name)
    return Relatives(tuple(_relative(row) for row in rows))


def _resolved(row: dict[str, object]) -> ResolvedName:
    lineage = tuple(str(row.get(rank) or "") for rank in RANKS)
    plain = {name: row[name] for name in taxonomy_rows.COLUMNS if name not in map(str, RANKS)}
    plain["rank"] = str(plain["rank"] or "")
    return ResolvedName(lineage=lineage, **plain)  # type: ignore[arg-type]  # by column


def _relative(row: dict[str, object]) -> Relative:
    images = row["images"]
    plain = row | {"rank": str(row["rank"] or ""), "images": None if images == "" else images}
    return Relative(**plain)  # type: ignore[arg-type]  # by column


def _connection(
    taxonomy: str | None, snapshot: Snapshot | None, names: Sequence[str]
) -> duckdb.DuckDBPyConnection:
    """Open the named taxonomy, else the collection's, else the only one, else its own taxa.

    Without a collection, too, the built-in names that `names` may mean, with a warning. Raises
    UnknownName where several are here and none is named.
    """
    if taxonomy:
        return open_taxonomy(taxonomy).connection
    own = taxonomy_of(snapshot.manifest) if snapshot else None
    if own:
        return own.connection
    known = [*list_taxonomies()]
    if len(known) == 1:
        return known[0].connection
    if known:
        names = ", ".join(each.about.name for each in known)
        raise UnknownName(f"Several taxonomies are here: {names}; pass taxonomy=NAME.")
    if snapshot:
        return snapshot.cursor()
    built_in = open_built_in(names)
    _LOG.warning(
        "No taxonomy is imported: these are the names that come with taxalens (%s, %s names). "
        "For more: taxalens taxonomy import inat",
        built_in.about.title,
        f"{built_in.about.names:,}",
    )
    return built_in.connection


def _snapshot(collection: Path) -> Snapshot | None:
    """Open a collection; None where there is none."""
    return open_snapshot(collection) if (collection / MANIFEST).exists() else None
