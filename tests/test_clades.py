"""Clades: being inside one is two comparisons, whatever ranks a lineage lacks."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import duckdb
import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.taxonomy.check import Problem
from indexer.taxonomy.draft import NAMES, TAXA, Draft, Line, taxa_of_lines
from indexer.taxonomy.lineages import draft_of_lineages
from indexer.taxonomy.tables import write_tables
from indexer.taxonomy.tree import NONE, in_cycles, walk
from model.taxon import RANKS, Taxon


@dataclass(frozen=True)
class Node:
    """A row of the table of taxa."""

    lo: int
    hi: int
    parent: int
    key: str
    rank: str
    name: str
    common_name: str
    lineage: tuple[str, ...]


@st.composite
def forests(draw: st.DrawFn, most: int = 40) -> list[int]:
    """Draw each node's parent, or NONE: bushes, stars and deep chains, in any order."""
    size = draw(st.integers(0, most))
    form = draw(st.sampled_from(["bush", "star", "chain"]))
    parents = []
    for node in range(size):
        lowest = max(NONE, node - 2) if form == "chain" else NONE
        highest = min(node - 1, 1) if form == "star" else node - 1
        parents.append(draw(st.integers(lowest, highest)))
    place = draw(st.permutations(range(size)))
    moved = [NONE] * size
    for node, parent in enumerate(parents):
        moved[place[node]] = NONE if parent == NONE else place[parent]
    return moved


def clade(parents: Sequence[int], node: int) -> set[int]:
    """A node and all below it, found by climbing from every node."""
    inside = set()
    for each in range(len(parents)):
        above = each
        while above not in (node, NONE):
            above = parents[above]
        if above == node:
            inside.add(each)
    return inside


@given(forests(), st.data())
def test_inside_a_clade_is_inside_its_interval(parents: list[int], data: st.DataObject) -> None:
    siblings = data.draw(st.permutations(range(len(parents))))
    steps = walk(np.array(parents, np.int64), np.array(siblings, np.int64))
    assert sorted(steps.lo.tolist()) == list(range(len(parents)))
    for a in range(len(parents)):
        inside = (steps.lo[a] <= steps.lo) & (steps.lo < steps.hi[a])
        assert set(np.flatnonzero(inside).tolist()) == clade(parents, a)


@given(forests(), st.data())
def test_parents_come_before_their_children_and_children_in_their_order(
    parents: list[int], data: st.DataObject
) -> None:
    siblings = data.draw(st.permutations(range(len(parents))))
    steps = walk(np.array(parents, np.int64), np.array(siblings, np.int64))
    for parent in {NONE, *parents}:
        children = [node for node, above in enumerate(parents) if above == parent]
        assert all(parent == NONE or steps.lo[parent] < steps.lo[child] for child in children)
        by_place = sorted(children, key=lambda child: steps.lo[child])
        assert by_place == sorted(children, key=lambda child: siblings[child])


@given(forests())
def test_a_level_holds_the_taxa_of_one_depth(parents: list[int]) -> None:
    levels = walk(np.array(parents, np.int64), np.arange(len(parents))).levels
    of_depth = [
        (node, depth) for depth, level in enumerate(levels) for node in sorted(level.tolist())
    ]
    naive = [(node, depth_of(parents, node)) for node in range(len(parents))]
    assert of_depth == sorted(naive, key=lambda each: (each[1], each[0]))


def depth_of(parents: Sequence[int], node: int) -> int:
    return 0 if parents[node] == NONE else 1 + depth_of(parents, parents[node])


def test_a_chain_of_thousands_is_walked_from_its_top() -> None:
    length = 3000
    steps = walk(np.arange(length) - 1, np.arange(length))
    assert steps.lo.tolist() == list(range(length))
    assert set(steps.hi.tolist()) == {length}
    assert len(steps.levels) == length


