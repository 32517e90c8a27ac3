"""Suggesting names: one letter wrong is found again, and nothing that is asked does harm."""

import time
from collections.abc import Callable, Iterator

import duckdb
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from rapidfuzz.distance import OSA
from taxonomies import TAXA, small_taxonomy

from indexer.taxonomy.name_strings import fold
from indexer.taxonomy.suggest import MOST, Suggestion, suggest

NAMES = sorted({fold(part) for line in TAXA.splitlines() for part in line.split(",")[4:] if part})
LETTERS = "abcdefghijklmnopqrstuvwxyz -'é9"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    taxonomy = small_taxonomy(tmp_path_factory.mktemp("small"))
    yield taxonomy.connection
    taxonomy.close()


def names(found: list[Suggestion]) -> list[str]:
    return [each.name for each in found]


Edit = Callable[[str, int, str], str]
EDITS: dict[str, Edit] = {
    "more": lambda name, place, letter: name[:place] + letter + name[place:],
    "less": lambda name, place, letter: name[:place] + name[place + 1 :],
    "other": lambda name, place, letter: name[:place] + letter + name[place + 1 :],
    "exchanged": lambda name, place, letter: (
        name[:place] + name[place : place + 2][::-1] + name[place + 2 :]
    ),
}


@given(
    st.sampled_from(NAMES),
    st.sampled_from(list(EDITS)),
    st.integers(0, 30),
    st.sampled_from(LETTERS),
)
@settings(deadline=None, max_examples=300)
@example("panthera", "exchanged", 3, "")
@example("lion", "exchanged", 1, "")
@example("fig", "less", 0, "")
def test_a_name_with_one_letter_wrong_is_found_again(
    small: duckdb.DuckDBPyConnection, name: str, edit: str, place: int, letter: str
) -> None:
    written = EDITS[edit](name, place % len(name), letter)
    if fold(written) in NAMES:
        return
    found = suggest(small, written)
    spelt = [fold(each.name) for each in found if each.reason == "spelling"]
    assert name in spelt
    distances = [OSA.distance(fold(written), each) for each in spelt]
    assert distances == sorted(distances)
    assert distances[0] <= 1  # the name itself, or one that is as near


