"""A collection that can be looked through: what a page asks before anybody has a query."""

from indexer.backends.selection import Selection
from search.browse.children import Child, children, species_with_few
from search.browse.completion import Completion, complete
from search.browse.facets import Facet, facets
from search.browse.listing import NEWEST, list_images
from search.hits import Hits
from search.opened import Opened
from search.query.filters import Filters

EVERYTHING = Filters()


class Gallery(Opened):
    """One generation of a collection, to be looked through."""

    def browse(
        self, order: str = NEWEST, filters: Filters = EVERYTHING, k: int = 100, skip: int = 0
    ) -> Hits:
        """Return k images after the first `skip`: "newest", by "taxon" or at "random"."""
        return list_images(self.snapshot, self._passing(filters), order, k, skip)

    def count(self, filters: Filters = EVERYTHING) -> int:
        """Return the number of images that pass the filters."""
        return len(self._passing(filters))

    def facets(self, filters: Filters = EVERYTHING, most: int = 12) -> tuple[Facet, ...]:
        """Return the columns with few values, each with its most frequent ones and their counts."""
        return facets(self.snapshot, self._passing(filters), most)

    def complete(self, start: str, k: int = 8) -> tuple[Completion, ...]:
        """Return the names and labels that begin so, those with most images first."""
        return complete(self.snapshot, self.names.taxonomy, start, k)

    def children(self, key: str = "") -> tuple[Child, ...]:
        """Return the taxa right below the one of a key, "" for the top, with their images."""
        return children(self.snapshot, key)

    def species_with_few(self, fewer_than: int) -> tuple[Child, ...]:
        """Return the species that fewer images than this are labelled with, the rarest first."""
        return species_with_few(self.snapshot, fewer_than)

    def _passing(self, filters: Filters) -> Selection:
        return self.selections.of(filters.condition(self.names))