@given(st.integers(1, 30).flatmap(lambda n: st.lists(st.integers(NONE, n - 1), min_size=n)))
def test_what_is_above_itself_and_what_stands_below_that_is_found(parents: list[int]) -> None:
    parents = [min(parent, len(parents) - 1) for parent in parents]
    own, below = in_cycles(np.array(parents, np.int64))
    for node in range(len(parents)):
        above, met = parents[node], []
        while above != NONE and above not in met:
            met.append(above)
            above = parents[above]
        assert own[node] == (node in met)
        assert below[node] == (above != NONE and node not in met)


def test_no_taxa_are_in_no_cycle() -> None:
    own, below = in_cycles(np.empty(0, np.int64))
    assert (own.tolist(), below.tolist()) == ([], [])


def written(draft: Draft) -> tuple[list[Node], list[Problem]]:
    """Write a draft to a database; return its taxa in their order, and the problems."""
    with duckdb.connect() as connection:
        problems = write_tables(connection, draft)
        return nodes(connection), problems


def nodes(connection: duckdb.DuckDBPyConnection) -> list[Node]:
    columns = ", ".join(f'"{rank}"' for rank in RANKS)
    found = connection.execute(
        f"SELECT lo, hi, parent, taxon_key, rank, name, common_name, {columns} FROM taxa"
    ).fetchall()
    return [Node(*line[:7], tuple(line[7:])) for line in found]


# Few names, so that lineages meet; a rank may stand anywhere, even below one that it is above.
ALL_RANKS = (*RANKS, "subfamily", "suborder", "section", "species group", "unranked")
ROW_NAMES = st.sampled_from(["A", "B", "A b", "O'Brien", "Ä × æ", "+C"])
Row = tuple[int, str, str, str, str]


@st.composite
def drafted(draw: st.DrawFn) -> list[Row]:
    parents = draw(forests(most=15))
    return [
        (
            row,
            f"id {row - 1}",
            "" if parent == NONE else f"id {parent}",
            draw(st.sampled_from(ALL_RANKS)),
            draw(ROW_NAMES),
        )
        for row, parent in enumerate(parents, 1)
    ]


def draft_of(rows: Iterable[Row]) -> Draft:
    columns = list(zip(*rows, strict=True)) or [()] * len(TAXA)
    return Draft(pa.table([list(column) for column in columns], schema=TAXA))


def lineage_of(rows: Sequence[Row], row: Row) -> tuple[str, ...]:
    """The names at the seven ranks, from the top down; a rank ends what stood below it."""
    _, _, parent, rank, name = row
    above = next((each for each in rows if each[1] == parent), None)
    lineage = lineage_of(rows, above) if above else ("",) * len(RANKS)
    if rank not in RANKS:
        return lineage
    depth = RANKS.index(rank)
    return (*lineage[:depth], name, *[""] * (len(RANKS) - depth - 1))


def key_of(rows: Sequence[Row], row: Row) -> str:
    key = "|".join(lineage_of(rows, row)).rstrip("|")
    return key if row[3] in RANKS else f"{key}+{row[3]} {row[4]}"


@settings(deadline=None, max_examples=50)
@given(drafted())
def test_a_taxonomy_is_the_forest_of_its_source(rows: list[Row]) -> None:
    taxa, problems = written(draft_of(rows))
    first: dict[str, Row] = {}
    for row in rows:
        first.setdefault(key_of(rows, row), row)
    keys = [node.key for node in taxa]
    assert len(set(keys)) == len(keys)
    above = {node.key: "" if node.parent == NONE else keys[node.parent] for node in taxa}
    by_id = {row[1]: row for row in rows}
    told = {key: key_of(rows, by_id[row[2]]) if row[2] else "" for key, row in first.items()}
    assert above == {key: parent for key, parent in told.items() if ends_at_the_top(told, key)}
    assert len(taxa) + len(problems) == len(rows)
    for node in taxa:
        row = first[node.key]
        assert (node.rank, node.name) == row[3:]
        assert node.lineage == lineage_of(rows, row)


