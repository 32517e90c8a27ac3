"""Membership: the list of an index that each row is in, and the lists that some rows are in."""

from weakref import WeakKeyDictionary

import faiss
import numpy as np
import numpy.typing as npt

from indexer.backends import Rows
from indexer.backends.selection import Selection, selection_of
from model.once import once


class Membership:
    """The rows of an index by their lists, read when that is first asked for."""

    def __init__(self, codes: faiss.IndexIVF) -> None:
        self._codes = codes
        self._known: WeakKeyDictionary[Selection, Selection] = WeakKeyDictionary()

    @once
    def list_of(self) -> npt.NDArray[np.int32]:
        """(rows,) the list that each row is in."""
        list_of = np.empty(self._codes.ntotal, np.int32)
        held = self._codes.invlists
        for number in range(self._codes.nlist):
            if size := held.list_size(number):
                list_of[faiss.rev_swig_ptr(held.get_ids(number), size)] = number
        return list_of

    @once
    def sizes(self) -> Rows:
        """(lists,) the number of rows in each."""
        return np.bincount(self.list_of, minlength=self._codes.nlist)

    def lists_of(self, among: Selection) -> Selection:
        """Return the lists that hold rows of a selection."""
        lists = self._known.get(among)
        if lists is None:
            rows = slice(among.first, among.stop) if among.is_slice else among.array
            counts = np.bincount(self.list_of[rows], minlength=self._codes.nlist)
            lists = self._known[among] = selection_of(np.flatnonzero(counts))
        return lists
