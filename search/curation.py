"""A collection that is curated: what to look at again, to label next, or to name.

Each method imports what it uses, so that a search does not wait for it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from search.audit.findings import KINDS
from search.browse.gallery import Gallery
from search.query.filters import several

if TYPE_CHECKING:
    from search.audit.findings import Findings
    from search.audit.suggestions import Suggestions
    from search.sequence_counts import SequenceCounts


Names = str | Sequence[str]


class Curation(Gallery):
    """One generation of a collection, to be curated."""

    def audit(
        self,
        kinds: Names = KINDS,
        k: int = 20,
        *,
        within: Names = (),
        where: str | None = None,
    ) -> "Findings":
        """Return the k worst findings of each kind (`search.audit.findings`) among the images."""
        from search.audit.audit import audit

        among = self.among(within, where or "")
        return audit(self.snapshot, self.nearest, among, several(kinds), k)

    def sequences(
        self, gap: float = 60.0, *, within: Names = (), where: str | None = None
    ) -> "SequenceCounts":
        """Count the taxa of each sequence of photographs at most `gap` seconds apart."""
        from search.sequence_counts import sequence_counts

        return sequence_counts(self.snapshot, self.among(within, where or "").array, gap)

    def suggest(
        self, k: int = 20, *, within: Names = (), where: str | None = None
    ) -> "Suggestions":
        """Return at most k unlabelled images to label next, among those that pass the filters."""
        from search.audit.suggestions import suggest

        return suggest(self.snapshot, self.nearest.exact, self.among(within, where or ""), k)
