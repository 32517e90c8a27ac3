"""An executor for tests: embeds the parts of a job in this process, as a test's engine has it."""

from collections.abc import Callable, Generator, Iterator

from indexer.ingest.embedding import Work
from indexer.ingest.engines import Engine, through_files
from indexer.ingest.jobs import Job
from indexer.ingest.prefetch import Opened
from indexer.inputs.records import Record


def no_engine(job: Job) -> Generator[None]:
    """Embed nothing; a test puts its own engine in this one's place."""
    yield from ()


engine: Engine = no_engine


def check(on: str) -> None:
    """Refuse nothing."""


def batches(work: Work, records: Callable[[], Iterator[Record]]) -> Generator[list[Opened]]:
    """Yield what the engine embeds."""
    return through_files(work, records, engine)
