"""Cohorts: images to review together, since one look decides about all of them."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

from search.audit.findings import LABELS, Findings
from search.audit.suggestions import Suggestions
from search.hits import Hit
from search.identify.morphospecies import Morphospecies


@dataclass(frozen=True, slots=True)
class ReviewItem:
    """One image to review."""

    hit: Hit
    cohort: str
    """"12 labelled Pica pica look like Pica hudsonia" """
    looks_like: str
    """the label that it seems to deserve; "" where nothing is labelled"""
    reason: str


def likely_wrong(findings: Findings) -> tuple[ReviewItem, ...]:
    """Return the images whose label is likely wrong, the cohort with most of them first."""
    items = [
        ReviewItem(each.hit, each.cohort, each.looks_like, f"labelled {each.hit.label}")
        for each in findings
        if each.kind == LABELS
    ]
    return _together(items)


def by_machine(hits: Iterable[Hit]) -> tuple[ReviewItem, ...]:
    """Return images that a machine has labelled, those of one label together."""
    items = []
    for hit in hits:
        sure = "" if hit.confidence is None else f"confidence {hit.confidence:.2f}"
        name = f"a machine says {hit.identification}"
        items.append(ReviewItem(hit, name, hit.identification, sure))
    return _together(items)


def to_label_next(suggestions: Suggestions) -> tuple[ReviewItem, ...]:
    """Return the images that are worth a label, the most telling first."""
    return tuple(
        ReviewItem(each.hit, "worth a label", each.looks_like, each.reason) for each in suggestions
    )


def to_name(found: Morphospecies) -> tuple[ReviewItem, ...]:
    """Return the images like nothing labelled, those of one morphospecies together."""
    return tuple(
        ReviewItem(each.hit, f"{each.label}: nearest {each.nearest}", each.label, "new here")
        for each in found
    )


def _together(items: list[ReviewItem]) -> tuple[ReviewItem, ...]:
    """Sort by cohort, the largest first; inside by folder, so that a sequence stays together."""
    sizes = Counter(item.cohort for item in items)
    items.sort(key=lambda item: (-sizes[item.cohort], item.cohort, item.hit.source_id))
    return tuple(items)
