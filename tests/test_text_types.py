"""Text types: BioCLIP's ten strings to the letter, and prompts that are never empty."""

import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from model.taxon import RANKS, Rank, Taxon
from model.text_types import TRAINED_TYPES, TextType, free_text_prompt, prompts, render

GOLDEN = json.loads((Path(__file__).parent / "golden" / "text_types.json").read_text())
GOLDEN_STRINGS = [
    (case["ranks"], case["common"], member.removesuffix(".txt"), string)
    for case in GOLDEN["text"]
    for member, string in case["members"].items()
]

WORDS = st.text("abcdeéz", min_size=1, max_size=8)
LINEAGES = st.lists(st.one_of(st.just(""), WORDS), min_size=len(RANKS), max_size=len(RANKS))
TAXA = st.builds(Taxon.from_ranks, LINEAGES, st.one_of(st.just(""), st.just(" "), WORDS))


@pytest.mark.parametrize(("ranks", "common", "member", "string"), GOLDEN_STRINGS)
def test_every_golden_string_is_written_to_the_letter(
    ranks: list[str], common: str, member: str, string: str
) -> None:
    assert render(Taxon.from_ranks(ranks, common), TextType(member)) == string


def test_the_golden_strings_cover_every_text_type() -> None:
    assert len(GOLDEN_STRINGS) == 90
    assert {member for _, _, member, _ in GOLDEN_STRINGS} == {str(each) for each in TextType}
    assert set(TRAINED_TYPES) < set(TextType)


@settings(deadline=None)
@given(TAXA.filter(lambda taxon: bool(taxon.name)))
def test_prompts_of_a_named_taxon_are_never_empty_and_never_repeated(taxon: Taxon) -> None:
    written = prompts(taxon)
    assert len(set(written)) == len(written) > 0
    for prompt in written:
        assert prompt.startswith("a photo of ")
        assert prompt.endswith(".")
        assert prompt != "a photo of ."
        assert "  " not in prompt
    assert any(taxon.name in prompt for prompt in written)


@settings(deadline=None)
@given(TAXA.filter(lambda taxon: bool(taxon.name)))
def test_prompts_tell_a_common_name_only_where_there_is_one(taxon: Taxon) -> None:
    written = prompts(taxon)
    assert any("common name" in prompt for prompt in written) == bool(taxon.common_name)
    assert (f"a photo of {taxon.common_name}." in written) == bool(taxon.common_name)


def test_a_taxon_above_genus_is_asked_for_by_its_own_name() -> None:
    felidae = Taxon.from_ranks(["Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "", ""])
    assert felidae.rank is Rank.FAMILY
    assert prompts(felidae) == [
        "a photo of Felidae.",
        "a photo of Animalia Chordata Mammalia Carnivora Felidae.",
    ]


def test_a_species_with_a_common_name_is_asked_for_in_four_ways() -> None:
    magpie = Taxon.from_ranks([""] * 5 + ["Pica", "hudsonia"], "black-billed magpie")
    assert prompts(magpie) == [
        "a photo of Pica hudsonia.",
        "a photo of black-billed magpie.",
        "a photo of Pica hudsonia with common name black-billed magpie.",
    ]
    lineage = ["Animalia", "Chordata", "Aves", "Passeriformes", "Corvidae", "Pica", "hudsonia"]
    assert len(prompts(Taxon.from_ranks(lineage, "black-billed magpie"))) == 4


@pytest.mark.parametrize(
    "typed", ["white flower", " white flower ", "white flower.", "white flower.."]
)
def test_what_is_typed_becomes_the_prompt_that_bioclip_knows(typed: str) -> None:
    assert free_text_prompt(typed) == "a photo of white flower."
