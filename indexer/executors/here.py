"""Embeds in this process."""

from collections.abc import Callable, Generator, Iterator

from indexer.ingest.embedding import HERE, Work, embedded_batches
from indexer.ingest.prefetch import Opened
from indexer.inputs.records import Record
from model.errors import BadInput


def check(on: str) -> None:
    """Refuse an address."""
    if on != HERE:
        raise BadInput(f"The executor {HERE!r} takes no address; write it without {on[4:]!r}.")


def batches(work: Work, records: Callable[[], Iterator[Record]]) -> Generator[list[Opened]]:
    """Yield the records, embedded, in batches."""
    known = work.contents.__contains__
    return embedded_batches(records(), known, work.encoder, work.entry.dim, work.how)
