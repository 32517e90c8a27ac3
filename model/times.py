"""Moments as they are written down."""

from datetime import UTC, datetime


def utc_now() -> str:
    """Return the moment in UTC, to the second, as ISO 8601: "2026-05-01T12:00:00Z"."""
    return datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
