"""What is done to a collection besides indexing: inputs taken out, roots that were moved."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from indexer.catalog.catalog_file import write_catalog
from indexer.catalog.snapshot import Snapshot, open_snapshot
from indexer.inputs import status
from indexer.inputs.records import CROP_MARK, is_address
from indexer.store.manifest import Manifest, commit, read_manifest
from indexer.store.segment import Segment
from indexer.store.writer_lock import only_writer
from model.errors import BadInput

_SAMPLE = 1000  # inputs that are looked for at a new place


def remove(
    collection: Path | str = "taxalens.collection",
    patterns: str | Sequence[str] = (),
    vanished: bool = False,
) -> int:
    """Take inputs out of a collection, and return how many; no file of their owner is touched.

    `patterns` are source ids with `*`, `?` and `[…]`, or paths of files; `vanished` takes all
    whose file is no longer there. What was removed stays out until it is added again. Raises
    BadInput for a pattern that matches nothing.
    """
    collection = Path(collection)
    patterns = [patterns] if isinstance(patterns, str) else patterns
    read_manifest(collection)
    with only_writer(collection), open_snapshot(collection) as snapshot:
        found: dict[str, tuple[int, int]] = {}
        for pattern in patterns:
            matching = _matching(snapshot, pattern)
            if not matching:
                raise BadInput(
                    f"No input of {collection} is called {pattern}; taxalens status lists them."
                )
            found |= matching
        if vanished:
            found |= _inputs(snapshot, "status = ?", status.VANISHED)
        if found:
            segment = Segment()
            for source_id, about in found.items():
                segment.input(source_id, status.REMOVED, "by its owner", None, *about)
            _commit(collection, snapshot.manifest, segment)
    return len(found)


def relocate(collection: Path | str, old: Path | str, new: Path | str) -> int:
    """Note that what was indexed at `old` lies at `new` now; return how many inputs are meant.

    `old` is a path, of a folder above it too, or the name of a root. Raises BadInput where
    nothing was indexed there, or where nothing of it is at the new place.
    """
    collection, old, new = Path(collection), str(old), Path(new)
    target = new.expanduser().resolve()
    if not target.exists():
        raise BadInput(f"There is nothing at {new}.")
    with only_writer(collection), open_snapshot(collection) as snapshot:
        manifest = snapshot.manifest
        below = Path(manifest.roots.get(old, Path(old).expanduser().absolute()))
        roots = {name: _moved(path, below, target) for name, path in manifest.roots.items()}
        names = [name for name, path in manifest.roots.items() if _is_below(path, below)]
        if not names:
            known = ", ".join(f"{name} ({path})" for name, path in manifest.roots.items())
            raise BadInput(f"Nothing of {collection} was indexed at {old}; its roots are {known}.")
        sources = tuple(_moved(source, below, target) for source in manifest.sources)
        moved = replace(manifest, roots=roots, sources=sources)
        count = sum(len(_of_root(snapshot, name)) for name in names)
        if count and not any(_any_there(replace(snapshot, manifest=moved), n) for n in names):
            raise BadInput(f"Nothing of what was indexed at {old} is at {new}.")
        write_catalog(collection, commit(collection, moved))
    return count


def _moved(path: str, old: Path, new: Path) -> str:
    return str(new / Path(path).relative_to(old)) if _is_below(path, old) else path


def _is_below(path: str, folder: Path) -> bool:
    return not is_address(path) and Path(path).is_relative_to(folder)


def _of_root(snapshot: Snapshot, root: str) -> dict[str, tuple[int, int]]:
    return _inputs(snapshot, "starts_with(source_id, ?)", f"{root}/")


def _any_there(snapshot: Snapshot, root: str) -> bool:
    """Whether a root's archive, or one of its files, is where the snapshot thinks."""
    if Path(snapshot.manifest.roots[root]).is_file():
        return True
    paths = (snapshot.path_of(source_id) for source_id in [*_of_root(snapshot, root)][:_SAMPLE])
    return any(path is not None and path.exists() for path in paths)


def _matching(snapshot: Snapshot, pattern: str) -> dict[str, tuple[int, int]]:
    found = _inputs(snapshot, "(source_id = ? OR source_id GLOB ?)", pattern, pattern)
    if found:
        return found
    path = Path(pattern).expanduser().absolute()
    ids = [
        f"{root}/{path.relative_to(base).as_posix()}"
        for root, base in snapshot.manifest.roots.items()
        if path.is_relative_to(base)
    ]
    return _inputs(snapshot, "list_contains(?, split_part(source_id, ?, 1))", ids, CROP_MARK)


def _inputs(snapshot: Snapshot, condition: str, *values: object) -> dict[str, tuple[int, int]]:
    """Return size and time of the inputs that are so, and not removed, by their ids."""
    rows = snapshot.query(
        f"SELECT source_id, bytes, modified FROM inputs WHERE {condition} AND status <> ?",
        *values,
        status.REMOVED,
    )
    return {source_id: (size, modified) for source_id, size, modified in rows}


def _commit(collection: Path, manifest: Manifest, segment: Segment) -> None:
    paths = segment.write(collection, manifest.next_name)
    write_catalog(collection, commit(collection, manifest, paths))