def test_a_name_of_many_words_with_one_letter_wrong_is_found_again(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    name = "little spotted kiwi of the south"
    taxa = TAXA + f"90,4,,genus,Apteryx,{name}\n91,4,,genus,Casuarius,little spotted cassowary\n"
    taxonomy = small_taxonomy(tmp_path_factory.mktemp("kiwi"), taxa)
    for place in range(len(name)):
        for edit in EDITS.values():
            (first, *_) = suggest(taxonomy.connection, edit(name, place, "q"))
            assert (first.name, first.reason) == (name, "spelling")
    taxonomy.close()


@pytest.mark.parametrize("name", NAMES)
def test_a_name_that_is_known_is_nearest_to_itself(
    small: duckdb.DuckDBPyConnection, name: str
) -> None:
    first, *_ = suggest(small, name)
    assert (fold(first.name), first.reason, first.score) == (name, "spelling", 1)


BEGINNINGS = {
    "Serpen": "Serpentes",
    "pan": "Panthera",
    "magnol": "Magnoliopsida",
    "Ursus ar": "Ursus arctos",
    "erithacus rub": "Erithacus rubecula",
    "black-b": "black-billed magpie",
}


@pytest.mark.parametrize(("written", "name"), BEGINNINGS.items())
def test_a_beginning_suggests_the_names_that_begin_so(
    small: duckdb.DuckDBPyConnection, written: str, name: str
) -> None:
    assert names(suggest(small, written))[0] == name


@given(st.sampled_from(NAMES), st.integers(3, 12))
@settings(deadline=None)
def test_what_is_suggested_for_its_beginning_begins_so(
    small: duckdb.DuckDBPyConnection, name: str, length: int
) -> None:
    start = fold(name[:length])
    begun = [fold(each.name) for each in suggest(small, start) if each.reason == "beginning"]
    assert all(each.startswith(start) for each in begun)
    assert begun == sorted(begun, key=len)


NOTHING = ["", " ", "_", "×", "q", "xqzvw", "zzzzzzzzzzzz", "qqqqqqqqqq wwwwwwwww", "12345", "日本"]


@pytest.mark.parametrize("written", NOTHING)
def test_nothing_is_suggested_for_what_resembles_nothing(
    small: duckdb.DuckDBPyConnection, written: str
) -> None:
    assert suggest(small, written) == []


def test_of_namesakes_the_higher_taxon_comes_first(small: duckdb.DuckDBPyConnection) -> None:
    found = suggest(small, "Quercs")
    assert [str(each.clade) for each in found[:3]] == [
        "Quercus (genus)",
        "Quercus (subgenus)",
        "Quercus (section)",
    ]
    assert {str(each.clade) for each in suggest(small, "robbin")} >= {
        "Turdus migratorius (species)",
        "Erithacus rubecula (species)",
    }


def test_the_nearest_name_is_suggested_though_another_begins_or_ends_alike(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    # The two letters in the middle are exchanged: neither half of "Cervus" is left.
    taxa = TAXA + "90,4,,genus,Cervus,\n91,62,,genus,Cedrus,\n"
    taxonomy = small_taxonomy(tmp_path_factory.mktemp("deer"), taxa)
    assert set(names(suggest(taxonomy.connection, "Cevrus"))) >= {"Cervus", "Cedrus"}


def test_of_names_as_many_edits_away_the_longer_one_has_the_higher_score_and_is_first(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    # All are two edits from "acraus", of three lengths.
    taxa = TAXA + "".join(
        f"{place},4,,genus,{name},\n"
        for place, name in enumerate(("Acrias", "Acragas", "Acrasis", "Acratinus"), 90)
    )
    taxonomy = small_taxonomy(tmp_path_factory.mktemp("mites"), taxa)
    scores = [
        each.score for each in suggest(taxonomy.connection, "acraus") if each.reason == "spelling"
    ]
    assert len(scores) > 2
    assert scores == sorted(scores, reverse=True)


@given(
    st.text(max_size=30) | st.sampled_from(NAMES).flatmap(lambda name: st.permutations(name)),
    st.integers(1, 8),
)
@settings(deadline=None, max_examples=200)
def test_suggestions_are_few_and_their_scores_between_none_and_one(
    small: duckdb.DuckDBPyConnection, written: str | list[str], most: int
) -> None:
    found = suggest(small, "".join(written), most)
    assert len(found) <= most
    assert all(0 <= each.score <= 1 for each in found)
    scores = [each.score for each in found if each.reason == "spelling"]
    assert scores == sorted(scores, reverse=True)
    reasons = [each.reason for each in found]
    assert reasons == sorted(reasons, reverse=True)  # spelling, then beginning
    assert len({(each.name, each.clade.key) for each in found}) == len(found)


def test_five_are_suggested_where_nothing_else_is_said(small: duckdb.DuckDBPyConnection) -> None:
    assert len(suggest(small, "pan")) <= MOST == 5


HOSTILE = {
    "quotes": "'; DROP TABLE names; --",
    "a quote": "Panthera'leo",
    "wildcards": "Panthera %",
    "only wildcards": "%%%___%%%",
    "NUL": "Panthera\0leo",
    "only NUL": "\0\0\0\0",
    "10,000 letters": "x" * 10_000,
    "10,000 words": "panthera " * 10_000,
    "10,000 accents": "e\u0301" * 10_000,
    "emoji": "🦁🐯",
    "an emoji and its joiner": "🏳️‍🌈 Panthera leo",
    "the last letter there is": "\U0010ffffpanthera",
    "right to left": "\u202epanthera\u202c",
    "no valid Unicode": "Panthera l\udce9o",
    "brackets": "((((((" * 50,
    "a key": "Animalia|Chordata|Reptilia|Squamata+suborder Serpentes",
}


@pytest.mark.parametrize("written", HOSTILE.values(), ids=HOSTILE)
def test_no_text_does_harm_or_takes_long(small: duckdb.DuckDBPyConnection, written: str) -> None:
    before = small.execute("SELECT count(*) FROM names").fetchall()
    began = time.process_time()
    found = suggest(small, written)
    assert time.process_time() - began < 10  # of our own; what grows as the square takes an hour
    assert len(found) <= MOST
    assert small.execute("SELECT count(*) FROM names").fetchall() == before


def test_quotes_and_accents_do_not_hide_a_name(small: duckdb.DuckDBPyConnection) -> None:
    assert names(suggest(small, "Panthera'leo"))[0] == "Panthera leo"
    assert names(suggest(small, "Pànthèra léoo"))[0] == "Panthera leo"
