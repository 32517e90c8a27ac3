"""A collection that can be looked through: what a page asks before anybody has a query.

Each method imports what it uses, so that a search does not wait for it.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from indexer.backends.selection import Selection
from model.once import once
from search.hits import Hits
from search.opened import Opened
from search.query.filters import Filters

if TYPE_CHECKING:
    from indexer.ingest.journal import Statement
    from search.browse.children import Child
    from search.browse.completion import Completion
    from search.browse.facets import Facet
    from search.label.review import Act

EVERYTHING = Filters()


class Gallery(Opened):
    """One generation of a collection, to be looked through."""

    def browse(
        self, order: str = "newest", filters: Filters = EVERYTHING, k: int = 100, skip: int = 0
    ) -> Hits:
        """Return k images after the first `skip`, in an order of `listing.ORDERS`."""
        from search.browse.listing import list_images

        return list_images(self.snapshot, self._passing(filters), order, k, skip)

    def count(self, filters: Filters = EVERYTHING) -> int:
        """Return the number of images that pass the filters."""
        return len(self._passing(filters))

    def facets(self, filters: Filters = EVERYTHING, most: int = 12) -> "tuple[Facet, ...]":
        """Return the columns with few values, each with its most frequent ones and their counts."""
        return self._facets(self._passing(filters), most)

    def complete(self, start: str, k: int = 8) -> "tuple[Completion, ...]":
        """Return the names and labels that begin so, those with most images first."""
        from search.browse.completion import complete

        return complete(self.snapshot, self.names.taxonomy, start, k)

    def children(self, key: str = "") -> "tuple[Child, ...]":
        """Return the taxa right below the one of a key, "" for the top, with their images."""
        from search.browse.children import children

        return children(self.snapshot, key)

    def species_with_few(self, fewer_than: int) -> "tuple[Child, ...]":
        """Return the species that fewer images than this are labelled with, the rarest first."""
        from search.browse.children import species_with_few

        return species_with_few(self.snapshot, fewer_than)

    def label_as(
        self, image_ids: Sequence[str], label: str | None, by: str, remarks: str = ""
    ) -> "Act":
        """Label images as a person says, or with None confirm the labels that they have.

        The act is on disk when this returns; `keep_labels` makes searches know it.
        """
        from search.label.review import label_images

        return label_images(self.names, image_ids, label, by, remarks)

    def take_back(self, act: "Act") -> None:
        """Say again what was said of the images before an act."""
        from search.label.review import take_back

        take_back(self.snapshot, act)

    def keep_labels(self) -> int:
        """Commit the acts so far as a new generation; return how many statements that is."""
        from indexer.ingest.journal import fold

        return fold(self.snapshot.folder)

    @property
    def has_acts(self) -> bool:
        """Whether acts wait for `keep_labels`."""
        from indexer.store.journal_file import JOURNAL

        return (self.snapshot.folder / JOURNAL).exists()

    def said_of(self, image_ids: Sequence[str]) -> "dict[str, Statement]":
        """Return what is said of images now, by their ids; acts count before they are committed."""
        from search.label.review import said_now

        return said_now(self.snapshot, image_ids)

    def history(self, image_id: str) -> "tuple[Statement, ...]":
        """Return all that was ever said of an image, the first first."""
        from search.label.review import history

        return history(self.snapshot, image_id)

    @once
    def _facets(self) -> "Callable[[Selection, int], tuple[Facet, ...]]":
        """The facets of the selections of late: each costs a pass for every column."""
        from search.browse.facets import facets

        return lru_cache(maxsize=8)(partial(facets, self.snapshot))

    def _passing(self, filters: Filters) -> Selection:
        return self.selections.of(filters.condition(self.names))
