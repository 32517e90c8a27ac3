"""Conditions: what holds of two together, of a negation, and which rows it is true of."""

from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pictures import PICTURES

from indexer.catalog.snapshot import Snapshot, open_snapshot
from indexer.store.manifest import EncoderEntry, Manifest
from search.query.conditions import EVERY, NONE, Condition, Selections, of_taxa
from search.query.taxon_counts import Extent, OfTaxa, TaxonCounts


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


CLADES = st.lists(st.tuples(st.integers(0, 12), st.integers(0, 4)), max_size=3).map(
    lambda found: tuple((lo, lo + size) for lo, size in found)
)
PLACES = st.one_of(st.none(), st.integers(0, 14))


@given(
    places=st.lists(PLACES, max_size=30),
    clades=CLADES,
    taxa=st.lists(st.integers(0, 14), max_size=3).map(tuple),
    unlabelled=st.booleans(),
    outside=CLADES,
)
def test_images_of_taxa_are_counted_as_they_are_found(
    places: list[int | None],
    clades: tuple[tuple[int, int], ...],
    taxa: tuple[int, ...],
    unlabelled: bool,
    outside: tuple[tuple[int, int], ...],
) -> None:
    asked = OfTaxa(clades, taxa, unlabelled, outside)

    def within(lo: int | None, some: tuple[tuple[int, int], ...]) -> bool:
        return lo is not None and any(low <= lo < high for low, high in some)

    true = [
        row
        for row, lo in enumerate(places)
        if (within(lo, clades) or lo in taxa or (unlabelled and lo is None))
        and not within(lo, outside)
    ]
    catalog = duckdb.connect()
    catalog.execute('CREATE TABLE images ("row" BIGINT, lo BIGINT)')
    for row, lo in enumerate(places):
        catalog.execute("INSERT INTO images VALUES (?, ?)", [row, lo])
    small = Snapshot(Path(), Manifest(EncoderEntry("made up", "", 2)), catalog)
    assert rows(small, of_taxa(asked)) == true
    found = TaxonCounts(small).extent(asked)
    assert found == (Extent(len(true), true[0], true[-1]) if true else Extent())


@pytest.mark.parametrize("many", [0, 10**9])
def test_whether_taxa_are_counted_changes_no_answer(
    snapshot: Snapshot, monkeypatch: pytest.MonkeyPatch, many: int
) -> None:
    monkeypatch.setattr("search.query.conditions._MANY", many)
    selections = Selections(snapshot)
    for lo, hi in snapshot.query("SELECT lo, hi FROM taxa"):
        for asked in (OfTaxa(((lo, hi),)), OfTaxa((), (lo,), True, ((lo, hi),))):
            condition = of_taxa(asked)
            found = snapshot.query(f'SELECT "row" FROM images WHERE {asked.sql} ORDER BY 1')
            assert selections.of(condition).array.tolist() == [row for (row,) in found]
            assert selections.count(condition) == len(found)
