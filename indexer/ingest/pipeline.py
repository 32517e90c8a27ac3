"""Each input gets its status, segment by segment; one bad picture never stops a run."""

import hashlib
from collections.abc import Generator, Iterator, Sequence
from dataclasses import astuple, dataclass, replace

from indexer.ingest.contents import Content, Contents
from indexer.ingest.embedding import Work
from indexer.ingest.prefetch import Opened
from indexer.inputs import status
from indexer.store.manifest import Manifest, commit
from indexer.store.segment import Segment, merged, open_vectors

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


def image_id(source_id: str, sha256: str) -> str:
    """Return the id of one content at one source, 16 hexadecimal digits, the same for ever."""
    return hashlib.blake2b(f"{source_id}\0{sha256}".encode(), digest_size=8).hexdigest()


def commit_batches(
    work: Work, manifest: Manifest, batches: Generator[list[Opened]], progress: Progress
) -> Iterator[Progress]:
    """Commit embedded batches as segments of whole parts, one yield per batch.

    `progress` is where it begins. Where it is closed, or interrupted, what is done is committed.
    """
    pending, inputs = list[Segment](), 0
    try:
        for batch in batches:
            segment, progress = _recorded(work, batch, progress)
            pending.append(segment)
            inputs += len(batch)
            if inputs >= segment_inputs(len(work.contents), work.how.part):
                manifest = _commit_segment(work, manifest, merged(pending))
                pending, inputs = [], 0
            yield progress
    finally:
        batches.close()
        if pending:
            _commit_segment(work, manifest, merged(pending))


def segment_inputs(rows: int, part: int) -> int:
    """Return how many inputs make a segment: whole parts, as a resumed run cuts them again."""
    asked = min(max(rows // _SEGMENTS, part), MOST_SEGMENT_INPUTS)
    return -(-asked // part) * part


def _recorded(work: Work, batch: Sequence[Opened], progress: Progress) -> tuple[Segment, Progress]:
    for each in batch:
        if each.vector is not None and each.sha256 not in work.contents:
            size, vectors = (each.width, each.height), each.vector[None]
            work.contents[each.sha256] = Content(each.record.source_id, *size, vectors, 0)
    problems = {each.sha256: each.problem for each in batch if each.problem}
    segment = Segment()
    for opened in batch:
        outcome = _record(opened, segment, work.contents, problems)
        progress = replace(progress, **{outcome: getattr(progress, outcome) + 1})
        if outcome == "embedded" and opened.note.startswith(status.CUT_SHORT):
            progress = replace(progress, cut_short=progress.cut_short + 1)
    return segment, progress


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
