"""DuckDB files, opened so that no query writes, reads other files or loads code.

Opening compares structure and lengths, so a damaged page is found by whoever reads it; `guarded`
makes that a sentence.
"""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import duckdb
import pyarrow as pa

from model.errors import Error, NotWritten

LOCKED: dict[str, str | bool | int | float | list[str]] = {
    "enable_external_access": "false",  # files, the network, ATTACH, COPY, extensions
    "autoinstall_known_extensions": "false",
    "autoload_known_extensions": "false",
    "allow_community_extensions": "false",
    "allow_unsigned_extensions": "false",
    "allow_persistent_secrets": "false",
    "python_enable_replacements": "false",  # variables of this program as tables
    "lock_configuration": "true",  # none of this can be unsaid
}
"""Settings of an untrusted connection; the last one last."""


def open_locked(path: Path) -> duckdb.DuckDBPyConnection:
    """Open a file read-only under LOCKED; raises duckdb.Error where that cannot be done."""
    return duckdb.connect(str(path), read_only=True, config=LOCKED)


def lock(connection: duckdb.DuckDBPyConnection) -> None:
    """Put a connection that is open already, to a database in memory, under LOCKED."""
    for setting, value in LOCKED.items():
        connection.execute(f"SET {setting} = {value}")


@contextmanager
def writing_database(path: Path) -> Iterator[None]:
    """Turn what DuckDB raises where a file of it cannot be written into NotWritten."""
    try:
        yield
    except (duckdb.IOException, duckdb.TransactionException, duckdb.FatalException) as error:
        reason = str(error).splitlines()[0].rstrip(".")
        raise NotWritten(
            f"{path} cannot be written: {reason}; make room there, or choose another disk."
        ) from error


def run_on_lines(
    connection: duckdb.DuckDBPyConnection,
    sql: str,
    schema: pa.Schema,
    batches: Iterable[pa.RecordBatch],
) -> None:
    """Run SQL that reads batches as `lines_in`; an error of the batches is raised as it is."""
    failed: list[Exception] = []

    def noted() -> Iterator[pa.RecordBatch]:
        try:
            yield from batches
        except Exception as error:
            failed.append(error)
            raise

    connection.register("lines_in", pa.RecordBatchReader.from_batches(schema, noted()))
    try:
        connection.execute(sql)
    except duckdb.Error:  # which has Python's traceback in its text
        if failed:
            raise failed[0] from None
        raise
    finally:
        connection.unregister("lines_in")


def guarded(
    connection: duckdb.DuckDBPyConnection, damaged: Callable[[str], Error]
) -> duckdb.DuckDBPyConnection:
    """Return a connection that raises `damaged(reason)` where its file cannot be read.

    The same holds for the relations that it returns.
    """
    return cast(duckdb.DuckDBPyConnection, _Guarded(connection, damaged))


class _Guarded:
    """Passes everything on to a connection or relation."""

    def __init__(self, inner: object, damaged: Callable[[str], Error]) -> None:
        self._inner, self._damaged = inner, damaged

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        if not callable(found):
            return found

        def call(*arguments: Any, **options: Any) -> Any:
            try:
                answer = found(*arguments, **options)
            except duckdb.Error as error:
                if not _is_damage(error):
                    raise
                raise self._damaged(str(error).splitlines()[0].rstrip(".")) from error
            is_ours = isinstance(answer, duckdb.DuckDBPyConnection | duckdb.DuckDBPyRelation)
            return _Guarded(answer, self._damaged) if is_ours else answer

        return call


def _is_damage(error: duckdb.Error) -> bool:
    unreadable = isinstance(error, duckdb.IOException | duckdb.SerializationException)
    return unreadable or str(error).startswith("Corrupt database file")
