"""Indexing as people start it: a folder in, a collection out, the cost said first."""

import sys
from pathlib import Path

from tqdm import tqdm

from indexer.labels import read_label_file
from indexer.news import unmatched
from indexer.pipeline import Progress
from indexer.run import How, index_source
from model.encoder import Encoder
from model.runtimes import AUTO


def index(
    source: Path | str,
    collection: Path | str = "taxalens.collection",
    *,
    encoder: str | Encoder | None = None,
    labels: Path | str | None = None,
    taxonomy: str | None = None,
    runtime: str = AUTO,
) -> Progress:
    """Index a folder of pictures into a collection and return how many inputs ended how.

    `encoder` is a spec or a loaded encoder: by default the collection's own, or `bioclip` for a
    new one. `labels` is a CSV or Parquet file, see `indexer.labels`; without one, folder names
    are the labels. `taxonomy` is the name or file of an imported one, in which labels are
    resolved, or "none"; by default the collection's own. `runtime` computes the vectors: "torch",
    "openvino", or what is quicker here. Progress goes to stderr. Raises Error
    for what cannot be done.
    """
    table = read_label_file(Path(labels)) if labels else {}
    if table and (missing := unmatched(str(source), table)):
        shown = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        sys.stderr.write(f"{len(missing)} of {len(table)} labels match nothing here: {shown}\n")
    how = How(runtime)
    steps = index_source(source, Path(collection), encoder, table, taxonomy, how)
    progress = next(steps)
    if progress.total:
        sys.stderr.write(f"{progress.total:,} new or changed pictures\n")
    with tqdm(total=progress.total, unit=" images", disable=not progress.total) as bar:
        for progress in steps:
            bar.update(progress.done - bar.n)
    return progress
