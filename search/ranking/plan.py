"""The plan of a search: compare rows one by one, or look into lists of the index, and why.

Times are nanoseconds a row or code, as measured on one core with 512 numbers a vector
(docs/benchmarks/search.md); only how they compare matters.
"""

from dataclasses import dataclass

from indexer.backends.lists import Effort, ListIndex
from indexer.backends.selection import Selection
from indexer.store.manifest import IndexEntry

SLICE, GATHER = 60, 230  # a row compared that lies beside the last one, or anywhere
LIST, CODE, CHOSEN_CODE, RERANKED = 50, 20, 25, 400  # a list weighed; a code, one with a filter; …
CALL = 50_000  # a search
FEW, CLADE_SHARE = 2_500, 0.01  # rows that are always compared; a clade of that share, too
_FEW_LISTS = 0.5  # of all, which all are looked at where rows that may answer are in them alone
_SPARSER = 1.5  # times the lists that a sparse filter calls for: a margin, as it is not measured
_CLOSER = 2  # times the rows reranked: the best of a few differ less than the best of all
_UNMEASURED = 4  # times the effort for pictures, for texts that nobody measured


@dataclass(frozen=True, slots=True)
class Plan:
    """How one search finds its rows."""

    rows: int
    """the number that may answer"""
    effort: Effort | None
    """the part of the index that is looked at; None compares every row that may answer"""
    why: str

    def __str__(self) -> str:
        """Describe it in one line."""
        if self.effort is None:
            return f"compares {self.rows:,} rows one by one: {self.why}"
        probes, reranked = self.effort.probes, self.effort.reranked
        return (
            f"looks for {self.rows:,} rows in {probes:,} lists of the index and compares the best "
            f"{reranked:,}: {self.why}"
        )


def choose(
    among: Selection, total: int, of_text: bool, index: ListIndex | None, entry: IndexEntry | None
) -> Plan:
    """Choose the cheapest plan that reaches the measured recall, for a text or a picture.

    `among` are the rows that may answer, of `total`. The number of queries asked together does
    not matter: each is answered as if it were alone.
    """
    rows = len(among)
    if index is None or entry is None:
        return Plan(rows, None, "the collection has no index")
    covered = among.between(0, len(index))
    if not len(covered):
        return Plan(rows, None, "the index knows none of them")
    if rows <= max(FEW, CLADE_SHARE * total if among.is_slice else 0):
        return Plan(rows, None, "they are few")
    exact = _exact_cost(among)
    effort = _effort(covered, index, entry, of_text)
    lists = len(index.lists_of(covered))
    cost = _cost(index, lists, effort, CHOSEN_CODE if rows < total else CODE)
    cost += _exact_cost(among.between(len(index), total))
    if exact <= cost:
        return Plan(rows, None, f"an index would take {cost / exact:.1f} times as long")
    return Plan(rows, effort, f"{exact / cost:.1f} times quicker, of {lists:,} where they can be")


def _cost(index: ListIndex, lists: int, effort: Effort, code: int) -> float:
    codes = len(index) * effort.probes / index.lists
    return CALL + lists * LIST + codes * code + effort.reranked * RERANKED


def _exact_cost(among: Selection) -> float:
    return len(among) * (SLICE if among.is_slice else GATHER)


def _effort(covered: Selection, index: ListIndex, entry: IndexEntry, of_text: bool) -> Effort:
    """Grow the effort measured on all rows to one with the same recall among some of them."""
    known = entry.text if of_text else entry.image
    if known is None:
        effort = Effort(entry.image.probes * _UNMEASURED, entry.image.reranked * _UNMEASURED)
    else:
        effort = Effort(known.probes, known.reranked)
    if len(covered) == len(index):
        return effort
    lists = index.lists_of(covered)
    reranked = effort.reranked * _CLOSER
    if len(lists) <= index.lists * _FEW_LISTS or (covered.is_slice and index.cuts is not None):
        # The query may resemble nothing in this clade, so all its lists count.
        return Effort(len(lists), reranked)
    share = len(covered) / index.membership.sizes[lists.array].sum()
    return Effort(min(len(lists), round(_SPARSER * effort.probes / share**0.5)), reranked)


def twice(effort: Effort, covered: Selection, index: ListIndex) -> Effort | None:
    """Return an effort of twice as many lists, or None where it costs less to compare all rows."""
    lists = len(index.lists_of(covered))
    more = Effort(min(lists, 2 * effort.probes), effort.reranked)
    return more if _cost(index, lists, more, CHOSEN_CODE) < _exact_cost(covered) else None
