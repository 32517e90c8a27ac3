"""A collection that is curated: what to look at again, to label next, or to name.

Each method imports what it uses, so that a search does not wait for it.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from indexer.store.derived import ADAPTATION, remove
from search.audit.findings import KINDS
from search.browse.gallery import Gallery
from search.query.filters import several

if TYPE_CHECKING:
    from search.audit.findings import Findings
    from search.audit.suggestions import Suggestions
    from search.ranking.adaptation import Adaptation
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

    def adapt(self) -> "Adaptation":
        """Learn the map of the labels and keep it, if it makes pictures find better.

        Takes seconds to minutes. `is_gain` tells whether it is kept; where not, an earlier one is
        removed. Raises Error where too few species are labelled, NotWritten where the collection
        cannot be written to.
        """
        from search.adapt.adapt import adapt

        return adapt(self.snapshot, self.nearest)

    def remove_adaptation(self) -> bool:
        """Remove the map that `adapt` kept; return whether there was one."""
        return remove(self.snapshot.folder, ADAPTATION) > 0

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
