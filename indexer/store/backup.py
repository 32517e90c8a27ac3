"""A backup: a whole copy of a collection at another place, brought up to date by what is new."""

import shutil
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from typing import NamedTuple

from indexer.store.durable import sync_folder, write_durably
from indexer.store.journal_file import JOURNAL
from indexer.store.manifest import (
    MANIFEST,
    FileEntry,
    has_its_size,
    parse_manifest,
    read_manifest,
    write_manifest,
)
from indexer.store.writer_lock import TRACES, only_writer
from model.errors import BadInput, CollectionError
from model.kept_files import sha256_of
from model.progress import OnStep, Step, ignore

ORIGIN = "backup-of.txt"
"""Names the collection that a folder is a backup of."""


class BackedUp(NamedTuple):
    """The work of one backup."""

    files: int
    """that were copied"""
    bytes: int
    """of these"""
    kept: int
    """files that were there already, and are as they were written"""


def backup(collection: Path | str, target: Path | str, progress: OnStep | None = None) -> BackedUp:
    """Bring a backup up to the current generation of a collection, itself a collection.

    Files never change, so only new ones are copied; each is compared with its sha256 on the way,
    and the manifest comes last: a backup that was cut short still is its earlier generation. The
    catalog is left out; opening derives it. Raises BadInput for a target that is something else,
    CollectionError for a damaged file, NotWritten for a disk without room.
    """
    collection, target = Path(collection), Path(target)
    # The journal first: what is folded in meanwhile is in both, and said twice is said once.
    journal = _journal(collection)
    manifest = read_manifest(collection)
    _check_target(collection, target)
    with only_writer(target):
        # Without a manifest it is a first backup that was cut short.
        is_there = (target / MANIFEST).exists()
        before = parse_manifest(target).entries if is_there else {}
        origin = str(collection.resolve())
        write_durably(target / ORIGIN, lambda path: path.write_text(origin, encoding="utf-8"))
        files = manifest.entries
        new = {
            path: entry for path, entry in files.items() if not _is_as_written(target / path, entry)
        }
        _copy(collection, target, new, progress or ignore)
        write_durably(target / JOURNAL, lambda path: path.write_bytes(journal))
        write_manifest(target, manifest)
        for path in before.keys() - files.keys():
            (target / path).unlink(missing_ok=True)
    return BackedUp(len(new), sum(entry.bytes for entry in new.values()), len(files) - len(new))


def _journal(collection: Path) -> bytes:
    try:
        return (collection / JOURNAL).read_bytes()
    except FileNotFoundError:
        return b""


def _check_target(collection: Path, target: Path) -> None:
    """Raise BadInput where a backup would write over something else."""
    if target.resolve() == collection.resolve():
        raise BadInput(f"{target} is the collection itself: choose another folder.")
    if not target.exists() or (target.is_dir() and _is_empty(target)):
        return
    try:
        of = (target / ORIGIN).read_text(encoding="utf-8")
    except (OSError, ValueError):
        raise BadInput(f"{target} is there and no backup: choose another folder.") from None
    if of != str(collection.resolve()):
        raise BadInput(
            f"{target} is a backup of {of}: choose another folder, or, if that is where "
            f"{collection} was before, delete {target / ORIGIN} and its manifest.json."
        )


def _is_empty(target: Path) -> bool:
    """Whether a folder holds nothing but the beginning of a backup that was cut short."""
    return {path.name for path in target.iterdir()} <= {*TRACES, f".{ORIGIN}.tmp"}


def _is_as_written(path: Path, entry: FileEntry) -> bool:
    return has_its_size(path, entry.bytes) and sha256_of(path) == entry.sha256


def _copy(collection: Path, target: Path, files: Mapping[str, FileEntry], report: OnStep) -> None:
    """Copy files durably; raises CollectionError for one that is not as it was written."""
    whole, done = sum(entry.bytes for entry in files.values()), 0
    for path, entry in files.items():
        report(Step("backup", "bytes", done, whole))
        write_durably(target / path, partial(_copy_checked, collection / path, entry))
        done += entry.bytes
    for folder in {(target / path).parent for path in files}:
        sync_folder(folder)
    report(Step("backup", "bytes", whole, whole))


def _copy_checked(source: Path, entry: FileEntry, target: Path) -> None:
    shutil.copyfile(source, target)
    if not _is_as_written(target, entry):
        raise CollectionError(
            f"{source} is not as it was written, so the backup keeps its earlier generation: "
            f"taxalens verify -c {source.parent.parent} tells what to do."
        )
