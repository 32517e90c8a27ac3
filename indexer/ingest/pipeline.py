"""The indexing run: open, embed, commit, segment by segment; one bad picture never stops it."""

import hashlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path

import numpy as np

from indexer.ingest.contents import Content, Contents
from indexer.ingest.prefetch import Opened, opened_batches
from indexer.inputs import status
from indexer.inputs.records import Record
from indexer.readers import Fetch
from indexer.store.manifest import Manifest, commit
from indexer.store.segment import Segment, merged, open_vectors
from model.encoder import Encoder

BATCH = 32
SEGMENT_INPUTS = 256  # what a kill can cost; whole batches, so that a resumed run batches alike
MOST_SEGMENT_INPUTS = 4096
_NO_NUMBERS = "the encoder's vector for it is zero, or not of numbers"
_SEGMENTS = 64  # a collection of n rows gets segments of n/64, so that a manifest stays small


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a run is, in inputs."""

    total: int
    embedded: int = 0
    duplicates: int = 0
    failed: int = 0
    relabelled: int = 0
    """pictures that were known and have another label now; not among the total"""
    vanished: int = 0
    """inputs that are no longer there; not among the total"""
    cut_short: int = 0
    """of the embedded ones, JPEG files of which only the beginning is there"""

    def __add__(self, other: "Progress") -> "Progress":
        """Return both counted together."""
        return Progress(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    @property
    def done(self) -> int:
        """How many inputs have their status."""
        return self.embedded + self.duplicates + self.failed

    @property
    def any(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.total or self.relabelled or self.vanished)


@dataclass(frozen=True, slots=True)
class Work:
    """What a run works with; `contents` is what is embedded already, and is added to."""

    collection: Path
    contents: Contents
    encoder: Callable[[], Encoder]
    """only called when a picture needs it"""
    fetch: Fetch
    workers: int | None = None
    batch_size: int | None = None


def image_id(source_id: str, sha256: str) -> str:
    """Return the id of one content at one source, 16 hexadecimal digits, the same for ever."""
    return hashlib.blake2b(f"{source_id}\0{sha256}".encode(), digest_size=8).hexdigest()


def embed_records(
    work: Work, manifest: Manifest, records: Iterable[Record], progress: Progress
) -> Iterator[Progress]:
    """Embed records into new segments, one yield per batch, one commit per segment.

    `progress` is where it begins. Where it is closed, or interrupted, what is done is committed.
    """
    size = work.batch_size or BATCH
    pending: list[Segment] = []
    is_known = work.contents.__contains__
    batches = opened_batches(records, size, is_known, work.fetch, work.workers, work.encoder)
    try:
        for batch in batches:
            segment, progress = _embed_batch(work, batch, manifest.encoder.dim, progress)
            pending.append(segment)
            if len(pending) * size >= _segment_inputs(len(work.contents)):
                manifest = _commit_segment(work, manifest, merged(pending))
                pending = []
            yield progress
    finally:
        batches.close()
        if pending:
            _commit_segment(work, manifest, merged(pending))


def _segment_inputs(rows: int) -> int:
    return min(max(rows // _SEGMENTS, SEGMENT_INPUTS), MOST_SEGMENT_INPUTS)


def _embed_batch(
    work: Work, batch: Sequence[Opened], dim: int, progress: Progress
) -> tuple[Segment, Progress]:
    batch = [_checked(opened, dim) for opened in batch]
    fresh = _embed(batch, work)
    for sha256, content in fresh.items():
        work.contents[sha256] = content
    problems = {each.sha256: each.problem for each in batch if each.problem}
    segment = Segment()
    for opened in batch:
        outcome = _record(opened, segment, work.contents, problems)
        progress = replace(progress, **{outcome: getattr(progress, outcome) + 1})
        if outcome == "embedded" and opened.note.startswith(status.CUT_SHORT):
            progress = replace(progress, cut_short=progress.cut_short + 1)
    return segment, progress


def _checked(opened: Opened, dim: int) -> Opened:
    if opened.vector is None or len(opened.vector) == dim:
        return opened
    wrong = f"its vector has {len(opened.vector)} numbers, not {dim}"
    return Opened(opened.record, problem=wrong)


def _embed(batch: Sequence[Opened], work: Work) -> dict[str, Content]:
    """Embed the pictures of a batch that nothing is known of, each content once."""
    fresh: dict[str, Content] = {}
    pictures: dict[str, Opened] = {}
    for each in batch:
        if each.sha256 in work.contents or each.sha256 in fresh or each.problem:
            continue
        if each.vector is not None:
            fresh[each.sha256] = Content(each.record.source_id, 0, 0, each.vector[None], 0)
        elif each.image is not None:
            pictures.setdefault(each.sha256, each)
    if not pictures:
        return fresh
    images = [each.image for each in pictures.values() if each.image is not None]
    vectors = work.encoder().encode_images(images)
    largest = np.abs(vectors).max(axis=1)  # NaN where one number is
    return fresh | {
        sha256: Content(each.record.source_id, each.width, each.height, vectors, row)
        for row, (sha256, each) in enumerate(pictures.items())
        if 0 < largest[row] < np.inf
    }


def _record(opened: Opened, segment: Segment, contents: Contents, problems: dict[str, str]) -> str:
    """Note what became of an input, a line of inputs and, unless it failed, a row; tell which."""
    record, content = opened.record, contents.get(opened.sha256)
    about = (record.bytes, record.modified)
    if content is None:
        reason = opened.problem or problems.get(opened.sha256, _NO_NUMBERS)
        segment.input(record.source_id, status.FAILED, reason, None, *about)
        return "failed"
    identity = image_id(record.source_id, opened.sha256)
    is_first = content.source_id == record.source_id
    size = (content.width, content.height)
    segment.row(identity, opened.sha256, size, content.vector, record)
    if opened.hash is not None:
        segment.lines["hashes"].append({"image_id": identity, "hash": opened.hash})
    if opened.thumbnail:
        segment.lines["thumbs"].append({"image_id": identity, "jpeg": opened.thumbnail})
    if is_first:
        segment.input(record.source_id, status.EMBEDDED, opened.note, identity, *about)
        return "embedded"
    reason = f"same content as {content.source_id}"
    segment.input(record.source_id, status.DUPLICATE, reason, identity, *about)
    return "duplicates"


def _commit_segment(work: Work, manifest: Manifest, segment: Segment) -> Manifest:
    name = manifest.next_name
    manifest = commit(work.collection, manifest, segment.write(work.collection, name))
    if segment.vectors:
        # From here on the vectors are read from disk, so that memory does not grow with the run.
        stored = open_vectors(work.collection / f"segments/{name}.npy")
        for row, line in enumerate(segment.lines["segments"]):
            content = work.contents.get(line["sha256"])
            if content and content.source_id == line["source_id"]:
                work.contents[line["sha256"]] = replace(content, vectors=stored, row=row)
    return manifest
