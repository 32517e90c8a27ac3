"""The k nearest rows to vectors, found as planned; k means k."""

from dataclasses import dataclass

import numpy as np

from indexer.backends import Found
from indexer.backends.exact import Exact, best
from indexer.backends.lists import ListIndex
from indexer.backends.selection import Selection
from indexer.store.manifest import IndexEntry
from model.vectors import Features, Vectors
from search.ranking.plan import Plan, choose, twice

ON_A_CARD = "the vectors lie on a card"


@dataclass(frozen=True, slots=True)
class Nearest:
    """The vectors of a collection, and an index over the first of them if there is one."""

    exact: Exact
    index: ListIndex | None = None
    entry: IndexEntry | None = None

    def search(
        self, queries: Vectors | Features, k: int, among: Selection, of_text: bool = False
    ) -> tuple[Found, Plan]:
        """Return the k best rows of each query among some, and the plan.

        `queries` (n, dim) unit rows, of texts or of pictures. Scores (n, k') float32 and rows
        (n, k'), best first; k' is k, or the number of rows where there are fewer.
        """
        plan = choose(among, len(self.exact), of_text, self.index, self.entry)
        if plan.effort is None or self.index is None:
            return self.exact.search(queries, k, among), plan
        if self.exact.is_on_card:
            return self.exact.search(queries, k, among), Plan(len(among), None, ON_A_CARD)
        k = min(k, len(among))
        covered = among if len(among) == len(self.exact) else among.between(0, len(self.index))
        whole = len(covered) >= len(self.index)
        if whole:
            found = self.index.search(queries, k, None, plan.effort)
        else:
            found, plan = self._filtered(queries, k, covered, self.index, plan)
        appended = among.between(len(self.index), len(self.exact))
        if len(appended):
            found = best([found, self.exact.search(queries, k, appended)], k)
        return self._completed(queries, k, among, found), plan

    def _filtered(
        self, queries: Vectors | Features, k: int, covered: Selection, index: ListIndex, plan: Plan
    ) -> tuple[Found, Plan]:
        """Look into twice as many lists while hits still come from the last ones.

        Rows that may answer can be rare around a query and many elsewhere: any but the birds for a
        picture of a bird, those of another site for one of a camera.
        """
        effort, lists = plan.effort, len(index.lists_of(covered))
        assert effort
        scores, rows = index.search(queries, k, covered, effort)
        left = np.arange(len(queries))
        while effort and effort.probes < lists:
            left = left[index.are_late(queries[left], rows[left], covered, effort.probes)]
            if not len(left):
                break
            effort = twice(effort, covered, index)
            if effort:
                scores[left], rows[left] = index.search(queries[left], k, covered, effort)
            else:
                scores[left], rows[left] = self.exact.search(queries[left], k, covered)
            if len(left) == len(queries):
                plan = Plan(plan.rows, effort, "fewer lists held rows that are less like the query")
        return (scores, rows), plan

    def _completed(
        self, queries: Vectors | Features, k: int, among: Selection, found: Found
    ) -> Found:
        """Answer exactly the queries for which the index saw too few rows."""
        scores, rows = found
        short = np.flatnonzero((rows < 0).any(axis=1))
        if len(short):
            scores[short], rows[short] = self.exact.search(queries[short], k, among)
        return scores, rows
