"""Labels on the command line: first what examples tell of them, then the labels themselves."""

from collections import deque
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pyarrow as pa
from tqdm import tqdm

from model.sizes import counted
from model.taxon import RANKS, Taxon
from search.label.label_sets import LabelSet
from search.label.labelling import Labelling, labels_in
from search.text_table import Row
from ui.tables import writer

COLUMNS = (
    *("file_name", "label", *map(str, RANKS), "confidence", "labels", "clade", "clade_rank"),
    *("set", "evidence", "cosines", "nearest", "image_id", "taxon_key", "method", "remarks"),
)
_KINDS = {
    **dict.fromkeys(("confidence", "nearest"), pa.float64()),
    **dict.fromkeys(("labels", "evidence"), pa.list_(pa.string())),
    "cosines": pa.list_(pa.float32()),
}
SCHEMA = pa.schema([(name, _KINDS.get(name, pa.string())) for name in COLUMNS])
SHOWN = ("confidence", "label", "nearest", "file_name")
SHOWN_WITH_SETS = ("confidence", "label", "set", "nearest", "file_name")
MOST_CONFUSED = 5


def told(labelling: Labelling) -> Iterator[str]:
    """Yield lines that say what was learned, and how well: before anything is written."""
    learner = labelling.learner
    shots = learner.reference.sizes
    each = f"{shots.min()} to {shots.max()}" if shots.min() < shots.max() else f"{shots.min()}"
    yield f"{len(learner.reference):,} examples of {len(shots):,} classes, {each} of each"
    if missing := learner.examples.unmatched:
        some = ", ".join(missing[:5]) + (", …" if len(missing) > 5 else "")
        yield f"{len(missing):,} lines of the examples match no image: {some}"
    if doubtful := learner.examples.doubtful:
        yield f"not examples: {counted(doubtful, 'image')} with a doubtful label (cf., aff. or ?)"
    if learner.left_out is None:
        yield (
            "One example of each class: none can be left out, so how often labels are right and "
            "how sure one is remains unknown."
        )
        return
    left = learner.left_out
    yield f"leave-one-out top-1 of {len(left.classes):,} examples: {left.accuracy:.3f}"
    if labelling.novelty:
        yield labelling.novelty.describe_classes(labelling.share)
    for pair in learner.confused()[:MOST_CONFUSED]:
        yield f"  {pair.label} taken for {pair.answer}: {pair.times} of {pair.examples}"


def label_images(labelling: Labelling, format_: str, output: Path | None, write: bool) -> str:
    """Show the labels as they are made, save them, and return one line that says so."""
    given = 0
    shown_columns = SHOWN_WITH_SETS if labelling.sets else SHOWN

    def shown() -> Iterator[pa.RecordBatch]:
        nonlocal given
        with (
            writer(SCHEMA, format_, output, shown_columns) as show,
            tqdm(total=len(labelling), unit=" images") as bar,
        ):
            for batch in labelling.batches():
                show(rows_of(batch))
                given += labels_in(batch)
                bar.update(len(batch))
                yield batch

    if write:
        labelling.save(shown())
    else:
        deque(shown(), maxlen=0)
    done = f"{given:,} of {counted(len(labelling), 'image')} labelled"
    if not len(labelling):
        alone = labelling.left_alone
        why = (
            f"the {counted(alone, 'image')} chosen are examples or have a person's label; "
            "--relabel adds a machine's label beside a person's"
            if alone
            else "no image passes the filters"
        )
        return f"Nothing to label: {why}"
    if given < len(labelling):
        done += f", the others not surely enough (--precision {labelling.precision:g})"
    return done + ("" if write else "; nothing was written")


def rows_of(batch: pa.RecordBatch) -> list[Row]:
    """Return a batch of labels under COLUMNS; `nearest` is the cosine with the nearest example."""
    rows = []
    for line in batch.to_pylist():
        taxon = _taxon(line["taxon_key"] or "")
        ranks = dict(zip(map(str, RANKS), taxon.lineage, strict=True))
        confidence = None if line["confidence"] is None else round(line["confidence"], 4)
        nearest = line["cosines"][0]
        labels = tuple(line["labels"] or ())
        told = LabelSet(labels, line["clade"] or "", line["clade_rank"] or "")
        made = {
            "confidence": confidence,
            "labels": [*labels],
            "set": str(told) if labels else "",
            "nearest": nearest,
        }
        rows.append(line | ranks | made)
    return rows


@lru_cache(10_000)
def _taxon(key: str) -> Taxon:
    return Taxon.from_key(key)
