"""Audits a collection: labels that are likely wrong, likely duplicates, outliers."""

from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

import numpy as np

from indexer.backends import Rows
from indexer.backends.selection import Selection, selection_of
from indexer.catalog.snapshot import Snapshot
from model.errors import UnknownName
from search.audit.findings import DUPLICATES, KINDS, LABELS, OUTLIERS, Finding, Findings
from search.audit.label_classes import UNLABELLED, Classes, Numbers, classes_of
from search.audit.label_errors import label_errors
from search.audit.near_duplicates import (
    NearestOthers,
    duplicate_groups,
    nearest_others,
    outlier_scores,
)
from search.counts import count
from search.hits import Hit, hits_of
from search.ranking.nearest import Nearest

NEIGHBOURS = 10  # that are looked at for duplicates and outliers
FAR = 3.0  # robust standard deviations from which an image is an outlier
_EVIDENCE = 3  # images shown for each finding


def audit(
    snapshot: Snapshot, nearest: Nearest, among: Selection, kinds: Sequence[str], k: int
) -> Findings:
    """Return the k worst findings of each kind; of duplicates group by group, until they are k.

    Memory holds some numbers for each image, and the vectors of one block. Raises
    UnknownName for an unknown kind, BadInput for a k below 1.
    """
    count(k, "k", "findings of each kind")
    if wrong := [each for each in kinds if each not in KINDS]:
        raise UnknownName(f"Unknown kind {wrong[0]!r}; choose one of {', '.join(KINDS)}.")
    classes = classes_of(snapshot, among)
    findings: list[Finding] = []
    if LABELS in kinds:
        findings += _labels(snapshot, nearest, classes, k)
    if DUPLICATES in kinds or OUTLIERS in kinds:
        near = nearest_others(nearest, among, NEIGHBOURS)
        if DUPLICATES in kinds:
            findings += _duplicates(snapshot, near, classes, k)
        if OUTLIERS in kinds:
            findings += _outliers(snapshot, near, k)
    return Findings(tuple(findings), len(among))


def _labels(snapshot: Snapshot, nearest: Nearest, classes: Classes, k: int) -> Iterator[Finding]:
    found = label_errors(nearest.exact, classes)
    flagged = np.flatnonzero(found.scores > 0)
    flagged = flagged[np.argsort(-found.scores[flagged], kind="stable")]
    cohorts = _cohorts(snapshot, classes, flagged, found.others)
    for place in flagged[:k].tolist():
        other = int(found.others[place])
        row = classes.rows[place : place + 1]
        like = classes.rows[(classes.of >= other) & (classes.of < classes.stop[other])]
        (_, near), _ = nearest.search(nearest.exact.gather(row), _EVIDENCE, selection_of(like))
        hit, *evidence = _hits(snapshot, [int(row[0]), *near[0].tolist()], LABELS)
        score = float(found.scores[place])
        yield Finding(LABELS, cohorts[place], hit, classes.names[other], score, tuple(evidence))


def _cohorts(
    snapshot: Snapshot, classes: Classes, flagged: Rows, others: Numbers
) -> dict[int, str]:
    """Return what each flagged image has in common: both labels, else its folder."""
    pairs = {int(place): (int(classes.of[place]), int(others[place])) for place in flagged}
    counts = Counter(pairs.values())
    alone = [place for place, pair in pairs.items() if counts[pair] == 1]
    told = snapshot.query(_SOURCES, classes.rows[alone].tolist())
    folder_of = {row: str(PurePosixPath(source).parent) for row, source in told}
    folders = {place: folder_of[int(classes.rows[place])] for place in alone}
    crowded = Counter(folders.values())
    cohorts = {}
    for place, pair in pairs.items():
        label, other = (classes.names[each] for each in pair)
        look = "looks" if counts[pair] == 1 else "look"
        cohorts[place] = f"{counts[pair]:,} labelled {label} {look} like {other}"
        if crowded[folders.get(place, "")] > 1:
            folder = folders[place]
            cohorts[place] = f"{crowded[folder]:,} in {folder} look like several others"
    return cohorts


def _duplicates(
    snapshot: Snapshot, near: NearestOthers, classes: Classes, k: int
) -> Iterator[Finding]:
    numbers = duplicate_groups(near, _contents(snapshot, near.rows))
    order = np.argsort(numbers, kind="stable")
    cuts = np.flatnonzero(np.diff(numbers[order])) + 1
    several = [each for each in np.split(order, cuts) if len(each) > 1]
    told = [(_labels_that_differ(classes, members), members) for members in several]
    told.sort(key=lambda each: (-len(each[0]), -len(each[1]), int(each[1][0])))
    shown = 0
    for number, (labels, members) in enumerate(told, start=1):
        if shown >= k:
            return
        shown += min(len(members), k)
        names = [classes.names[each] for each in labels]
        said = f", labelled {', '.join(names)}" if names else ""
        cohort = f"group {number}: {len(members):,} images alike{said}"
        some = members[: max(k, 2)]
        hits = _hits(snapshot, near.rows[some].tolist(), DUPLICATES)
        for place, hit in zip(some.tolist(), hits, strict=True):
            rest = tuple(each for each in hits[: _EVIDENCE + 1] if each is not hit)[:_EVIDENCE]
            own = int(classes.of[place])
            other = ", ".join(classes.names[each] for each in labels if each != own)
            score = min(1.0, float(near.scores[place, 0]))
            yield Finding(DUPLICATES, cohort, hit, other, score, rest)


def _labels_that_differ(classes: Classes, members: Rows) -> list[int]:
    """Return the labels of a group, if any two contradict each other; a genus does no species."""
    known = sorted(set(classes.of[members].tolist()) - {UNLABELLED})
    differ = any(other >= classes.stop[each] for each in known for other in known if other > each)
    return known if differ else []


def _outliers(snapshot: Snapshot, near: NearestOthers, k: int) -> Iterator[Finding]:
    far = outlier_scores(near)
    flagged = np.flatnonzero(far > FAR)
    worst = flagged[np.argsort(-far[flagged], kind="stable")][:k]
    for place in worst.tolist():
        rows = near.rows[[place, *near.places[place, :_EVIDENCE].tolist()]]
        hit, *evidence = _hits(snapshot, rows.tolist(), OUTLIERS)
        yield Finding(OUTLIERS, "", hit, "", float(far[place]), tuple(evidence))


def _contents(snapshot: Snapshot, rows: Rows) -> Numbers:
    """Return a number for each row, equal where the files are equal to the bit."""
    found = snapshot.cursor().execute(_CONTENTS).fetchnumpy()
    order = np.searchsorted(found["row"], rows)
    contents: Numbers = found["content"][order].astype(np.int64)
    return contents


def _hits(snapshot: Snapshot, rows: Sequence[int], kind: str) -> list[Hit]:
    return hits_of(snapshot, (np.zeros(len(rows), np.float32), np.array(rows, np.int64)), kind)


_SOURCES = 'SELECT "row", source_id FROM images JOIN (SELECT unnest(?) AS "row") USING ("row")'
_CONTENTS = """
SELECT "row", CASE WHEN coalesce(sha256, '') = '' THEN -1 - "row"
    ELSE dense_rank() OVER (ORDER BY sha256) END AS content
FROM images ORDER BY "row"
"""