def ends_at_the_top(told: dict[str, str], key: str) -> bool:
    """Whether climbing ends: taxa that were made one may have stood below each other."""
    met: set[str] = set()
    while key and key not in met:
        met.add(key)
        key = told[key]
    return not key


@settings(deadline=None, max_examples=50)
@given(drafted())
def test_inside_a_clade_of_a_taxonomy_is_inside_its_interval(rows: list[Row]) -> None:
    taxa, _ = written(draft_of(rows))
    assert [node.lo for node in taxa] == list(range(len(taxa)))
    parents = [node.parent for node in taxa]
    for a in taxa:
        assert {b.lo for b in taxa if a.lo <= b.lo < a.hi} == clade(parents, a.lo)


# Few names a rank, so that lineages share some; "" is a hole.
LINEAGES = st.tuples(
    *[st.sampled_from(["", "", f"A{rank}", f"B{rank}", f"A{rank} x"]) for rank in RANKS]
)
LISTED = st.lists(LINEAGES.filter(any).map(Taxon), max_size=10)


def of_lineages(taxa: Iterable[Taxon]) -> list[Node]:
    told = ((Line(row, taxon), taxon.common_name) for row, taxon in enumerate(taxa, 1))
    return written(draft_of_lineages(told, "en"))[0]


def with_ancestors(taxon: Taxon) -> list[tuple[str, ...]]:
    """The lineages of a taxon and of all above it: each is the lineage cut below one name."""
    named = [depth for depth, name in enumerate(taxon.lineage) if name]
    holes = [""] * len(RANKS)
    return [(*taxon.lineage[: depth + 1], *holes[depth + 1 :]) for depth in named]


@settings(deadline=None, max_examples=25)
@given(LISTED)
def test_of_lineages_every_taxon_and_every_ancestor_has_one_place(taxa: list[Taxon]) -> None:
    found = of_lineages(taxa)
    lineages = [node.lineage for node in found]
    assert len(set(lineages)) == len(lineages)
    assert set(lineages) == {each for taxon in taxa for each in with_ancestors(taxon)}
    for a in found:
        for b in found:
            inside = a.lineage in with_ancestors(Taxon(b.lineage))
            assert inside == (a.lo <= b.lo < a.hi)


@settings(deadline=None, max_examples=25)
@given(LISTED)
def test_a_parent_is_the_nearest_name_above(taxa: list[Taxon]) -> None:
    found = of_lineages(taxa)
    for node in found:
        above = with_ancestors(Taxon(node.lineage))[:-1]
        assert [found[node.parent].lineage] == above[-1:] if above else node.parent == NONE


@settings(deadline=None, max_examples=25)
@given(LISTED, st.data())
def test_places_do_not_depend_on_the_order_of_the_taxa(
    taxa: list[Taxon], data: st.DataObject
) -> None:
    found = of_lineages(taxa)
    assert of_lineages(data.draw(st.permutations(taxa))) == found
    twice = Draft(taxa_of_lines(Line(row, taxon) for row, taxon in enumerate(taxa + taxa)))
    assert written(twice)[0] == found


def by_name(taxa: Iterable[Node]) -> dict[str, Node]:
    return {node.name: node for node in taxa}


def test_homonyms_in_two_kingdoms_stay_two() -> None:
    # Oenanthe: wheatears, and water dropworts.
    birds = Taxon(("Animalia", "Chordata", "Aves", "Passeriformes", "Muscicapidae", "Oenanthe", ""))
    herbs = Taxon(
        ("Plantae", "Tracheophyta", "Magnoliopsida", "Apiales", "Apiaceae", "Oenanthe", "")
    )
    of_birds = Taxon((*birds.lineage[:6], "Oenanthe oenanthe"))
    of_herbs = Taxon((*herbs.lineage[:6], "Oenanthe crocata"))
    taxa = of_lineages([of_birds, of_herbs])
    first, second = [node for node in taxa if node.name == "Oenanthe"]
    assert (first.lineage, second.lineage) == (birds.lineage, herbs.lineage)
    place = by_name(taxa)
    assert first.lo < place["Oenanthe oenanthe"].lo < first.hi
    assert not first.lo <= place["Oenanthe crocata"].lo < first.hi
    assert second.lo < place["Oenanthe crocata"].lo < second.hi


