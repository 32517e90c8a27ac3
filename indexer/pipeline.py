"""The indexing run: open, embed, commit, segment by segment; one bad picture never stops it."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from indexer.contents import Content
from indexer.manifest import Manifest, commit
from indexer.opening import Opened, opened_batches
from indexer.records import Record
from indexer.segment import Segment
from model.encoder import Encoder

BATCH = 32
SEGMENT_INPUTS = 256  # what a kill can cost; whole batches, so that a resumed run batches alike


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, in inputs."""

    total: int
    embedded: int = 0
    duplicates: int = 0
    failed: int = 0
    relabelled: int = 0
    """pictures that were known and have another label now; not among the total"""

    @property
    def done(self) -> int:
        """How many inputs have their status."""
        return self.embedded + self.duplicates + self.failed


def image_id(source_id: str, sha256: str) -> str:
    """Return the id of one content at one source, 16 hexadecimal digits, the same for ever."""
    return hashlib.blake2b(f"{source_id}\0{sha256}".encode(), digest_size=8).hexdigest()


def embed_records(
    collection: Path,
    manifest: Manifest,
    records: Sequence[Record],
    contents: dict[str, Content],
    encoder: Callable[[], Encoder],
    progress: Progress,
) -> Iterator[Progress]:
    """Embed records into new segments, one yield per batch, one commit per segment.

    `contents` is what is embedded already, and is added to; `progress` is where it begins. The
    encoder is only called for when a picture needs it.
    """
    segment, pending = Segment(), 0
    for batch in opened_batches(records, BATCH, contents.__contains__):
        fresh = _embed(batch, contents, encoder)
        contents.update(fresh)
        problems = {each.sha256: each.problem for each in batch if each.problem}
        for opened in batch:
            progress = _record(opened, segment, contents, problems, progress)
        pending += len(batch)
        if pending % SEGMENT_INPUTS == 0 or progress.done == progress.total:
            manifest = _commit_segment(collection, manifest, segment, contents)
            segment = Segment()
        yield progress


def _embed(
    batch: Sequence[Opened], contents: dict[str, Content], encoder: Callable[[], Encoder]
) -> dict[str, Content]:
    """Embed the pictures of a batch that nothing is known of, each content once."""
    new = {each.sha256: each for each in reversed(batch) if each.image is not None}
    first = [each for each in batch if new.get(each.sha256) is each and each.sha256 not in contents]
    if not first:
        return {}
    images = [each.image for each in first if each.image is not None]
    vectors = encoder().encode_images(images)
    return {
        each.sha256: Content(each.record.source_id, each.width, each.height, vectors, row)
        for row, each in enumerate(first)
    }


def _record(
    opened: Opened,
    segment: Segment,
    contents: dict[str, Content],
    problems: dict[str, str],
    progress: Progress,
) -> Progress:
    """Note what became of an input: one line of inputs and, unless it failed, one row."""
    record, content = opened.record, contents.get(opened.sha256)
    line = {
        "source_id": record.source_id,
        "bytes": record.bytes,
        "modified": record.modified,
        "reason": "",
    }
    if content is None:
        reason = opened.problem or problems[opened.sha256]
        segment.lines["inputs"].append(line | {"status": "failed", "reason": reason})
        return replace(progress, failed=progress.failed + 1)
    identity = image_id(record.source_id, opened.sha256)
    is_first = content.source_id == record.source_id
    segment.vectors.append(content.vector)
    segment.lines["segments"].append(
        {
            "image_id": identity,
            "source_id": record.source_id,
            "sha256": opened.sha256,
            "width": content.width,
            "height": content.height,
        }
    )
    segment.label(identity, record)
    status = "embedded" if is_first else "duplicate"
    reason = "" if is_first else f"same content as {content.source_id}"
    segment.lines["inputs"].append(
        line | {"status": status, "reason": reason, "image_id": identity}
    )
    if is_first:
        return replace(progress, embedded=progress.embedded + 1)
    return replace(progress, duplicates=progress.duplicates + 1)


def _commit_segment(
    collection: Path, manifest: Manifest, segment: Segment, contents: dict[str, Content]
) -> Manifest:
    name = manifest.next_name
    manifest = commit(collection, manifest, segment.write(collection, name))
    if segment.vectors:
        # From here on the vectors are read from disk, so that memory does not grow with the run.
        stored = np.load(collection / f"segments/{name}.npy", mmap_mode="r")
        for row, line in enumerate(segment.lines["segments"]):
            content = contents[line["sha256"]]
            if content.source_id == line["source_id"]:
                contents[line["sha256"]] = replace(content, vectors=stored, row=row)
    return manifest
