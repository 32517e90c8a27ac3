"""Imported taxonomies: one DuckDB file each, in the user's data folder or where they like."""

import uuid
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa
from platformdirs import user_data_path

from indexer.store.aside import made_aside
from indexer.store.database import guarded, open_locked, writing_database
from indexer.store.durable import make_folder
from indexer.taxonomy.draft import Draft, Problem
from indexer.taxonomy.own_names import add_own_names
from indexer.taxonomy.published_vectors import matrix_beside, write_published
from indexer.taxonomy.sources import read_source
from indexer.taxonomy.table import count
from indexer.taxonomy.tables import write_tables
from model.errors import BadInput, UnknownName, did_you_mean, writing

SUFFIX = ".duckdb"
FORMAT_VERSION = "1"
_ROWS_A_GROUP = 4096  # what a look-up unpacks at least


@dataclass(frozen=True, slots=True)
class About:
    """What is known of a taxonomy; counts are of taxa, names and problems of its import."""

    name: str
    title: str
    version: str
    licence: str
    source: str
    imported: str
    taxa: int
    names: int
    problems: int
    id: str
    format_version: str = FORMAT_VERSION


@dataclass(frozen=True, slots=True, eq=False)
class Taxonomy:
    """A taxonomy opened for reading."""

    path: Path
    about: About
    connection: duckdb.DuckDBPyConnection

    def cursor(self) -> duckdb.DuckDBPyConnection:
        """Return a connection of one's own; several threads must not share one.

        It raises BadInput where the file is damaged.
        """
        return guarded(self.connection.cursor(), lambda reason: _unreadable(self.path, reason))

    def close(self) -> None:
        """Close the file."""
        self.connection.close()


def taxonomies_folder() -> Path:
    """Return where taxonomies are kept."""
    return user_data_path("taxalens") / "taxonomies"


def import_taxonomy(
    source: str,
    *,
    name: str | None = None,
    to: Path | None = None,
    names: Path | None = None,
    encoder: str | None = None,
) -> tuple[Taxonomy, list[Problem]]:
    """Import a source (`inat` or a path) into one file; `names` is a table of names of one's own.

    Vectors that lie beside a label file of BioCLIP are kept with it, as made by `encoder`: see
    `write_published`.

    The file is complete or absent; one that is there is replaced. Returns the taxonomy, opened,
    and what was wrong in the source, row by row. Raises BadInput where nothing of it remains.
    """
    name = name or (to.stem if to else Path(source).stem.lower())
    target = to or taxonomies_folder() / f"{name}{SUFFIX}"
    draft = read_source(source)
    with writing(target), writing_database(target):
        make_folder(target.parent)
        with made_aside(target) as complete:
            problems = _write(complete, draft, source, name, names, encoder)
    return open_taxonomy(str(target)), problems


def _write(
    complete: Path,
    draft: Draft,
    source: str,
    name: str,
    names: Path | None,
    encoder: str | None,
) -> list[Problem]:
    """Write a draft as a taxonomy to a file; return what was wrong with it."""
    work_file = complete.with_name("work")
    with duckdb.connect(str(work_file), config={"memory_limit": "1GB"}) as work:
        problems = write_tables(work, draft)
        if names:
            problems += add_own_names(work, names)
        taxa, all_names = (count(work, table) for table in ("taxa", "names"))
        if not taxa:
            first = f": row {problems[0].row}, {problems[0].problem}" if problems else ""
            raise BadInput(f"{source} holds no taxon that can be used{first}.")
        if matrix := matrix_beside(source):
            write_published(work, matrix, encoder)
        about = About(
            name=name,
            title=draft.title or Path(source).name,
            version=draft.version,
            licence=draft.licence,
            source=source,
            imported=datetime.now(UTC).date().isoformat(),
            taxa=taxa,
            names=all_names,
            problems=len(problems),
            id=uuid.uuid4().hex,
        )
        work.register("about_in", pa.table({key: [value] for key, value in asdict(about).items()}))
        work.execute("CREATE TABLE about AS SELECT * FROM about_in")
        work.unregister("about_in")
        work.execute(f"ATTACH '{_quoted(complete)}' AS complete (ROW_GROUP_SIZE {_ROWS_A_GROUP})")
        work.execute("COPY FROM DATABASE work TO complete; DETACH complete")
    return problems


def open_taxonomy(name: str) -> Taxonomy:
    """Open an imported taxonomy by its name, or by the path of its file.

    Raises UnknownName where there is none of that name, BadInput for a file that is none.
    """
    path = taxonomies_folder() / f"{name}{SUFFIX}"
    if not path.is_file():
        path = Path(name)
    if not path.is_file():
        known = [each.stem for each in _files()]
        hint = did_you_mean(name, known) or (
            f" There is {', '.join(known)}."
            if known
            else " Make one with: taxalens taxonomy import"
        )
        raise UnknownName(f"No taxonomy is called {name!r}, and no file.{hint}")
    try:
        connection = open_locked(path)
        stored = connection.sql("FROM about")
        about = About(**dict(zip(stored.columns, stored.fetchall()[0], strict=True)))
        if about.format_version != FORMAT_VERSION:
            raise ValueError(about.format_version)
    except (duckdb.Error, TypeError, IndexError, ValueError) as error:
        raise _unreadable(path, "") from error
    return Taxonomy(path, about, connection)


def _unreadable(path: Path, reason: str) -> BadInput:
    why = f"is damaged ({reason})" if reason else "is no taxonomy that this version reads"
    return BadInput(f"{path} {why}; import it again with: taxalens taxonomy import")


def list_taxonomies() -> Iterator[Taxonomy]:
    """Open each taxonomy of the user's data folder, by name."""
    for path in _files():
        yield open_taxonomy(str(path))


def _files() -> list[Path]:
    return sorted(taxonomies_folder().glob(f"*{SUFFIX}"))


def _quoted(path: Path) -> str:
    return str(path).replace("'", "''")