def test_a_name_that_begins_like_another_is_not_inside_it() -> None:
    kingdom = ("Animalia", "", "", "", "")
    taxa = by_name(
        of_lineages([Taxon((*kingdom, genus, "")) for genus in ("Pica", "Picana", "Pic")])
    )
    assert [taxa[name].hi - taxa[name].lo for name in ("Pic", "Pica", "Picana")] == [1, 1, 1]
    assert (taxa["Animalia"].lo, taxa["Animalia"].hi) == (0, 4)


def test_a_gap_in_a_lineage_stays_a_gap() -> None:
    cats = ("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae")
    whole, holed = Taxon((*cats, "Felis", "")), Taxon(("Animalia", "", "", "", "", "Felis", ""))
    taxa = of_lineages([whole, holed])
    assert [node.key for node in taxa if node.name == "Felis"] == [
        "Animalia|Chordata|Mammalia|Carnivora|Felidae|Felis",
        "Animalia|||||Felis",
    ]
    assert [taxa[node.parent].name for node in taxa if node.name == "Felis"] == [
        "Felidae",
        "Animalia",
    ]


def test_a_rank_between_the_seven_is_a_clade_and_no_gap() -> None:
    taxa = by_name(
        written(
            draft_of(
                [
                    (1, "s", "o", "suborder", "Serpentes"),
                    (2, "f", "s", "family", "Viperidae"),
                    (3, "o", "", "order", "Squamata"),
                    (4, "g", "o", "family", "Lacertidae"),
                ]
            )
        )[0]
    )
    assert taxa["Serpentes"].key == "|||Squamata+suborder Serpentes"
    assert taxa["Viperidae"].key == "|||Squamata|Viperidae"
    assert taxa["Serpentes"].lo < taxa["Viperidae"].lo < taxa["Serpentes"].hi
    assert not taxa["Serpentes"].lo <= taxa["Lacertidae"].lo < taxa["Serpentes"].hi


LION = ("Animalia", "", "", "", "", "Panthera", "Panthera leo")


@pytest.mark.parametrize("names", [("lion", ""), ("", "lion"), ("lion", "king of beasts")])
def test_the_first_common_name_that_is_given_stays(names: tuple[str, str]) -> None:
    taxa = by_name(of_lineages([Taxon(LION, name) for name in names]))
    assert taxa["Panthera leo"].common_name == "lion"
    assert taxa["Panthera"].common_name == ""


def test_a_common_name_of_a_genus_stays_whoever_comes_first() -> None:
    genus = Taxon((*LION[:-1], ""), "big cats")
    species = Taxon(LION, "lion")
    for taxa in ([genus, species], [species, genus]):
        assert by_name(of_lineages(taxa))["Panthera"].common_name == "big cats"


@pytest.mark.parametrize(
    ("names", "first"),
    [
        ([("Löwe", "de"), ("lion", "en")], "lion"),
        ([("Löwe", "de"), ("lion", "eng"), ("king", "en")], "lion"),
        ([("simba", "")], "simba"),
        ([("Löwe", "de")], ""),
    ],
)
def test_the_common_name_is_english_or_of_no_language(
    names: list[tuple[str, str]], first: str
) -> None:
    lines = [(1, "leo", name, "common", language) for name, language in names]
    table = pa.table([list(column) for column in zip(*lines, strict=True)], schema=NAMES)
    draft = draft_of([(1, "leo", "", "species", "Panthera leo")])
    ((lion,), problems) = written(Draft(draft.taxa, table))
    assert (lion.common_name, problems) == (first, [])


def test_no_taxa_have_no_clades() -> None:
    assert written(draft_of([])) == ([], [])
