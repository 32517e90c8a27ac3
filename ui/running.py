"""Runs on the command line: what became of them in one line, and how Ctrl-C ends them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from indexer.ingest.pipeline import Progress


@contextmanager
def stopping() -> Iterator[None]:
    """Turn Ctrl-C into a sentence; what was done is committed by then."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("\nStopped; what is done is kept. The same command goes on from here.", err=True)
        raise click.exceptions.Exit(130) from None


def run_each(index: Callable[..., Any], sources: Sequence[str], place: Path, **asked: Any) -> None:
    """Index sources one after the other and tell of each what became of it."""
    with stopping():
        for source in sources:
            click.echo(told(index(source, place, **asked), place))


def told(progress: "Progress", collection: Path) -> str:
    """Return in one line what became of the inputs of a run."""
    counts = ((progress.relabelled, "labelled anew"), (progress.vanished, "no longer there"))
    more = "".join(f", {count} {what}" for count, what in counts if count)
    hint = f"; see: taxalens status -c {collection}" if progress.failed else ""
    return (
        f"{collection}: {progress.embedded} embedded, {progress.duplicates} duplicates, "
        f"{progress.failed} failed{more}{hint}"
    )
