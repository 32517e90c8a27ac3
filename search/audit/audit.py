"""Audits a collection: labels that are likely wrong, copies of a picture, outliers."""

import logging
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import PurePosixPath

import numpy as np

from indexer.backends import Rows
from indexer.backends.selection import Selection, selection_of
from indexer.catalog.snapshot import Snapshot
from indexer.ingest.missing_hashes import MISSING
from model.errors import UnknownName
from model.sizes import counted
from search.audit.copies import MOST, Copies, find_copies
from search.audit.copy_candidates import candidates_of, hashes_of
from search.audit.findings import (
    ALIKE,
    DUPLICATES,
    KINDS,
    LABELS,
    ORIGINAL,
    OUTLIERS,
    Finding,
    Findings,
)
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
_COMPARED = 10  # pairs compared for each finding that is wanted
_LOG = logging.getLogger("taxalens")


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
    if {DUPLICATES, ALIKE, OUTLIERS} & set(kinds):
        near = nearest_others(nearest, among, NEIGHBOURS)
        if DUPLICATES in kinds or ALIKE in kinds:
            contents = _contents(snapshot, near.rows)
            copies = _copies(snapshot, near, contents, max(MOST, _COMPARED * k))
            if DUPLICATES in kinds:
                findings += _duplicates(snapshot, nearest, near, classes, copies, k)
            if ALIKE in kinds:
                findings += _alike(snapshot, near, contents, classes, copies, k)
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


def _copies(snapshot: Snapshot, near: NearestOthers, contents: Numbers, most: int) -> list[Copies]:
    """Return the pictures that occur several times, and say where some may be missing."""
    hashes, hashed = hashes_of(snapshot, near.rows)
    candidates = candidates_of(near, contents, hashes, hashed)
    ((missing,),) = snapshot.query(f"SELECT count(*) FROM ({MISSING})")
    if missing:
        _LOG.warning(
            "%s without a perceptual hash: copies of them are found by their vectors alone; "
            "taxalens update computes it.",
            counted(missing, "picture"),
        )
    if len(candidates.pairs) > most:
        _LOG.warning(
            "Of %s likely pairs of copies the likeliest %s are compared; a larger k compares more.",
            f"{len(candidates.pairs):,}",
            f"{most:,}",
        )
    return find_copies(snapshot, near.rows, contents, candidates, most)


def _duplicates(
    snapshot: Snapshot,
    nearest: Nearest,
    near: NearestOthers,
    classes: Classes,
    copies: Sequence[Copies],
    k: int,
) -> Iterator[Finding]:
    told = [(_labels_that_differ(classes, each.members), each) for each in copies]
    told.sort(key=lambda each: (-len(each[0]), -len(each[1].copies), each[1].original))
    shown = 0
    for number, (labels, group) in enumerate(told, start=1):
        if shown >= k:
            return
        members = group.members[: max(k, 2)]
        shown += len(members)
        hits = _hits(snapshot, near.rows[members].tolist(), DUPLICATES)
        vectors = nearest.exact.gather(near.rows[members]).astype(np.float32)
        changes = (ORIGINAL, *(change for _, change in group.copies))
        of = counted(len(group.copies), "copy", "copies")
        cohort = f"group {number}: {of} of {hits[0].file_name}{_labelled(classes, labels)}"
        cosines = vectors @ vectors[0]
        cosines[0] = cosines[1:].max()
        for nth, (place, hit) in enumerate(zip(members.tolist(), hits, strict=True)):
            rest = tuple(hits[:1] if nth else hits[1 : _EVIDENCE + 1])
            other = _others(classes, labels, place)
            score = min(1.0, float(cosines[nth]))
            yield Finding(DUPLICATES, cohort, hit, other, score, rest, changes[nth])


def _alike(
    snapshot: Snapshot,
    near: NearestOthers,
    contents: Numbers,
    classes: Classes,
    copies: Sequence[Copies],
    k: int,
) -> Iterator[Finding]:
    """Yield pictures that look the same, but are no copies, and whose labels contradict."""
    numbers = duplicate_groups(near, contents)
    again = np.zeros(len(numbers), np.bool_)
    for group in copies:
        again[group.members[1:]] = True
    order = np.flatnonzero(~again)
    order = order[np.argsort(numbers[order], kind="stable")]
    groups = np.split(order, np.flatnonzero(np.diff(numbers[order])) + 1)
    several = [each for each in groups if len(each) > 1]
    told = [(_labels_that_differ(classes, members), members) for members in several]
    told = [each for each in told if each[0]]
    told.sort(key=lambda each: (-len(each[0]), -len(each[1]), int(each[1][0])))
    shown = 0
    for number, (labels, members) in enumerate(told, start=1):
        if shown >= k:
            return
        some = members[: max(k, 2)]
        shown += len(some)
        cohort = f"group {number}: {len(members):,} images nearly alike{_labelled(classes, labels)}"
        hits = _hits(snapshot, near.rows[some].tolist(), ALIKE)
        for place, hit in zip(some.tolist(), hits, strict=True):
            rest = tuple(each for each in hits[: _EVIDENCE + 1] if each is not hit)[:_EVIDENCE]
            score = min(1.0, float(near.scores[place, 0]))
            yield Finding(ALIKE, cohort, hit, _others(classes, labels, place), score, rest)


def _labelled(classes: Classes, labels: Sequence[int]) -> str:
    names = [classes.names[each] for each in labels]
    return f", labelled {', '.join(names)}" if names else ""


def _others(classes: Classes, labels: Sequence[int], place: int) -> str:
    """Return the labels of a group but the image's own."""
    own = int(classes.of[place])
    return ", ".join(classes.names[each] for each in labels if each != own)


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
