"""Leftovers: files that a writer which died, or had no room, has put into a collection."""

import shutil
from contextlib import suppress
from pathlib import Path

from indexer.store import derived
from indexer.store.manifest import Manifest, parse_manifest
from indexer.store.part_folders import PARTS, part_key
from indexer.store.segment import SCHEMAS
from model.errors import CollectionError

ASIDE = ".making-"
"""What the folder of an unfinished catalog begins with."""
_FOLDERS = (*SCHEMAS, "runs", derived.FOLDER)
# An earlier taxalens made catalogs beside the published ones; a published one never has a WAL.
_UNFINISHED = (f"{ASIDE}*", ".*.tmp", "catalog-*.tmp", "catalog-*.tmp.*", "catalog-*.wal")


def sweep(collection: Path) -> None:
    """Remove what certainly is a leftover; only the holder of the writer's lock may.

    That is a file in the making, one of a generation after the current, which a run wrote and did
    not commit, and parts of a run on other machines that another encoder or taxalens embedded. A
    file that an earlier generation had stays, for whoever reads that. A file that cannot be removed
    stays, too.
    """
    try:
        manifest = parse_manifest(collection)
    except CollectionError:
        return  # without a manifest nothing is certain
    found = [path for pattern in _UNFINISHED for path in collection.glob(pattern)]
    for folder in _FOLDERS:
        found += (collection / folder).glob(".*.tmp")
    found += (path for path in _of_generations(collection) if _is_uncommitted(path, manifest))
    if parts := [*(collection / PARTS).glob("*")]:
        ours = part_key(manifest.encoder.fingerprint)
        found += (path for path in parts if not path.name.startswith(ours))
    for path in found:
        with suppress(OSError):
            if path.is_dir() and not path.is_symlink():
                shutil.rmtree(path)
            else:
                path.unlink()


def _of_generations(collection: Path) -> list[Path]:
    """Return the files whose name is the generation that they were written for."""
    tables = (path for folder in _FOLDERS for path in (collection / folder).glob("[0-9]*.*"))
    return [*tables, *collection.glob("index-*.faiss")]


def _is_uncommitted(path: Path, manifest: Manifest) -> bool:
    number = path.stem.removeprefix("index-")
    return number.isdecimal() and int(number) > manifest.generation
