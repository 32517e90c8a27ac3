"""A worker: embeds parts of a job into files, on whatever machine an engine starts it.

    python -m indexer.ingest.worker JOB I N

embeds the parts I, I + N, I + 2 N, … that are not there. It only reads the collection's job and the
pictures, and only writes parts; it takes no lock, and may be killed or run twice at any moment.
"""

import os
import socket
import sys
from collections.abc import Callable, Iterable
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path

from indexer.ingest.embedding import How, embedded_batches
from indexer.ingest.jobs import (
    Order,
    Ordered,
    note_alive,
    number_of_parts,
    read_job,
    read_ordered,
)
from indexer.ingest.part_files import SUFFIX, check_versions, write_part
from indexer.ingest.prefetch import Opened
from indexer.ingest.run_encoder import RunEncoder
from indexer.ingest.run_log import runtime_name
from indexer.inputs.records import Record, is_address
from indexer.readers import reader_of, refuse
from model.encoder import Encoder
from model.errors import BadInput, Error


def embed_parts(path: Path, numbers: Iterable[int], encoder: Callable[[], Encoder]) -> None:
    """Embed parts of a job that are not there yet, each into one file.

    `encoder` is only called when a picture needs it. Raises Error; where the run has ended there is
    nothing left to do.
    """
    order = read_job(path)
    check_versions(order.versions, "The run")
    base = order.source.base
    if not is_address(base) and not os.path.lexists(base):
        raise BadInput(
            f"{base} is not to be seen on {socket.gethostname()}: pictures must lie on a file "
            "system that all machines share, under the same path."
        )
    with ExitStack() as opened:
        how = How(order.runtime, None, order.workers, order.batch_size)
        if order.fetch:
            from indexer.inputs.fetching import Fetcher

            how = replace(how, fetch=opened.enter_context(Fetcher()))
        for number in numbers:
            try:
                _embed_part(path, order, read_ordered(path, number), encoder, how)
            except FileNotFoundError:
                if path.exists():
                    raise
                return  # the run has ended


def encoder_of(order: Order) -> Encoder:
    """Load the encoder of a job; raises EncoderMismatch where it is not the collection's."""
    encoder = RunEncoder(order.entry.spec, order.runtime)
    encoder.expect(order.entry, Path(order.collection))
    return encoder.load()


def _embed_part(
    path: Path, order: Order, part: Ordered, encoder: Callable[[], Encoder], how: How
) -> None:
    target = path.with_name(f"{part.name}{SUFFIX}")
    if target.exists():
        return
    known, inputs, used = set[str](), list[Opened](), list[Encoder]()

    def loaded() -> Encoder:
        used[:] = [encoder()]
        return used[0]

    records = _by_reader(part, order.source.name, order.source.root)
    for batch in embedded_batches(records, known.__contains__, loaded, order.entry.dim, how):
        known.update(each.sha256 for each in batch if each.vector is not None)
        inputs += batch
        note_alive(path.parent)
    fingerprint = used[0].identity.fingerprint if used else order.entry.fingerprint
    write_part(target, inputs, fingerprint, runtime_name(used[0]) if used else "")


def _by_reader(part: Ordered, source: str, root: str) -> Iterable[Record]:
    """Return the records; what only the source's reader can read comes from it, the rest as is."""
    if not part.by_reader:
        return part.records
    found = {}
    for record in reader_of(source).read(source, refuse):
        source_id = f"{root}/{record.storable().source_id}"
        if source_id in part.by_reader:
            found[source_id] = record.read
            if len(found) == len(part.by_reader):
                break
    return [
        replace(record, read=found[record.source_id])
        if record.source_id in found
        else replace(record, problem=_gone(record, part))
        for record in part.records
    ]


def _gone(record: Record, part: Ordered) -> str:
    missing = record.source_id in part.by_reader and not record.problem
    return "is no longer in its source" if missing else record.problem


def main(arguments: list[str]) -> int:
    """Embed a share of a job's parts; say in a sentence what is wrong."""
    path, first, step = Path(arguments[0]), int(arguments[1]), int(arguments[2])
    try:
        order = read_job(path)
        encoders = list[Encoder]()

        def encoder() -> Encoder:
            encoders[:] = encoders or [encoder_of(order)]
            return encoders[0]

        embed_parts(path, range(first, number_of_parts(path), step), encoder)
    except (Error, OSError) as error:
        print(f"{socket.gethostname()}: {error}", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
