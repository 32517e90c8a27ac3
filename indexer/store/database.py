"""DuckDB files opened so that nothing asked of them writes, reads other files or loads code."""

from pathlib import Path

import duckdb

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
