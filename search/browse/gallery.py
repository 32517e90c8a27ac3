"""A collection that can be looked through: what a page asks before anybody has a query.

Each method imports what it uses, so that a search does not wait for it.
"""

from collections.abc import Callable, Sequence
from functools import lru_cache, partial
from typing import TYPE_CHECKING

from indexer.backends import Rows
from indexer.backends.selection import Selection
from model.errors import UnknownName
from model.once import once
from search.hits import Hit, Hits
from search.opened import Opened
from search.query.filters import Filters

if TYPE_CHECKING:
    from indexer.ingest.journal import Statement
    from search.browse.children import Child
    from search.browse.colours import Groups
    from search.browse.completion import Completion
    from search.browse.facets import Facet
    from search.browse.order import CladeOrder, IdOrder
    from search.browse.space import Points
    from search.browse.time_and_place import Places, Times
    from search.label.review import Act

EVERYTHING = Filters()


class Gallery(Opened):
    """One generation of a collection, to be looked through."""

    def browse(
        self, order: str = "newest", filters: Filters = EVERYTHING, k: int = 100, skip: int = 0
    ) -> Hits:
        """Return k images after the first `skip`, in an order of `listing.ORDERS`."""
        from search.browse.listing import list_images, sql_of

        ordered = self._ordered(sql_of(order))
        return list_images(self.snapshot, self._passing(filters), ordered, k, skip)

    def look_up(self, image_id: str) -> Hit:
        """Return an image as `collection[image_id]` does, sooner where many are looked up.

        Raises UnknownName.
        """
        for hit in self.shown(self._ids.rows_of(self.snapshot, image_id)):
            if hit.image_id == image_id:
                return hit
        raise UnknownName(f"{self.snapshot.folder} has no image with the id {image_id!r}.")

    def count(self, filters: Filters = EVERYTHING) -> int:
        """Return the number of images that pass the filters."""
        return len(self._passing(filters))

    def facets(self, filters: Filters = EVERYTHING, most: int = 12) -> "tuple[Facet, ...]":
        """Return the columns with few values, each with its most frequent ones and their counts."""
        return self._facets(self._passing(filters), most)

    def points(self, filters: Filters = EVERYTHING, layout: str = "pca") -> "Points":
        """Return the images that pass the filters as points of a plane, alike ones side by side.

        `layout` is one of `space.LAYOUTS`; of very many images the points are a random sample.
        """
        return self._points(self._passing(filters), layout)

    def groups(self, points: "Points", by: str) -> "Groups":
        """Return points in groups by a rank, a column or BY_WHO: one of `colourings`."""
        return self._groups(points, by)

    @once
    def colourings(self) -> tuple[str, ...]:
        """What points can be coloured by."""
        from search.browse.colours import colourings

        return colourings(self.snapshot)

    def lay_out(self) -> int:
        """Lay the images out by UMAP, which takes minutes; return the number of points."""
        from search.browse.space import lay_out

        return lay_out(self.snapshot, self.nearest.exact)

    @property
    def is_laid_out(self) -> bool:
        """Whether UMAP has laid out the images as they are now."""
        from search.browse.space import is_laid_out

        return is_laid_out(self.snapshot, self.nearest.exact)

    def times(self, filters: Filters = EVERYTHING) -> "Times":
        """Return how many images that pass the filters are of each year and day of the year."""
        from search.browse.time_and_place import times

        return times(self.snapshot, self._passing(filters))

    def places(self, filters: Filters = EVERYTHING) -> "Places":
        """Return where the images that pass the filters were taken, as far as may be shown."""
        from search.browse.time_and_place import places

        return places(self.snapshot, self._passing(filters))

    def shown(self, rows: Rows) -> Hits:
        """Return images by their rows, as hits of score 1."""
        from search.browse.listing import hits_of_rows

        return hits_of_rows(self.snapshot, rows)

    def complete(self, start: str, k: int = 8) -> "tuple[Completion, ...]":
        """Return the names and labels that begin so, those with most images first."""
        from search.browse.completion import complete

        return complete(self.snapshot, self._clades, self.names.taxonomy, start, k)

    def children(self, key: str = "") -> "tuple[Child, ...]":
        """Return the taxa right below the one of a key, "" for the top, with their images."""
        from search.browse.children import children

        return children(self.snapshot, self._clades, key)

    def species_with_few(self, fewer_than: int) -> "tuple[Child, ...]":
        """Return the species that fewer images than this are labelled with, the rarest first."""
        from search.browse.children import species_with_few

        return species_with_few(self.snapshot, self._clades, fewer_than)

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

    @once
    def _points(self) -> "Callable[[Selection, str], Points]":
        """The points of the selections of late: each costs a look at all of its vectors."""
        from search.browse.space import points

        return lru_cache(maxsize=4)(partial(points, self.snapshot, self.nearest.exact))

    @once
    def _groups(self) -> "Callable[[Points, str], Groups]":
        from search.browse.colours import groups

        snapshot = self.snapshot
        return lru_cache(maxsize=8)(lambda points, by: groups(snapshot, points.rows, by))

    @once
    def _ordered(self) -> "Callable[[str], Rows]":
        """The rows in an order: a page would sort all images anew."""
        from search.browse.order import rows_by

        return lru_cache(maxsize=4)(partial(rows_by, self.snapshot))

    @once
    def _ids(self) -> "IdOrder":
        """The images by id: a wall asks for as many pictures as it has tiles."""
        from search.browse.order import id_order

        return id_order(self.snapshot)

    @once
    def _clades(self) -> "CladeOrder":
        """The images in the order of their taxa, to count and sample clades."""
        from search.browse.order import clade_order

        return clade_order(self.snapshot)

    def _passing(self, filters: Filters) -> Selection:
        return self.selections.of(filters.condition(self.names))
