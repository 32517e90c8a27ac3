"""Runs on the command line: what became of them in one line, and how Ctrl-C ends them."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import click

from model.sizes import counted
from ui.progress_bars import progress_bars

if TYPE_CHECKING:
    from indexer.ingest.pipeline import Progress
    from model.progress import OnStep


@contextmanager
def stopping() -> Iterator[None]:
    """Turn Ctrl-C into a sentence; what was done is committed by then."""
    try:
        yield
    except KeyboardInterrupt:
        click.echo("\nStopped; what is done is kept. The same command goes on from here.", err=True)
        raise click.exceptions.Exit(130) from None


def run_each(
    run: "Callable[[str, OnStep], Progress]", sources: Sequence[str], collection: Path
) -> None:
    """Run over sources one after the other and say what became of each."""
    for source in sources:
        run_once(partial(run, source), collection)


def run_once(run: "Callable[[OnStep], Progress]", collection: Path) -> None:
    """Run with bars, Ctrl-C included, and say what became of the inputs."""
    with stopping(), progress_bars() as progress:
        counts = run(progress)
    click.echo(told(counts, collection))


def told(progress: "Progress", collection: Path) -> str:
    """Return in one line what became of the inputs of a run."""
    cut = f" ({progress.cut_short:,} cut short)" if progress.cut_short else ""
    counts = ((progress.relabelled, "labelled anew"), (progress.vanished, "no longer there"))
    more = "".join(f", {count:,} {what}" for count, what in counts if count)
    hint = f"; see: taxalens status -c {collection}" if progress.failed or cut else ""
    return (
        f"{collection}: {progress.embedded:,} embedded{cut}, "
        f"{counted(progress.duplicates, 'duplicate')}, {progress.failed:,} failed{more}{hint}"
    )
