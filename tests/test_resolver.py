"""Resolving names: what each way of writing one means in a small taxonomy, and what means none."""

import unicodedata
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taxonomies import TAXA, small_taxonomy

from indexer.taxonomy.resolver import Clade, Resolution, resolve, resolve_all

# Names that mean one thing as they are written, and another in some other way.
CROSSED = """\
90,3,,genus,Ochotona,Pica
91,7,,species,Panthera onca,Felis leo
92,53,,subgenus,Serpentes,
93,72,,species,Quercus rosacea,
94,71,,genus,Castanea,
95,70,,genus,Castanea,
96,8,,species_aggregate,Panthera leo agg,
97,26,,genus,+ Crataegomespilus,
98,97,,species,+ Crataegomespilus dardarii,
99,26,,genus,Père,
100,27,,species,Turdus merula,Père David's thrush
"""

ANIMALS = ("Animalia", "Chordata")
CATS = "Animalia|Chordata|Mammalia|Carnivora|Felidae"
OAKS = "Plantae|Tracheophyta|Magnoliopsida|Fagales|Fagaceae|Quercus"
SHELLS = "Animalia|Mollusca|Gastropoda||Ficidae|Ficus"
FIGS = "Plantae|Tracheophyta|Magnoliopsida|Rosales|Moraceae|Ficus"


