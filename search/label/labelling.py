"""Few-shot labelling: images get the labels of examples, each with its confidence and evidence.

Labels are made block by block as they are taken; nothing is written.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path

import numpy as np
import pyarrow as pa

from indexer.backends import Rows
from indexer.backends.exact import Exact
from indexer.backends.selection import Selection, selection_of
from indexer.catalog.snapshot import Snapshot
from indexer.labels.label_files import Label
from indexer.store.segment import IDENTIFICATIONS
from model.times import utc_now
from model.vectors import Features, to_float32
from search import html
from search.classify.calibration import share_new
from search.classify.classifiers import Scores
from search.classify.novelty import Novelty
from search.classify.novelty_fitting import MOST_LEFT_OUT, MOST_UNLABELLED, can_fit, fit_novelty
from search.classify.reference_set import reference_set
from search.label.examples import ExampleClass, labelled_examples, read_examples
from search.label.human_labels import detected_rows, labelled_rows
from search.label.label_sets import label_sets
from search.label.learner import Learner, check, learn

SCHEMA = pa.schema(
    [
        ("image_id", pa.string()),
        ("file_name", pa.string()),
        ("label", pa.string()),  # "" where it is not sure enough
        ("taxon_key", pa.string()),  # null is no taxon
        ("confidence", pa.float64()),  # that it is right, 0 to 1; null where that is unknown
        ("method", pa.string()),
        ("remarks", pa.string()),
        ("labels", pa.list_(pa.string())),  # the conformal set, likeliest first; null if not asked
        ("clade", pa.string()),  # the deepest taxon that all of them are in; null for none
        ("clade_rank", pa.string()),
        ("evidence", pa.list_(pa.string())),  # ids of the nearest examples of that label
        ("cosines", pa.list_(pa.float32())),  # of these
    ]
)
EVIDENCE = 3  # examples
_TOGETHER = 8192  # images
_SCORES = 16_000_000  # in memory at once


@dataclass(frozen=True, slots=True, repr=False)
class Labelling:
    """Images that get labels, and what was learned to give them; see `Collection.label`."""

    snapshot: Snapshot
    exact: Exact
    images: Selection
    learner: Learner
    precision: float = 0.0
    sets: float = 0.0
    left_alone: int = 0
    """images of the selection that are examples, or that people labelled"""
    novelty: Novelty | None = None
    """how to tell images of classes without an example; None where that is not learnt"""
    share: float = 0.0
    """of the images that are of such classes"""

    def __repr__(self) -> str:
        """Describe it in one line."""
        return f"Labelling({len(self):,} images, {self.learner})"

    def __len__(self) -> int:
        """Return how many images get a label, or none for lack of certainty."""
        return len(self.images)

    def batches(self) -> Iterator[pa.RecordBatch]:
        """Yield batches of SCHEMA, in the order of rows; memory holds one."""
        size = min(_TOGETHER, max(1, _SCORES // len(self.learner.examples.said)))
        for start in range(0, len(self.images), size):
            yield self._batch(self.images.part(start, start + size).array)

    def to_arrow(self) -> pa.Table:
        """Return all as a table of SCHEMA."""
        return pa.Table.from_batches(self.batches(), SCHEMA)

    def save(self, batches: Iterable[pa.RecordBatch] | None = None) -> int:
        """Keep labels in the collection as machine labels; return how many images got one.

        `batches` are those of `batches()` that were taken already, by default all. Human labels
        stay. Raises CollectionError where the collection is in use.
        """
        from indexer.ingest.identifications import write_identifications

        given = 0

        def made() -> Iterator[pa.RecordBatch]:
            nonlocal given
            for batch in self.batches() if batches is None else batches:
                given += labels_in(batch)
                yield self.identifications(batch)

        write_identifications(self.snapshot.folder, made())
        return given

    def identifications(self, batch: pa.RecordBatch) -> pa.RecordBatch:
        """Return a batch of SCHEMA as one of `segment.IDENTIFICATIONS`: with who and when."""
        by = f"taxalens {version('taxalens')}, {self.snapshot.manifest.encoder.spec}"
        now = utc_now()
        told = {"identified_by": by, "date_identified": now}
        columns = [
            pa.repeat(told[name], len(batch)) if name in told else batch[name]
            for name in IDENTIFICATIONS.names
        ]
        return pa.record_batch(columns, schema=IDENTIFICATIONS)

    def _repr_html_(self) -> str:
        """Return what was confused, as a picture and as a list, as a notebook shows it."""
        columns = ("label", "taken for", "times", "of examples")
        confused = html.table(f"{len(self):,} images", columns, self.learner.confused())
        return self.learner._repr_html_() + confused

    def _batch(self, rows: Rows) -> pa.RecordBatch:
        learner = self.learner
        vectors = to_float32(self.exact.gather(rows))
        scores = learner.scores(vectors)
        answers = scores.argmax(axis=1)
        evidence, cosines = _evidence(learner, vectors, answers)
        said = [learner.examples.said[answer] for answer in answers.tolist()]
        confidences = learner.calibration.confidences(scores) if learner.calibration else None
        if confidences is not None and self.novelty:
            confidences *= 1 - share_new(self.novelty.log_odds(vectors), self.share)
        sure = [True] * len(rows) if confidences is None else confidences >= self.precision
        ids, names = _told(self.snapshot, rows)
        columns = [
            ids,
            names,
            [each.label if is_sure else "" for each, is_sure in zip(said, sure, strict=True)],
            [each.taxon_key if is_sure else None for each, is_sure in zip(said, sure, strict=True)],
            [None] * len(rows) if confidences is None else confidences,
            [f"votes of {learner}"] * len(rows),
            [_remark(each, is_sure) for each, is_sure in zip(said, sure, strict=True)],
            *self._sets(scores),
            evidence,
            cosines,
        ]
        arrays = [pa.array(c, field.type) for c, field in zip(columns, SCHEMA, strict=True)]
        return pa.record_batch(arrays, schema=SCHEMA)

    def _sets(self, scores: Scores) -> list[list[object]]:
        """Return the columns labels, clade and clade_rank of images with scores (n, classes)."""
        learner = self.learner
        if not (self.sets and learner.calibration and learner.misfits):
            return [[None] * len(scores)] * 3
        thresholds = learner.misfits.thresholds(self.sets)
        shares = learner.calibration.shares(scores)
        found = label_sets(shares, thresholds, learner.examples.said)
        columns = ([each.labels, each.clade or None, each.rank or None] for each in found)
        return [list(column) for column in zip(*columns, strict=True)] if found else [[], [], []]


def labels_in(batch: pa.RecordBatch) -> int:
    """Return how many images of a batch have a label that is certain enough."""
    return sum(map(bool, batch["label"].to_pylist()))


def label(
    snapshot: Snapshot,
    exact: Exact,
    images: Rows,
    examples: Path | str | Mapping[str, Label] | None = None,
    *,
    precision: float = 0.0,
    sets: float = 0.0,
    labelled: bool = False,
    novel: float | None = None,
) -> Labelling:
    """Learn from examples to label images, (n,) rows, except those that are examples.

    Images that people labelled are left out unless `labelled`; persons and vehicles that a
    detector found always are. See `Collection.label`.
    """
    if examples is None:
        found = labelled_examples(snapshot)
    else:
        found = read_examples(snapshot, Path(examples) if isinstance(examples, str) else examples)
    vectors = exact.gather(found.rows)
    reference = reference_set(vectors, found.classes)
    learner = learn(found, reference)
    check(learner, precision, sets)
    known = detected_rows(snapshot) if labelled else labelled_rows(snapshot)
    wanted = np.setdiff1d(images, np.union1d(found.known, known), assume_unique=True)
    novelty = _novelty(learner, exact, wanted)
    share = novelty.share(novel) if novelty else 0.0
    return Labelling(
        snapshot,
        exact,
        selection_of(wanted),
        learner,
        precision,
        sets,
        len(images) - len(wanted),
        novelty,
        share,
    )


def _novelty(learner: Learner, exact: Exact, images: Rows) -> Novelty | None:
    """Learn how images of classes without an example look, from an even part of all."""
    reference = learner.reference
    places = np.arange(len(reference))[:: max(1, -(-len(reference) // MOST_LEFT_OUT))]
    if not can_fit(reference, places):
        return None
    some = images[:: max(1, -(-len(images) // MOST_UNLABELLED))]
    return fit_novelty(reference, learner.voters.whitening, exact.gather(some), places)


def _evidence(
    learner: Learner, vectors: Features, answers: Rows
) -> tuple[list[list[str]], list[list[float]]]:
    """Return the ids of the examples of its answer that are nearest to each image, and cosines."""
    ids: list[list[str]] = [[] for _ in answers]
    cosines: list[list[float]] = [[] for _ in answers]
    for each in np.unique(answers):
        asked = np.flatnonzero(answers == each)
        members = np.flatnonzero(learner.reference.classes == each)
        products = vectors[asked] @ learner.reference.vectors[members].T
        order = np.argsort(-products, axis=1, kind="stable")[:, :EVIDENCE]
        for image, places, scores in zip(asked.tolist(), order.tolist(), products, strict=True):
            ids[image] = [learner.examples.image_ids[members[place]] for place in places]
            cosines[image] = [min(1.0, float(scores[place])) for place in places]
    return ids, cosines


def _remark(said: ExampleClass, sure: bool) -> str:
    return "" if sure else f"not sure enough to be {said.label}"


def _told(snapshot: Snapshot, rows: Rows) -> tuple[list[str], list[str]]:
    """Return the ids of images and where they are."""
    found = {row: rest for row, *rest in snapshot.query(_IMAGES, rows.tolist())}
    lines = [found[row] for row in rows.tolist()]
    places = [url or str(snapshot.path_of(source) or source) for _, source, url in lines]
    return [image_id for image_id, *_ in lines], places


_IMAGES = """
SELECT "row", image_id, source_id, url
FROM images JOIN (SELECT unnest(?) AS "row") USING ("row")
"""
