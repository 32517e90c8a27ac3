"""The driver of a run whose parts other processes embed: it alone reads them, in their order."""

import os
import time
from collections.abc import Callable, Generator, Iterator

from indexer.ingest.embedding import Work
from indexer.ingest.jobs import Job, cut, part_name, write_job
from indexer.ingest.part_files import SUFFIX, Part, read_part
from indexer.ingest.prefetch import Opened
from indexer.inputs.records import Record
from model.errors import BadInput, CollectionError

PATIENCE = 1_200.0  # seconds without a sign of any worker
_TRIES = 3  # of a part that comes damaged
_UNREAD = "cannot be read"  # as the problem of an input begins whose file could not be opened

Engine = Callable[[Job], Generator[None]]
"""Has the missing parts of a job embedded; yields every few seconds, and ends when all are there.
Closing it stops its workers. Raises Error where it gets nowhere."""


def through_files(
    work: Work, records: Callable[[], Iterator[Record]], engine: Engine
) -> Generator[list[Opened]]:
    """Yield the records in parts that an engine embeds, in their order.

    The records are read twice: to write the job, and to join them with what workers return, so that
    labels and metadata stay in this process. Raises CollectionError for a part that stays damaged,
    BadInput for a source that changes meanwhile or that workers do not see.
    """
    job = write_job(work, records())
    ordered = set(job.parts)
    steps = engine(job)
    try:
        for part in cut(records(), work.how.part):
            name, tries = part_name(part), 0
            path = job.folder / f"{name}{SUFFIX}"
            while (found := read_part(path, work.entry, part)) is None:
                if name not in ordered:
                    raise BadInput(
                        f"{work.source.name} changed during the run; what was done is kept: run "
                        "the same command again."
                    )
                if next(steps, job) is job:  # the engine has ended
                    steps, tries = engine(job), tries + 1
                if tries > _TRIES:
                    raise CollectionError(
                        f"{path} came damaged {_TRIES} times: check the disk of {work.collection}, "
                        "and run the same command again."
                    )
            _check_seen(found)
            work.runtimes.add(found.runtime)
            yield found.inputs
    finally:
        steps.close()


def _check_seen(part: Part) -> None:
    """Raise BadInput where a worker could open no file of a part, and this process can."""
    files = [each for each in part.inputs if each.record.path and not each.record.problem]
    unread = [each for each in files if each.problem.startswith(_UNREAD)]
    if files and len(unread) == len(files) and os.access(str(files[0].record.path), os.R_OK):
        raise BadInput(
            f"{files[0].record.path} {files[0].problem} on {part.host}: pictures must lie on a "
            "file system that all machines share, under the same path."
        )


class Watchdog:
    """Ends a run whose workers give no sign of life."""

    def __init__(self, job: Job, patience: float = PATIENCE) -> None:
        self._job = job
        self._patience = patience
        self._traces = (-1, -1)
        self._since = 0.0

    def look(self, is_waiting: bool = False) -> None:
        """Raise CollectionError after a long time without a new part or a batch of any worker.

        `is_waiting` says that no worker is expected to work yet.
        """
        traces = self._job.traces()
        if is_waiting or traces != self._traces:
            self._traces, self._since = traces, time.monotonic()
        elif time.monotonic() - self._since > self._patience:
            raise CollectionError(
                f"No worker has embedded anything for {self._patience / 60:.0f} minutes, and "
                f"{len(self._job.missing())} of {len(self._job.parts)} parts are missing: look at "
                "the workers, and run the same command again; it goes on from here."
            )
