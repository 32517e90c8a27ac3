"""Conditions: what holds of two together, of a negation, and which rows it is true of."""

from pathlib import Path

import pytest
from pictures import PICTURES

from indexer.catalog.snapshot import Snapshot, open_snapshot
from search.query.conditions import EVERY, NONE, Condition, Selections, inside


@pytest.fixture
def snapshot(collection: Path) -> Snapshot:
    return open_snapshot(collection)


def rows(snapshot: Snapshot, condition: Condition) -> list[int]:
    return [int(row) for row in Selections(snapshot).of(condition).array]


def labelled(*labels: str) -> Condition:
    return Condition("list_contains(?, label)", (labels,))


def test_conditions_combine_as_sets_of_rows_do(snapshot: Snapshot) -> None:
    every = set(range(len(PICTURES)))
    lions = labelled("Panthera leo")
    unsorted = labelled("unsorted", "blank")
    by_user = Condition(where="label = 'unsorted' OR label = ''")
    parts = [EVERY, NONE, lions, unsorted, by_user]
    of = {id(each): set(rows(snapshot, each)) for each in parts}
    assert of[id(EVERY)] == every
    assert of[id(NONE)] == set()
    assert len(of[id(lions)]) == 2
    for one in parts:
        if not one.where:
            assert set(rows(snapshot, ~one)) == every - of[id(one)]
        for other in parts:
            if one is not other or not one.where:
                both = of[id(one)] & of[id(other)]
                assert set(rows(snapshot, one & other)) == both
    assert rows(snapshot, Condition(where="true")) == sorted(every)


def test_rows_that_do_not_lie_side_by_side_are_not_taken_for_a_slice(snapshot: Snapshot) -> None:
    ends = Condition('"row" IN (0, 7)')
    assert rows(snapshot, ends) == [0, 7]
    assert Selections(snapshot).of(Condition('"row" BETWEEN 2 AND 5')).is_slice


def test_a_clade_ends_before_the_next_one() -> None:
    sql = inside([(3, 5), (9, 10)])
    import duckdb

    found = duckdb.sql(f"SELECT lo FROM range(12) AS t(lo) WHERE {sql}").fetchall()
    assert [lo for (lo,) in found] == [3, 4, 9]
    assert duckdb.sql(f"SELECT {inside([(0, 9)])} FROM (SELECT NULL::BIGINT AS lo)").fetchall() == [
        (False,)
    ]
    assert inside([]) == "coalesce(false, false)"
