"""The plan: which way is chosen for which rows, and how far an effort grows with a filter."""

import numpy as np
import pytest
from galleries import gallery

from indexer.backends.exact import Exact
from indexer.backends.lists import Effort, ListIndex, build
from indexer.backends.selection import Selection, selection_of
from indexer.backends.training import train_by_taxa
from indexer.store.manifest import EffortEntry, IndexEntry
from search.ranking.nearest import Nearest
from search.ranking.plan import FEW, Plan, choose, twice

ROWS, DIM = 30_000, 16
EVERY = Selection(range(ROWS))
PICTURES, TEXTS = EffortEntry(2, 50, 0.99), EffortEntry(5, 100, 0.99)


@pytest.fixture(scope="module")
def index() -> ListIndex:
    """Rows in the order of their taxa, in 320 lists by these."""
    exact = Exact([gallery(ROWS, DIM)])
    return build(exact, train_by_taxa(exact, 320))


def entry(text: EffortEntry | None = TEXTS) -> IndexEntry:
    return IndexEntry("", 0, "", ROWS, True, PICTURES, text)


def effort(
    index: ListIndex,
    among: Selection,
    total: int = ROWS,
    of_text: bool = False,
    text: EffortEntry | None = TEXTS,
) -> Effort:
    planned = choose(among, total, of_text, index, entry(text))
    assert planned.effort is not None, str(planned)
    return planned.effort


def every(nth: int) -> Selection:
    return selection_of(np.arange(0, ROWS, nth))


def test_without_a_filter_the_measured_effort_of_the_kind_of_query_is_taken(
    index: ListIndex,
) -> None:
    assert effort(index, EVERY) == Effort(2, 50)
    assert effort(index, EVERY, of_text=True) == Effort(5, 100)


def test_texts_that_nobody_measured_take_four_times_the_effort_of_pictures(
    index: ListIndex,
) -> None:
    assert effort(index, EVERY, of_text=True, text=None) == Effort(8, 200)
    assert effort(index, EVERY, of_text=False, text=None) == Effort(2, 50)


@pytest.mark.parametrize("nth", [2, 4, 8])
def test_probes_grow_as_the_root_of_the_share_that_passes(index: ListIndex, nth: int) -> None:
    assert effort(index, every(nth)) == Effort(round(1.5 * 2 * nth**0.5), 100)


def test_all_lists_of_a_clade_are_looked_at(index: ListIndex) -> None:
    clade = Selection(range(10_000, 16_000))
    assert effort(index, clade) == Effort(80, 100)  # in blocks of 16 for 1,500 rows


def test_twice_as_many_lists_are_looked_at_unless_comparing_costs_less(index: ListIndex) -> None:
    assert twice(Effort(2, 50), every(2), index) == Effort(4, 50)
    assert twice(Effort(200, 50), every(2), index) == Effort(320, 50)
    assert twice(Effort(200, 50), every(40), index) is None


def test_lists_without_a_row_that_may_answer_are_left_out(index: ListIndex) -> None:
    ends = [0, 29_999]
    lists = index.lists_of(selection_of(np.array(ends)))
    assert lists.array.tolist() == sorted(index.membership.list_of[ends].tolist())
    assert len(index.lists_of(every(2))) > 300


def test_few_rows_are_compared_one_by_one_and_more_of_a_clade_than_of_others(
    index: ListIndex,
) -> None:
    def why(among: Selection, total: int = ROWS) -> str:
        return choose(among, total, False, index, entry()).why

    assert why(selection_of(np.arange(FEW) * 7)) == "they are few"
    assert why(selection_of(np.arange(FEW + 1) * 7)) != "they are few"
    million = 1_000_000  # of which most were appended since
    assert why(Selection(range(5_000)), million) == "they are few"
    assert why(Selection(range(10_001)), million) != "they are few"
    assert why(selection_of(np.arange(5_000) * 5), million) != "they are few"


def gain(index: ListIndex, among: Selection, total: int = ROWS) -> float:
    """Return how many times quicker the plan says that the index is, below 1 for slower."""
    planned = choose(among, total, False, index, entry())
    times = float(next(word for word in planned.why.split() if word[0].isdigit()))
    return times if planned.effort else 1 / times


def test_comparing_costs_less_where_rows_lie_side_by_side(index: ListIndex) -> None:
    scattered = gain(index, selection_of(np.delete(np.arange(ROWS), 5)))
    together = gain(index, EVERY)
    assert scattered == pytest.approx(together * 230 / 60, rel=0.35)


def test_appended_rows_are_compared_and_cost_what_that_does(index: ListIndex) -> None:
    total = ROWS + 5_000
    assert effort(index, Selection(range(total)), total) == Effort(2, 50)
    assert gain(index, Selection(range(total)), total) < gain(index, EVERY)
    none = choose(Selection(range(ROWS, total)), total, False, index, entry())
    assert none == Plan(5_000, None, "the index knows none of them")


def test_without_an_index_all_rows_are_compared(index: ListIndex) -> None:
    expected = Plan(ROWS, None, "the collection has no index")
    assert choose(EVERY, ROWS, False, None, entry()) == expected
    assert choose(EVERY, ROWS, False, index, None) == expected


def test_a_plan_says_in_one_line_what_it_does() -> None:
    assert str(Plan(1234, None, "they are few")) == "compares 1,234 rows one by one: they are few"
    assert str(Plan(54321, Effort(1064, 300), "3.0 times quicker")) == (
        "looks for 54,321 rows in 1,064 lists of the index and compares the best 300: "
        "3.0 times quicker"
    )


def test_an_index_that_sees_too_few_rows_is_completed_exactly(index: ListIndex) -> None:
    exact = Exact([gallery(ROWS, DIM)])
    one_list = IndexEntry("", 0, "", ROWS, True, EffortEntry(1, 50, 0.99), None)
    queries = exact.gather(np.array([3, 20_000]))
    (scores, rows), planned = Nearest(exact, index, one_list).search(queries, 2_000, EVERY)
    assert planned.effort == Effort(1, 50)  # a list has about a hundred rows
    assert rows.shape == (2, 2_000)
    assert (rows >= 0).all()
    np.testing.assert_allclose(scores, exact.search(queries, 2_000)[0], atol=2e-3)