@pytest.fixture(scope="module")
def small(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    taxonomy = small_taxonomy(tmp_path_factory.mktemp("small"))
    yield taxonomy.connection
    taxonomy.close()


@pytest.fixture(scope="module")
def crossed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    taxonomy = small_taxonomy(tmp_path_factory.mktemp("crossed"), TAXA + CROSSED)
    yield taxonomy.connection
    taxonomy.close()


def keys(clades: Sequence[Clade]) -> list[str]:
    return [clade.key for clade in clades]


def described(found: Resolution) -> tuple[list[str], str, bool]:
    return [str(clade) for clade in found.clades], found.reason, found.whole


SPECIES, SUBSPECIES = "its species", "subspecies"
MEANT = {
    # as it is written, or in other letters
    "Panthera leo": ("Panthera leo (species)", "exact"),
    "Felidae": ("Felidae (family)", "exact"),
    "Pantherinae": ("Pantherinae (subfamily)", "exact"),
    "Panthera leo leo": ("Panthera leo leo (subspecies)", "exact"),
    "panthera leo": ("Panthera leo (species)", "folded"),
    "PANTHERA LEO": ("Panthera leo (species)", "folded"),
    "panthera_leo": ("Panthera leo (species)", "folded"),
    "Panthera  leo ": ("Panthera leo (species)", "exact"),
    "Pänthéra leo": ("Panthera leo (species)", "folded"),
    # synonyms and common names
    "Felis leo": ("Panthera leo (species)", "synonym"),
    "felis_leo": ("Panthera leo (species)", "synonym"),
    "lion": ("Panthera leo (species)", "common name"),
    "Lion": ("Panthera leo (species)", "common name"),
    "Black‑billed Magpie": ("Pica hudsonia (species)", "common name"),
    "oaks": ("Quercus (genus)", "common name"),
    # authors, marks, ranks and subgenera
    "Ursus arctos Linnaeus, 1758": ("Ursus arctos (species)", "exact, without its author"),
    "Panthera leo (Linnaeus)": ("Panthera leo (species)", "exact, without its author"),
    "Panthera leo (Linnaeus, 1758)": ("Panthera leo (species)", "exact, without its author"),
    "Felis leo Linnaeus, 1758": ("Panthera leo (species)", "synonym, without its author"),
    "Ursus Linnaeus, 1758": ("Ursus (genus)", "exact, without its author"),
    "Quercus robur L.": ("Quercus robur (species)", "exact, without its author"),
    "<i>Ursus arctos</i>": ("Ursus arctos (species)", "exact, without its marks"),
    '"lion"': ("Panthera leo (species)", "common name, without its marks"),
    "Ursus arctos ssp. horribilis": (
        "Ursus arctos horribilis (subspecies)",
        "exact, without its rank marker",
    ),
    "Ursus (Ursus) arctos": ("Ursus arctos (species)", "exact, without its subgenus"),
    # hybrids
    "Quercus × rosacea": ("Quercus × rosacea (hybrid)", "exact"),
    "Quercus x rosacea": ("Quercus × rosacea (hybrid)", "folded"),
    "Quercus rosacea": ("Quercus × rosacea (hybrid)", "folded"),
    # places
    "Ficus (Plantae)": ("Ficus (genus)", "exact, in Plantae"),
    "Ficus (Moraceae)": ("Ficus (genus)", "exact, in Moraceae"),
    "Ficus (Animalia)": ("Ficus (genus)", "exact, in Animalia"),
    "robin (Turdidae)": ("Turdus migratorius (species)", "common name, in Turdidae"),
}


@pytest.mark.parametrize(("written", "meant"), MEANT.items())
def test_a_name_means_a_taxon(
    small: duckdb.DuckDBPyConnection, written: str, meant: tuple[str, str]
) -> None:
    found = resolve(small, written)
    assert (found.written, found.status, found.candidates) == (written, "resolved", ())
    assert described(found) == ([meant[0]], meant[1], True)
    assert 0 < found.score <= 1


PARTS = {
    "Ursus sp.": ("Ursus (genus)", 'exact, only "Ursus" is sure'),
    "ursus_sp": ("Ursus (genus)", 'folded, only "ursus" is sure'),
    "Ursus cf. arctos": ("Ursus (genus)", 'exact, only "Ursus" is sure'),
    "Ursus arctos ssp.": ("Ursus arctos (species)", 'exact, only "Ursus arctos" is sure'),
    "Ursus arctos fossilis": ("Ursus arctos (species)", "exact, its species"),
    "Ursus arctos ssp. fossilis": ("Ursus arctos (species)", "exact, its species"),
    "Felis leo persica": ("Panthera leo (species)", "synonym, its species"),
    "Quercus robur × Quercus petraea": ("Quercus (genus)", "exact, the genus of both parents"),
    "Quercus robur × petraea": ("Quercus (genus)", "exact, the genus of both parents"),
    "Quercus robur 'Fastigiata'": ("Quercus robur (species)", "exact, without its cultivar"),
    "Panthera leo sleeping": ("Panthera leo (species)", "exact, its species"),
}


@pytest.mark.parametrize(("written", "meant"), PARTS.items())
def test_of_a_name_that_is_unknown_a_part_may_be_known(
    small: duckdb.DuckDBPyConnection, written: str, meant: tuple[str, str]
) -> None:
    found = resolve(small, written)
    assert described(found) == ([meant[0]], meant[1], False)


UNKNOWN = """
Yeti
Panthera leo (Aves)
Ficus carica (Fungi)
Ursus himalayanus
Panthera uncia
Ficus (Aves)
Ficus (Yetia)
robin (Plantae)
lion sleeping
red fruit
a photo of a lion
lions
two robins
Lion King
brown bear cub
bears in a tree
lion L.
snakes sp.
tiger x lion
Anas platyrhynchos × Mareca strepera
suborder Serpentes
Animalia|
Animalia||
|Animalia
Animalia|Chordata|
Animalia|Aves
Plantae|||||Ficus
Animalia|Chordata|Reptilia|Squamata+infraorder Serpentes
Animalia|Chordata|Reptilia|Squamata+Serpentes
+suborder Serpentes
|
+
'; DROP TABLE taxa; --
%
P_ca
?
🦁
"""


@pytest.mark.parametrize("written", ["", " ", "_", "\t", "×", "\0", *UNKNOWN.strip().split("\n")])
def test_what_no_taxon_is_called_is_unknown(small: duckdb.DuckDBPyConnection, written: str) -> None:
    found = resolve(small, written)
    assert found == Resolution(written)
    assert found.status == "unknown"


def test_text_that_is_no_valid_unicode_is_unknown(small: duckdb.DuckDBPyConnection) -> None:
    # as Python reads a file name that is not UTF-8
    assert resolve(small, "Panthera l\udce9o").status == "unknown"


SEVERAL = {
    "Ficus": ([SHELLS, FIGS], "exact"),
    "ficus": ([SHELLS, FIGS], "folded"),
    "Ficus L.": ([SHELLS, FIGS], "exact, without its author"),
    "Ficus sp.": ([SHELLS, FIGS], 'exact, only "Ficus" is sure'),
    "robin": (
        [
            "Animalia|Chordata|Aves|Passeriformes|Muscicapidae|Erithacus|Erithacus rubecula",
            "Animalia|Chordata|Aves|Passeriformes|Turdidae|Turdus|Turdus migratorius",
        ],
        "common name",
    ),
}


@pytest.mark.parametrize(("written", "meant"), SEVERAL.items())
def test_what_several_taxa_are_called_is_never_guessed(
    small: duckdb.DuckDBPyConnection, written: str, meant: tuple[list[str], str]
) -> None:
    found = resolve(small, written)
    assert (found.status, found.clades) == ("ambiguous", ())
    assert (keys(found.candidates), found.reason) == meant


def clade(connection: duckdb.DuckDBPyConnection, name: str) -> Clade:
    (found,) = resolve(connection, name).clades
    return found


def test_a_clade_around_it_decides_what_a_name_means(small: duckdb.DuckDBPyConnection) -> None:
    plants, thrushes, cats = (
        [clade(small, name).interval] for name in ("Plantae", "Turdidae", "Felidae")
    )
    assert keys(resolve(small, "Ficus", plants).clades) == [FIGS]
    assert resolve(small, "robin", thrushes).clades == (clade(small, "Turdus migratorius"),)
    assert resolve(small, "Felis leo", cats).clades == (clade(small, "Panthera leo"),)
    assert resolve(small, "Felidae", cats).clades == (clade(small, "Felidae"),)
    for name in ("Ficus", "Mammalia", "Felidae (Plantae)", "robin"):
        assert resolve(small, name, cats).status == "unknown"
    everywhere = resolve(small, "Ficus", [*plants, clade(small, "Animalia").interval])
    assert keys(everywhere.candidates) == [SHELLS, FIGS]


def test_namesakes_within_each_other_are_the_genus(small: duckdb.DuckDBPyConnection) -> None:
    for written in ("Quercus", "quercus", "Quercus L.", "Quercus (Plantae)"):
        assert keys(resolve(small, written).clades) == [OAKS]
    for rank in ("subgenus", "section"):  # each can be asked for by its key
        assert keys(resolve(small, f"{OAKS}+{rank} Quercus").clades) == [f"{OAKS}+{rank} Quercus"]


def test_namesakes_whose_lineages_only_leave_ranks_out_are_one(
    crossed: duckdb.DuckDBPyConnection,
) -> None:
    found = resolve(crossed, "Castanea")
    assert keys(found.clades) == [
        "Plantae|Tracheophyta|Magnoliopsida|Fagales||Castanea",
        "Plantae|Tracheophyta|Magnoliopsida|Fagales|Fagaceae|Castanea",
    ]
    assert found.candidates == ()


def test_an_infrageneric_taxon_gives_way_to_its_namesake(
    crossed: duckdb.DuckDBPyConnection,
) -> None:
    assert [str(each) for each in resolve(crossed, "Serpentes").clades] == ["Serpentes (suborder)"]
    within = resolve(crossed, "Serpentes (Mollusca)")
    assert [str(each) for each in within.clades] == ["Serpentes (subgenus)"]
    assert keys(resolve(crossed, f"{SHELLS}+subgenus Serpentes").clades) == [
        f"{SHELLS}+subgenus Serpentes"
    ]


def test_a_scientific_name_goes_before_a_common_name_and_so_does_a_synonym(
    crossed: duckdb.DuckDBPyConnection,
) -> None:
    for written, reason in (("Pica", "exact"), ("pica", "folded")):
        assert described(resolve(crossed, written)) == (["Pica (genus)"], reason, True)
    mammals = [clade(crossed, "Mammalia").interval]
    assert described(resolve(crossed, "Pica", mammals)) == (
        ["Ochotona (genus)"],
        "common name",
        True,
    )
    assert described(resolve(crossed, "Felis leo")) == (["Panthera leo (species)"], "synonym", True)


def test_the_very_name_goes_before_the_same_in_other_letters(
    crossed: duckdb.DuckDBPyConnection,
) -> None:
    for written in ("Quercus rosacea", "Quercus × rosacea"):
        (found,) = resolve(crossed, written).clades
        assert (found.name, resolve(crossed, written).reason) == (written, "exact")
    (found,) = resolve(crossed, "quercus x rosacea").clades
    assert str(found) == "Quercus rosacea (species)"


def taxa(connection: duckdb.DuckDBPyConnection) -> list[tuple[str, str]]:
    return connection.execute("SELECT taxon_key, name FROM taxa").fetchall()


def test_every_key_is_a_name_of_its_taxon(
    small: duckdb.DuckDBPyConnection, crossed: duckdb.DuckDBPyConnection
) -> None:
    for connection in (small, crossed):
        all_keys = [key for key, _ in taxa(connection)]
        found = resolve_all(connection, all_keys)
        assert [keys(each.clades) for each in found] == [[key] for key in all_keys]


def test_every_scientific_name_means_its_taxon_or_a_namesake(
    small: duckdb.DuckDBPyConnection, crossed: duckdb.DuckDBPyConnection
) -> None:
    for connection in (small, crossed):
        for _, name in taxa(connection):
            found = resolve(connection, name)
            assert {each.name for each in (*found.clades, *found.candidates)} == {name}
            assert (found.reason, found.matched, found.score) == ("exact", name, 1)


def test_a_key_within_another_clade_is_unknown(small: duckdb.DuckDBPyConnection) -> None:
    assert resolve(small, FIGS, [clade(small, "Animalia").interval]).status == "unknown"


def test_a_clade_tells_its_lineage_and_common_name(small: duckdb.DuckDBPyConnection) -> None:
    lion = clade(small, "Felis leo")
    assert lion.key == f"{CATS}|Panthera|Panthera leo"
    assert (lion.taxon.key, lion.taxon.common_name, lion.linnaean) == (lion.key, "lion", True)
    snakes = clade(small, "Serpentes")
    assert (snakes.taxon.key, snakes.linnaean) == ("|".join((*ANIMALS, "Reptilia|Squamata")), False)
    grass_snake = clade(small, "Natrix natrix")
    assert snakes.lo < grass_snake.lo < snakes.hi


NAMES = sorted(
    {part for line in TAXA.splitlines() for part in line.split(",")[4:] if part},
)
BINOMIALS = [
    name for name in (line.split(",")[4] for line in TAXA.splitlines()) if len(name.split()) == 2
]
AUTHORS = ["L.", "Linnaeus, 1758", "(Linnaeus, 1758)", "Mill. ex Ledeb.", "(L.) Hook.f. & Thomson"]


@given(st.sampled_from(NAMES), st.data())
@settings(deadline=None)
def test_case_accents_and_spaces_do_not_matter(
    small: duckdb.DuckDBPyConnection, name: str, data: st.DataObject
) -> None:
    changes = st.sampled_from(
        [
            str.upper,
            str.lower,
            str.title,
            lambda text: text.replace(" ", "_"),
            lambda text: text.replace(" ", "\u00a0 "),
            lambda text: f" {text}\n",
            lambda text: "".join(
                f"{letter}\u0301" if letter in "aeiou" else letter for letter in text
            ),
            lambda text: unicodedata.normalize("NFC", text.replace("o", "ö")),
        ]
    )
    written = name
    for change in data.draw(st.lists(changes, max_size=4)):
        written = change(written)
    found, plain = resolve(small, written), resolve(small, name)
    assert (found.clades, found.candidates) == (plain.clades, plain.candidates)


@given(st.sampled_from(BINOMIALS), st.sampled_from(AUTHORS))
@settings(deadline=None)
def test_an_author_does_not_matter_after_a_binomial(
    small: duckdb.DuckDBPyConnection, name: str, author: str
) -> None:
    found = resolve(small, f"{name} {author}")
    assert found.clades == resolve(small, name).clades != ()
    assert found.whole


PROSE = """
sleeping|in a tree|at night|fruit|with cubs|on the rocks, at dawn|and a zebra|nest|on red sand
""".strip().split("|")


@given(st.sampled_from(NAMES), st.sampled_from(PROSE))
@settings(deadline=None)
def test_a_name_in_prose_is_never_the_whole_of_it(
    small: duckdb.DuckDBPyConnection, name: str, prose: str
) -> None:
    for written in (f"{name} {prose}", f"a photo of a {name}", f"{prose} {name}"):
        found = resolve(small, written)
        assert found.status == "unknown" or not found.whole


WRITTEN = st.lists(
    st.sampled_from([*NAMES, *MEANT, *PARTS, *SEVERAL, *UNKNOWN.split("\n"), FIGS, SHELLS])
    | st.text(max_size=12),
    max_size=10,
)


@given(WRITTEN)
@settings(deadline=None, max_examples=50)
def test_many_names_are_resolved_as_each_alone_in_their_order(
    small: duckdb.DuckDBPyConnection, names: list[str]
) -> None:
    found = resolve_all(small, names)
    assert found == [resolve(small, name) for name in names]
    assert [each.written for each in found] == names


@given(WRITTEN, st.sampled_from(["Animalia", "Plantae", "Aves", "Quercus", "Serpentes"]))
@settings(deadline=None, max_examples=50)
def test_what_is_found_within_a_clade_lies_in_it(
    small: duckdb.DuckDBPyConnection, names: list[str], around: str
) -> None:
    lo, hi = clade(small, around).interval
    for found in resolve_all(small, names, [(lo, hi)]):
        assert all(lo <= each.lo < hi for each in (*found.clades, *found.candidates))


def test_no_names_have_no_meanings(small: duckdb.DuckDBPyConnection) -> None:
    assert resolve_all(small, []) == []


def test_a_name_that_is_long_is_unknown_and_quick(small: duckdb.DuckDBPyConnection) -> None:
    for written in ("Panthera leo " * 10_000, "x" * 100_000, "Ursus " + "(Plantae) " * 10_000):
        assert resolve(small, written).status == "unknown"


def test_a_taxonomy_is_asked_by_several_threads(tmp_path: Path) -> None:
    taxonomy = small_taxonomy(tmp_path)
    with ThreadPoolExecutor(4) as pool:
        found = pool.map(lambda name: resolve(taxonomy.cursor(), name), NAMES * 3)
    assert list(found) == resolve_all(taxonomy.connection, NAMES * 3)
    taxonomy.close()
