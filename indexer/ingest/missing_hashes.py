"""Perceptual hashes of pictures that were indexed before there were any; nothing is embedded."""

import hashlib
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from indexer.catalog.catalog_file import write_catalog
from indexer.catalog.snapshot import Snapshot, open_snapshot
from indexer.inputs.decoding import decode
from indexer.inputs.perceptual_hash import perceptual_hash
from indexer.store.manifest import commit
from indexer.store.segment import Segment, read_batches
from indexer.store.writer_lock import only_writer
from model.errors import BadInput
from model.progress import OnStep, Step, ignore

_TOGETHER = 4096  # pictures between two commits
_JOB = "perceptual hashes"
Hashed = tuple[str, int | None]
Input = tuple[str, str, str]  # image id, source id, sha256


def add_missing_hashes(collection: Path, progress: OnStep | None = None) -> int:
    """Hash the pictures of a collection that have no perceptual hash; return how many were hashed.

    Each is read from its file, if that is as it was indexed, or from its thumbnail; others stay
    without a hash. Raises CollectionError for a collection in use.
    """
    report, hashed = progress or ignore, 0
    with only_writer(collection), open_snapshot(collection) as snapshot:
        manifest, missing = snapshot.manifest, snapshot.query(MISSING)
        if missing:
            report(Step(_JOB, "images", 0, len(missing)))
        for block, done in _blocks(snapshot, missing):
            segment = Segment()
            for image_id, number in block:
                if number is not None:
                    segment.lines["hashes"].append({"image_id": image_id, "hash": number})
            hashed += len(segment.lines["hashes"])
            if paths := segment.write(collection, manifest.next_name):
                manifest = commit(collection, manifest, paths)
            report(Step(_JOB, "images", done, len(missing)))
        if hashed:
            write_catalog(collection, manifest)
    return hashed


def _blocks(
    snapshot: Snapshot, missing: list[tuple[str, str, str, str]]
) -> Iterator[tuple[list[Hashed], int]]:
    """Yield images and their hashes block by block, and the number of images until then."""
    kept: dict[str, set[str]] = {}
    files = list[Input]()
    for image_id, source_id, sha256, thumbnails in missing:
        if thumbnails:
            kept.setdefault(thumbnails, set()).add(image_id)
        else:
            files.append((image_id, source_id, sha256))
    done = 0
    with ThreadPoolExecutor() as threads:
        for start in range(0, len(files), _TOGETHER):
            some = files[start : start + _TOGETHER]
            done += len(some)
            yield list(threads.map(lambda each: _of_file(snapshot, *each), some)), done
    for path, ids in kept.items():
        done += len(ids)
        yield list(_of_thumbnails(snapshot, path, ids)), done


def _of_file(snapshot: Snapshot, image_id: str, source_id: str, sha256: str) -> Hashed:
    path = snapshot.path_of(source_id)
    try:
        data = path.read_bytes() if path else b""
        if hashlib.sha256(data).hexdigest() != sha256:
            return image_id, None
        return image_id, perceptual_hash(decode(data, name=source_id).image)
    except (OSError, BadInput):  # its disk is not here, say
        return image_id, None


def _of_thumbnails(snapshot: Snapshot, path: str, ids: set[str]) -> Iterator[Hashed]:
    for batch in read_batches(snapshot.folder, "thumbs", path):
        for line in batch.to_pylist():
            if line["image_id"] in ids:
                yield line["image_id"], perceptual_hash(decode(line["jpeg"]).image)


MISSING = """
SELECT arg_min(image_id, "row"), arg_min(source_id, "row"), sha256,
    arg_min(coalesce(file, ''), "row")
FROM images LEFT JOIN thumbs USING (image_id)
WHERE width > 0 AND sha256 NOT IN (SELECT sha256 FROM images SEMI JOIN hashes USING (image_id))
GROUP BY sha256 ORDER BY min("row")
"""
"""One image of each content without a hash: image id, source id, sha256, file of thumbnails."""
