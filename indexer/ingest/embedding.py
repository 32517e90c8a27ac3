"""From records to vectors, batch by batch, in one process: a run, or a worker of one."""

from collections.abc import Callable, Generator, Iterable, Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
from PIL import Image

from indexer.ingest.contents import Contents
from indexer.ingest.prefetch import Opened, opened_batches
from indexer.inputs.records import Record
from indexer.readers import Fetch, refuse
from indexer.store.manifest import EncoderEntry
from model.encoder import Encoder
from model.runtimes import AUTO

BATCH = 32
PART_INPUTS = 256  # what a kill can cost; whole batches, so that a resumed run batches alike
WORKERS = 2  # threads and processors of a worker elsewhere
HERE = "here"
"""the executor of `indexer/executors` that embeds in this process"""


@dataclass(frozen=True, slots=True)
class How:
    """How a run works."""

    runtime: str = AUTO
    """computes the vectors: "torch", "openvino" or AUTO"""
    fetch: Fetch | None = None
    """downloads pictures; None: none are"""
    workers: int | None = None
    """threads that read and decode; None: as many as suit the machine, elsewhere WORKERS"""
    batch_size: int | None = None
    """pictures that are embedded at once; None: as many as suit the machine"""
    on: str = HERE
    """the executor, and after a colon what it makes of that: "slurm:16", "ray://host:10001" """

    @property
    def batch(self) -> int:
        """How many pictures are embedded at once."""
        return self.batch_size or BATCH

    @property
    def part(self) -> int:
        """How many inputs are committed together at least, and embedded in one go by a worker."""
        return -(-PART_INPUTS // self.batch) * self.batch


@dataclass(frozen=True, slots=True)
class Source:
    """The source of a run: what its reader takes, the base and the root of its source ids."""

    name: str
    base: str
    root: str


@dataclass(frozen=True, slots=True)
class Work:
    """The work of a run; `contents` are embedded already, and are added to."""

    collection: Path
    source: Source
    entry: EncoderEntry
    contents: Contents
    encoder: Callable[[], Encoder]
    """only called when a picture needs it"""
    how: How
    runtimes: set[str] = field(default_factory=set)
    """the names of what computed vectors, added as parts come from other processes"""


def embedded_batches(
    records: Iterable[Record],
    is_known: Callable[[str], bool],
    encoder: Callable[[], Encoder],
    dim: int,
    how: How,
) -> Generator[list[Opened]]:
    """Yield batches of inputs without their pictures, in the order of the records.

    The first input of a content has its unit vector, (dim,) float16, unless `is_known` says of its
    sha256 that it is embedded; whoever takes a batch must know its contents before the next one.
    A content without a vector, that is not known, is one that the encoder has no numbers for.
    """
    fetch = how.fetch or refuse
    batches = opened_batches(records, how.batch, is_known, fetch, how.workers, encoder)
    with closing(batches):
        for batch in batches:
            yield _embedded([_checked(each, dim) for each in batch], is_known, encoder)


def _checked(opened: Opened, dim: int) -> Opened:
    if opened.vector is None or len(opened.vector) == dim:
        return opened
    wrong = f"its vector has {len(opened.vector)} numbers, not {dim}"
    return Opened(opened.record, problem=wrong)


def _embedded(
    batch: Sequence[Opened], is_known: Callable[[str], bool], encoder: Callable[[], Encoder]
) -> list[Opened]:
    """Embed the pictures of a batch that nothing is known of, each content once."""
    pictures: dict[str, tuple[int, Image.Image]] = {}
    for place, each in enumerate(batch):
        if each.image is not None and not each.problem and not is_known(each.sha256):
            pictures.setdefault(each.sha256, (place, each.image))
    done = [each if each.image is None else replace(each, image=None) for each in batch]
    if not pictures:
        return done
    vectors = encoder().encode_images([image for _, image in pictures.values()])
    largest = np.abs(vectors).max(axis=1)  # NaN where one number is
    for row, (place, _) in enumerate(pictures.values()):
        if 0 < largest[row] < np.inf:
            done[place] = replace(done[place], vector=vectors[row])
    return done
