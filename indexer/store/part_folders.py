"""Where parts of a run lie that other machines embed: a folder for each source."""

import hashlib
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

PARTS = ".parts"
_FORMAT = 1  # of the files in such a folder
_DIGITS = 12


def part_folder(collection: Path, fingerprint: str, work: str) -> Path:
    """Return the folder for parts of one work: a source, read and batched in one way."""
    return collection / PARTS / f"{part_key(fingerprint)}-{_digest(work)}"


def part_key(fingerprint: str) -> str:
    """Return how the names of folders begin whose parts this taxalens can use with an encoder."""
    try:
        ours = version("taxalens")
    except PackageNotFoundError:
        ours = ""
    return _digest(f"{_FORMAT} {ours} {fingerprint}")


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]
