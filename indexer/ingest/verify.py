"""Whether every file of a collection, and every photograph, still is what it was."""

from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

import duckdb

from indexer.catalog.catalog_file import catalog_path
from indexer.catalog.snapshot import open_snapshot
from indexer.catalog.whole import NotWhole, check_blocks, open_whole
from indexer.ingest.damage import Damage
from indexer.labels.label_resolution import DERIVED
from indexer.store import derived
from indexer.store.journal_file import JOURNAL, read_lines
from indexer.store.manifest import FileEntry, Manifest, has_its_size, parse_manifest
from model.errors import CollectionError
from model.kept_files import read_sealed, sha256_of, write_sealed
from model.progress import OnStep, Step, ignore
from model.times import utc_now

VERIFIED = "verified.json"
"""When a collection was last verified, and what that found."""
CHANGED = "has another sha256 than was written"


def verify(
    collection: Path | str = "taxalens.collection",
    progress: OnStep | None = None,
    deep: bool = False,
) -> list[Damage]:
    """Read every file that the manifest names, and the catalog; return the damaged ones.

    The journal's lines and the arrays of `indexer/store/derived` are compared, too; with `deep`
    every photograph on this machine as well, with its content when it was indexed. Takes no lock,
    and writes nothing but when that was, for `info`. Raises CollectionError where there is no
    manifest to go by.
    """
    collection, report = Path(collection), progress or ignore
    manifest = parse_manifest(collection)
    damages = [*_files(collection, manifest, report), *_derived(collection, manifest)]
    if lost := [str(line.number) for line in read_lines(collection) if line.act is None]:
        problem = f"line {', '.join(lost)} {CHANGED}"
        advice = f"its labels are lost: taxalens repair -c {collection} keeps the others"
        damages.append(Damage(JOURNAL, problem, advice))
    if deep:
        damages += _photographs(collection, report)
    said = {"date": utc_now(), "generation": manifest.generation, "damaged": len(damages)}
    with suppress(OSError):  # a read-only folder, a full disk
        write_sealed(collection / VERIFIED, said | {"deep": deep})
    return damages


def last_verified(collection: Path) -> str:
    """Return when a collection was last verified, and the outcome; "never" where it was not."""
    said = read_sealed(collection / VERIFIED)
    if said is None:
        return "never"
    damaged, deep = said["damaged"], said.get("deep")
    whole = "every file and photograph as it was" if deep else "every file as it was written"
    found = f"{damaged} damaged" if damaged else whole
    return f"{said['date']}, generation {said['generation']}, {found}"


def _files(collection: Path, manifest: Manifest, report: OnStep) -> Iterator[Damage]:
    entries = manifest.entries
    whole = sum(entry.bytes for entry in entries.values())
    read = 0
    for path, entry in entries.items():
        report(Step("verify", "bytes", read, whole))
        if problem := _problem(collection / path, entry):
            yield Damage(path, problem, _advice(collection, manifest, path))
        read += entry.bytes
    report(Step("verify", "bytes", whole, whole))


def _derived(collection: Path, manifest: Manifest) -> Iterator[Damage]:
    catalog = catalog_path(collection, manifest)
    if catalog.exists():
        try:
            with open_whole(catalog, manifest) as connection:
                check_blocks(connection)
        except (OSError, duckdb.Error, NotWhole) as error:
            advice = f"delete it: taxalens update -c {collection} derives it again"
            yield Damage(catalog.name, str(error).splitlines()[0].rstrip("."), advice)
    for kept in derived.damaged(collection):
        path = kept.relative_to(collection).as_posix()
        yield Damage(path, CHANGED, "delete it: it is derived again when it is needed")


def _photographs(collection: Path, report: OnStep) -> Iterator[Damage]:
    from indexer.ingest.changed_pictures import changed_pictures

    try:
        with open_snapshot(collection) as snapshot:
            yield from changed_pictures(snapshot, report)
    except CollectionError as error:
        problem = f"cannot be compared ({str(error).rstrip('.')})"
        yield Damage("photographs", problem, f"first taxalens repair -c {collection}")


def _problem(path: Path, entry: FileEntry) -> str:
    try:
        if not path.exists():
            return "is missing"
        if not has_its_size(path, entry.bytes):
            return f"is not {entry.bytes} bytes long"
        return "" if sha256_of(path) == entry.sha256 else CHANGED
    except OSError as error:
        return f"cannot be read ({error.strerror})"


def _advice(collection: Path, manifest: Manifest, path: str) -> str:
    if manifest.index and path == manifest.index.path:
        return f"taxalens optimize -c {collection} makes it again"
    if path.partition("/")[0] in DERIVED and manifest.taxonomy:
        return f"taxalens repair -c {collection} derives it again"
    return (
        f"taxalens repair -c {collection} isolates it and lists what to embed again; better, "
        "restore it from a backup"
    )
