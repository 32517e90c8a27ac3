"""Clades: being inside one is two comparisons, whatever ranks a lineage lacks."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.clades import Clade, preorder
from model.taxon import RANKS, Taxon

# Few names a rank, so that lineages share some; "" is a hole.
LINEAGES = st.tuples(
    *[st.sampled_from(["", "", f"A{rank}", f"B{rank}", f"A{rank} x"]) for rank in RANKS]
)
TAXA = st.lists(LINEAGES.filter(any).map(Taxon), max_size=30)


def with_ancestors(taxon: Taxon) -> list[tuple[str, ...]]:
    """The lineages of a taxon and of all above it: each is the lineage cut below one name."""
    named = [depth for depth, name in enumerate(taxon.lineage) if name]
    holes = [""] * len(RANKS)
    return [(*taxon.lineage[: depth + 1], *holes[depth + 1 :]) for depth in named]


def by_name(clades: list[Clade]) -> dict[str, Clade]:
    return {clade.taxon.name: clade for clade in clades}


@settings(deadline=None)
@given(TAXA)
def test_inside_a_clade_is_inside_its_interval(taxa: list[Taxon]) -> None:
    clades = preorder(taxa)
    for a in clades:
        for b in clades:
            inside = a.taxon.lineage in with_ancestors(b.taxon)
            assert inside == (a.lo <= b.lo < a.hi)


@settings(deadline=None)
@given(TAXA)
def test_every_taxon_and_every_ancestor_has_one_place(taxa: list[Taxon]) -> None:
    clades = preorder(taxa)
    assert [clade.lo for clade in clades] == list(range(len(clades)))
    lineages = [clade.taxon.lineage for clade in clades]
    assert len(set(lineages)) == len(lineages)
    assert set(lineages) == {each for taxon in taxa for each in with_ancestors(taxon)}


@settings(deadline=None)
@given(TAXA)
def test_a_parent_is_the_nearest_name_above(taxa: list[Taxon]) -> None:
    for clade in preorder(taxa):
        above = with_ancestors(clade.taxon)[:-1]
        assert clade.parent == ("|".join(above[-1]).rstrip("|") if above else "")


@settings(deadline=None)
@given(TAXA, st.randoms(use_true_random=False))
def test_places_do_not_depend_on_the_order_of_the_taxa(taxa: list[Taxon], rng: object) -> None:
    shuffled = list(taxa)
    rng.shuffle(shuffled)  # type: ignore[attr-defined]
    assert preorder(shuffled) == preorder(taxa)
    assert preorder(taxa + taxa) == preorder(taxa)


def test_homonyms_in_two_kingdoms_stay_two() -> None:
    # Oenanthe: wheatears, and water dropworts.
    birds = Taxon(("Animalia", "Chordata", "Aves", "Passeriformes", "Muscicapidae", "Oenanthe", ""))
    herbs = Taxon(
        ("Plantae", "Tracheophyta", "Magnoliopsida", "Apiales", "Apiaceae", "Oenanthe", "")
    )
    of_birds = Taxon((*birds.lineage[:6], "Oenanthe oenanthe"))
    of_herbs = Taxon((*herbs.lineage[:6], "Oenanthe crocata"))
    clades = preorder([of_birds, of_herbs])
    first, second = [clade for clade in clades if clade.taxon.name == "Oenanthe"]
    assert (first.taxon, second.taxon) == (birds, herbs)
    place = by_name(clades)
    assert first.lo < place["Oenanthe oenanthe"].lo < first.hi
    assert not first.lo <= place["Oenanthe crocata"].lo < first.hi
    assert second.lo < place["Oenanthe crocata"].lo < second.hi


def test_a_name_that_begins_like_another_is_not_inside_it() -> None:
    kingdom = ("Animalia", "", "", "", "")
    clades = by_name(
        preorder([Taxon((*kingdom, genus, "")) for genus in ("Pica", "Picana", "Pic")])
    )
    assert [clades[name].hi - clades[name].lo for name in ("Pic", "Pica", "Picana")] == [1, 1, 1]
    assert (clades["Animalia"].lo, clades["Animalia"].hi) == (0, 4)


@pytest.mark.parametrize("names", [("lion", ""), ("", "lion"), ("lion", "king of beasts")])
def test_the_first_common_name_that_is_given_stays(names: tuple[str, str]) -> None:
    lineage = ("Animalia", "", "", "", "", "Panthera", "Panthera leo")
    clades = by_name(preorder([Taxon(lineage, name) for name in names]))
    assert clades["Panthera leo"].taxon.common_name == "lion"
    assert clades["Panthera"].taxon.common_name == ""


def test_a_common_name_of_a_genus_stays_whoever_comes_first() -> None:
    genus = Taxon(("Animalia", "", "", "", "", "Panthera", ""), "big cats")
    species = Taxon(("Animalia", "", "", "", "", "Panthera", "Panthera leo"), "lion")
    for taxa in ([genus, species], [species, genus]):
        assert by_name(preorder(taxa))["Panthera"].taxon.common_name == "big cats"


def test_no_taxa_have_no_clades() -> None:
    assert preorder([]) == []
