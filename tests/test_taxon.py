"""Taxa: cleaned as the BioCLIP reference cleans them, and lawful lineages."""

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.errors import Error
from model.taxon import RANKS, Rank, Taxon

GOLDEN = json.loads((Path(__file__).parent / "golden" / "text_types.json").read_text())

# Names as people's tables hold them: any case, marked up, missing, or a word that is no name.
WORDS = st.text("abcdeéüz", min_size=2, max_size=7)
NOT_NAMES = st.sampled_from(["", None, " ", "unknown", "Unknown", "(unidentified)", "PleaseHelp"])
AUTHORS = st.sampled_from(
    ["", " (Linnaeus, 1758)", " L.", " Pease, 1870", " Gonn. & Rabenh.", " ssp. leo", " Bates 1864"]
)


@st.composite
def raw_ranks(draw: st.DrawFn) -> list[str | None]:
    genus, *upper = [draw(WORDS) for _ in RANKS[:6]]
    epithet = draw(st.one_of(WORDS, st.tuples(WORDS, WORDS).map(" ".join)))
    species = draw(st.sampled_from([epithet, f"{genus} {epithet}"])) + draw(AUTHORS)
    written = [
        draw(st.one_of(st.sampled_from([name, name.upper(), f" <i>{name}</i> "]), NOT_NAMES))
        for name in (*upper, genus)
    ]
    return [*written, draw(st.one_of(st.just(species), NOT_NAMES))]


TAXA = raw_ranks().map(Taxon.from_ranks)


@pytest.mark.parametrize("case", GOLDEN["text"], ids=lambda case: case["ranks"][-1] or "no species")
def test_golden_lineages_are_cleaned_as_the_reference_cleans_them(case: dict[str, Any]) -> None:
    taxon = Taxon.from_ranks(case["ranks"], case["common"])
    parts = [*taxon.lineage[:6], taxon.epithet]
    assert " ".join(filter(None, parts)) == case["members"]["taxonomic_name.txt"]
    assert (
        f"{taxon.at(Rank.GENUS)} {taxon.epithet}".strip().capitalize()
        == case["members"]["scientific_name.txt"]
    )
    assert taxon.common_name == case["common"]


# From the unit tests of the reference's naming.py (Imageomics/bioclip 4ea3247).
@pytest.mark.parametrize(
    ("written", "species"),
    [
        ("Atrypanius cinerascens (Bates 1864)", "Atrypanius cinerascens"),
        ("Lagophylla ramosissima ssp. ramosissima", "Lagophylla ramosissima"),
        ("Megacyllene asteca Chevrolat 1860", "Megacyllene asteca"),
        ("Partula subangulata Pease, 1870", "Partula subangulata"),
        (
            "Collotheca orchidacea Meksuwan, Pholpunthin & Segers, 2013",
            "Collotheca orchidacea",
        ),
        ("Agosia yarrowi Jordan & Evermann", "Agosia yarrowi"),
        ("Pellaea boivinii <br > var. boivinii", "Pellaea boivinii"),
        ("Stylidium spinulosum r.br.", "Stylidium spinulosum"),
        ("<i>Zygodon <i>viridissimus</i></i> viridissimus", "Zygodon viridissimus viridissimus"),
    ],
)
@pytest.mark.parametrize("genus_is_given", [True, False])
def test_authors_and_markup_are_cut_from_species(
    written: str, species: str, genus_is_given: bool
) -> None:
    genus = species.split()[0]
    taxon = Taxon.from_ranks([""] * 5 + [genus if genus_is_given else "", written])
    assert taxon.at(Rank.GENUS) == genus
    assert taxon.name == taxon.at(Rank.SPECIES) == species


