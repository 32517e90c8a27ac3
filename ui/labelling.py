"""Labels on the command line: first what examples tell of them, then the labels themselves."""

from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
from tqdm import tqdm

from indexer.ingest.identifications import write_identifications
from model.taxon import RANKS, Taxon
from search.labelling.few_shot import SCHEMA, Labelling
from search.labelling.leave_one_out import AUTO
from search.text_table import Row
from ui.streams import Stream

COLUMNS = (
    *("file_name", "label", *map(str, RANKS), "confidence", "labels", "evidence", "cosines"),
    *("image_id", "remarks"),
)
SHOWN = ("confidence", "label", "nearest", "file_name")
MOST_CONFUSED = 5


def told(labelling: Labelling, asked: str) -> Iterator[str]:
    """Yield lines that say what was learned, and how well: before anything is written."""
    learnt = labelling.learnt
    shots = learnt.support.shots
    each = f"{shots.min()} to {shots.max()}" if shots.min() < shots.max() else f"{shots.min()}"
    yield f"{len(learnt.support):,} examples of {len(shots):,} classes, {each} of each"
    if missing := learnt.examples.unmatched:
        some = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        yield f"{len(missing):,} lines of the examples match no image: {some}"
    if learnt.left_out is None:
        yield (
            f"One example of each class: none can be left out, so how well {learnt.method} does "
            "and how sure a label is remains unknown."
        )
        return
    tried = sorted(learnt.tried, key=lambda left: -left.accuracy)
    accuracies = [f"{left.method} {left.accuracy:.3f}" for left in tried]
    yield f"leave-one-out top-1 of {len(tried[0].classes):,} examples: {', '.join(accuracies)}"
    if asked == AUTO and "probe" not in [left.method for left in tried]:
        yield "probe was not tried: so many examples take it long; --method probe takes it."
    yield f"taken: {learnt.method}"
    for pair in learnt.confused()[:MOST_CONFUSED]:
        yield f"  {pair.label} taken for {pair.answer}: {pair.times} of {pair.examples}"


def label_images(labelling: Labelling, format_: str, output: Path | None, write: bool) -> str:
    """Show the labels as they are made, write them to the collection, and return what was done."""
    given = 0

    def shown() -> Iterator[pa.RecordBatch]:
        nonlocal given
        stream = Stream(SCHEMA, rows_of, COLUMNS, SHOWN)
        with tqdm(total=len(labelling), unit=" images") as bar:
            for batch in stream.through(labelling.batches(), format_, output):
                given += labels_in(batch)
                bar.update(len(batch))
                yield labelling.identifications(batch)

    if write:
        write_identifications(labelling.snapshot.folder, shown())
    else:
        deque(shown(), maxlen=0)
    done = f"{given:,} of {len(labelling):,} images labelled"
    if given < len(labelling):
        done += f", the others not surely enough (--precision {labelling.precision:g})"
    return done + ("" if write else "; nothing was written")


def keep(labelling: Labelling) -> int:
    """Write labels to their collection as what a machine says; return how many images got one.

    What people said stays. Raises CollectionError where the collection is in use.
    """
    given = 0

    def made() -> Iterator[pa.RecordBatch]:
        nonlocal given
        for batch in labelling.batches():
            given += labels_in(batch)
            yield labelling.identifications(batch)

    write_identifications(labelling.snapshot.folder, made())
    return given


def labels_in(batch: pa.RecordBatch) -> int:
    """Return how many images of a batch have a label, not being left out for lack of certainty."""
    return sum(map(bool, batch["label"].to_pylist()))


def rows_of(batch: pa.RecordBatch) -> list[Row]:
    """Return a batch of labels under COLUMNS and SHOWN."""
    rows = []
    for line in batch.to_pylist():
        taxon = _taxon(line["taxon_key"] or "")
        ranks = dict(zip(map(str, RANKS), taxon.lineage, strict=True))
        confidence = "" if line["confidence"] is None else round(line["confidence"], 4)
        nearest = line["cosines"][0]
        made = {"confidence": confidence, "labels": line["labels"] or [], "nearest": nearest}
        rows.append(line | ranks | made)
    return rows


@lru_cache(10_000)
def _taxon(key: str) -> Taxon:
    return Taxon.from_key(key)