@pytest.mark.parametrize(
    ("genus", "species", "cleaned"),
    [
        ("Pica", "hudsonia", ("Pica", "Pica hudsonia")),
        ("PICA", "Pica Hudsonia", ("Pica", "Pica hudsonia")),
        ("Pica", "pica", ("Pica", "Pica pica")),
        ("Pica", "Pica pica", ("Pica", "Pica pica")),
        ("Buteo", "lagopus lagopus", ("Buteo", "Buteo lagopus")),
        ("", "Pica hudsonia", ("Pica", "Pica hudsonia")),
        ("", "arctos", ("", "arctos")),
        ("Pica", "unknown", ("Pica", "")),
        ("Pica", "Pica unknown", ("Pica", "")),
        ("", "Unknown hudsonia", ("", "hudsonia")),
        ("Pica", None, ("Pica", "")),
    ],
)
def test_a_species_is_its_full_name_however_it_was_written(
    genus: str, species: str | None, cleaned: tuple[str, str]
) -> None:
    assert Taxon.from_ranks([""] * 5 + [genus, species]).lineage[5:] == cleaned


@pytest.mark.parametrize("name", ["Metazoa", "Archaeplastida", "CHLOROPLASTIDA"])
def test_kingdoms_have_one_name(name: str) -> None:
    kingdom = Taxon.from_ranks([name, *[""] * 6]).at(Rank.KINGDOM)
    assert kingdom == ("Animalia" if name == "Metazoa" else "Plantae")


@settings(deadline=None)
@given(raw_ranks(), WORDS)
def test_cleaning_what_is_clean_changes_nothing(ranks: list[str | None], common: str) -> None:
    once = Taxon.from_ranks(ranks, common)
    assert Taxon.from_ranks(once.lineage, once.common_name) == once


@settings(deadline=None)
@given(TAXA)
def test_a_key_tells_the_lineage_and_nothing_else(taxon: Taxon) -> None:
    names = taxon.key.split("|")
    assert (*names, *[""] * (len(RANKS) - len(names))) == taxon.lineage
    assert Taxon(taxon.lineage, "another common name").key == taxon.key
    assert Taxon.from_key(taxon.key, taxon.common_name) == taxon


@settings(deadline=None)
@given(TAXA)
def test_a_rank_is_the_deepest_that_has_a_name(taxon: Taxon) -> None:
    named = [rank for rank in RANKS if taxon.at(rank)]
    assert tuple(taxon.at(rank) for rank in RANKS) == taxon.lineage
    assert taxon.rank == (named[-1] if named else None)
    assert taxon.name == (taxon.at(named[-1]) if named else "")


@settings(deadline=None)
@given(TAXA)
def test_ancestors_are_the_names_above_highest_first(taxon: Taxon) -> None:
    ancestors = taxon.ancestors()
    named = [rank for rank in RANKS if taxon.at(rank)]
    assert [ancestor.rank for ancestor in ancestors] == named[:-1]
    for place, ancestor in enumerate(ancestors):
        assert ancestor.name == taxon.at(named[place])
        assert taxon.key.startswith(ancestor.key + "|")
        assert ancestor.ancestors() == ancestors[:place]
        assert ancestor.common_name == ""


@settings(deadline=None)
@given(TAXA)
def test_genus_and_epithet_make_the_species(taxon: Taxon) -> None:
    together = f"{taxon.at(Rank.GENUS)} {taxon.epithet}".strip()
    assert together == (taxon.at(Rank.SPECIES) or taxon.at(Rank.GENUS))


@pytest.mark.parametrize("count", [0, 6, 8])
def test_a_lineage_has_seven_ranks(count: int) -> None:
    with pytest.raises(Error, match="7 ranks, kingdom to species"):
        Taxon.from_ranks(["Animalia"] * count)
    with pytest.raises(Error, match="7 ranks, kingdom to species"):
        Taxon(("Animalia",) * count)


def test_a_taxon_without_names_has_no_rank_and_no_ancestors() -> None:
    nameless = Taxon.from_ranks(["unknown", *[None] * 6])
    assert (nameless.rank, nameless.name, nameless.key, nameless.ancestors()) == (None, "", "", [])
