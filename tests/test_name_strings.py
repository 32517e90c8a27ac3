"""Name strings: what can be read out of a written name, and what must not be."""

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from indexer.taxonomy.name_strings import Reading, fold, readings
from indexer.taxonomy.no_names import no_taxon

AUTHOR, SUBGENUS, RANK = "without its author", "without its subgenus", "without its rank marker"
MARKS, CULTIVAR, SPECIES = "without its marks", "without its cultivar", "its species"
PARENTS = "the genus of both parents"


def part(name: str, reason: str, context: str = "") -> Reading:
    return Reading(name, reason, context, whole=False)


def only(name: str, context: str = "") -> Reading:
    return part(name, f'only "{name}" is sure', context)


def within(name: str, context: str) -> Reading:
    return Reading(name, f"in {context}", context)


WITH_CONTEXT = {
    "Ficus (Plantae)": [within("Ficus", "Plantae")],
    "Oenanthe (Muscicapidae)": [within("Oenanthe", "Muscicapidae")],
    "Bombus (Pyrobombus)": [within("Bombus", "Pyrobombus")],
    "Oenanthe L. (Apiaceae)": [
        within("Oenanthe L.", "Apiaceae"),
        Reading("Oenanthe", AUTHOR, "Apiaceae"),
    ],
    "Ficus carica (Animalia)": [within("Ficus carica", "Animalia")],  # no author
    "Ursus sp. (Mammalia)": [within("Ursus sp.", "Mammalia"), only("Ursus", "Mammalia")],
}
WITH_AUTHORS = {
    "Ursus arctos Linnaeus, 1758": "Ursus arctos",
    "Ursus arctos Linnaeus": "Ursus arctos",
    "Panthera leo (Linnaeus, 1758)": "Panthera leo",
    "Panthera leo (Linnaeus, 1758).": "Panthera leo",
    "Ursus Linnaeus, 1758": "Ursus",
    "Ursus Linnaeus 1758": "Ursus",
    "Felidae Fischer von Waldheim, 1817": "Felidae",
    "Quercus L.": "Quercus",
    "Metasequoia Hu & W.C.Cheng": "Metasequoia",
    "Quercus robur L.": "Quercus robur",
    "Pinus sylvestris Mill. ex Ledeb.": "Pinus sylvestris",
    "Poa annua (L.) Hook.f. & Thomson": "Poa annua",
    "Aloe vera (L.) Burm. f.": "Aloe vera",
    "Corvus corax d'Orbigny, 1839": "Corvus corax",
    "Turdus merula von Linné": "Turdus merula",
    "Rosa canina auct. non L.": "Rosa canina",
    "Mus musculus de Selys Longchamps 1839": "Mus musculus",
    "Oncorhynchus kisutch (Walbaum in Artedi, 1792)": "Oncorhynchus kisutch",
    "Quercus × rosacea Bechst.": "Quercus rosacea",
    "×Cuprocyparis leylandii (A.B.Jacks. & Dallim.) Farjon": "Cuprocyparis leylandii",
}
WITHIN_SPECIES = {
    "Ursus arctos horribilis": [part("Ursus arctos", SPECIES)],
    "ursus_arctos_horribilis": [part("ursus arctos", SPECIES)],
    "Ursus arctos ssp. horribilis": [
        Reading("Ursus arctos horribilis", RANK),
        part("Ursus arctos", SPECIES),
    ],
    "Brassica oleracea cv. italica": [
        Reading("Brassica oleracea italica", RANK),
        part("Brassica oleracea", SPECIES),
    ],
    "Poa annua L. var. reptans Hausskn.": [
        Reading("Poa annua var. reptans", AUTHOR),
        Reading("Poa annua reptans", RANK),
        part("Poa annua", SPECIES),
    ],
    "Motacilla flava Linnaeus, 1758 f. thunbergi Billberg, 1828": [
        Reading("Motacilla flava f. thunbergi", AUTHOR),
        Reading("Motacilla flava thunbergi", RANK),
        part("Motacilla flava", SPECIES),
    ],
    "Papilio (Papilio) machaon gorganus Fruhstorfer, 1922": [
        Reading("Papilio (Papilio) machaon gorganus", AUTHOR),
        Reading("Papilio machaon gorganus", SUBGENUS),
        part("Papilio machaon", SPECIES),
    ],
    "Aedes (Stegomyia) aegypti": [Reading("Aedes aegypti", SUBGENUS)],
    "Aedes (Stegomyia) aegypti (Linnaeus, 1762)": [
        Reading("Aedes (Stegomyia) aegypti", AUTHOR),
        Reading("Aedes aegypti", SUBGENUS),
    ],
    "Bombus (Pyrobombus) Dalla Torre, 1880": [
        Reading("Bombus (Pyrobombus)", AUTHOR),
        within("Bombus", "Pyrobombus"),
        only("Bombus"),
    ],
    "Rosa 'Peace'": [part("Rosa", CULTIVAR)],
    "Malus domestica 'Gala'": [part("Malus domestica", CULTIVAR)],
    "Malus domestica cv. Gala": [part("Malus domestica", CULTIVAR)],
    "Rosa canina L. 'Peace'": [part("Rosa canina L.", CULTIVAR), part("Rosa canina", AUTHOR)],
}
DOUBTFUL = {
    "Ursus sp.": "Ursus",
    "Ursus sp": "Ursus",
    "Ursus spp.": "Ursus",
    "Ursus sp. 2": "Ursus",
    "ursus sp2": "ursus",
    "Camponotus sp. A": "Camponotus",
    "Carabidae sp. nov.": "Carabidae",
    "Carabidae gen. sp.": "Carabidae",
    "Carabidae indet.": "Carabidae",
    "Ursus cf. arctos": "Ursus",
    "Ursus cf. arctos var. alba": "Ursus",
    "Ursus aff. arctos": "Ursus",
    "Ursus nr. arctos": "Ursus",
    "Ursus ? arctos": "Ursus",
    "Quercus × sp.": "Quercus",
    "Aedes (Stegomyia) sp.": "Aedes",
    "Ursus arctos cf. horribilis": "Ursus arctos",
    "Ursus arctos ssp.": "Ursus arctos",
}
HYBRIDS = {
    "Quercus robur × Quercus petraea": [part("Quercus", PARENTS)],
    "Quercus robur x petraea": [part("Quercus", PARENTS)],
    "Quercus robur × Q. petraea": [part("Quercus", PARENTS)],
    "Quercus robur×Q. petraea": [part("Quercus", PARENTS)],
    "Quercus robur L. × Q. petraea (Matt.) Liebl.": [part("Quercus", PARENTS)],
    "Anas platyrhynchos × Mareca strepera": [],
    "Anas platyrhynchos × Anas acuta × Mareca strepera": [],
    "anas platyrhynchos x mareca strepera": [],
    "Malus domestica 'Gala' × Malus sylvestris": [part("Malus", PARENTS)],
    "Quercus × rosacea": [],
    "× Agropogon × littoralis": [],
}
MARKED = {
    "<i>Panthera leo</i>": [Reading("Panthera leo", MARKS)],
    "†Mammuthus primigenius": [Reading("Mammuthus primigenius", MARKS)],
    '"Panthera leo"': [Reading("Panthera leo", MARKS)],
    "*Panthera leo*": [Reading("Panthera leo", MARKS)],
    "Panthera leo.": [Reading("Panthera leo", MARKS)],
    "Panthera,": [Reading("Panthera", MARKS)],
    "<em>Panthera leo</em> (Linnaeus, 1758)": [
        Reading("Panthera leo (Linnaeus, 1758)", MARKS),
        Reading("Panthera leo", AUTHOR),
    ],
    "†Mammuthus sp.": [Reading("Mammuthus sp.", MARKS), only("Mammuthus")],
}
AS_WRITTEN = """
Panthera leo|panthera leo|URSUS ARCTOS|Felidae|Aglais io|U. arctos|Hesperiidae|Larus fuscus/marinus
cf. Ursus arctos|Ursus arctos ?|Ursus arctos (?)|Ursus arctos?|Ursus ?|sp. A|BOLD:AAA1234
red fruit|white flower|Great tit|lion sleeping under a tree|a photo of a lion|Red Fox|Sea Lion
X-ray tetra|X ray tetra|Bison Herd|Iris Blue|Iris Müller 2019|Iris, 2019|Iris, close-up|Victoria
Victoria St. Petersburg|Bison Yellowstone 2019|Iris Blue & White|Gorilla Mountain, Uganda|2 x 3
Python and Boa|Apis mellifera & Bombus|Apis mellifera on Taraxacum officinale|Ursus arctos in 2019
Quercus robur, Fagus sylvatica|Apis mellifera Varroa destructor|Panthera leo IMG_0034|Tiger x lion
Cat's eye|Iris 40×|Lion (asleep)|dog & cat|Generation X|Ursus arctos 2019|†|''|×|.
""".replace("\n", "|").strip("|")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(WITH_CONTEXT | WITHIN_SPECIES | HYBRIDS | MARKED).items(),
        *((text, [Reading(name, AUTHOR)]) for text, name in WITH_AUTHORS.items()),
        *((text, [only(name)]) for text, name in DOUBTFUL.items()),
        *((text, []) for text in AS_WRITTEN.split("|")),
    ],
)
def test_a_text_is_read_as_written_and_then_with_less(text: str, expected: list[Reading]) -> None:
    assert readings(text) == [Reading(" ".join(text.replace("_", " ").split())), *expected]


def test_an_author_in_parentheses_may_be_a_context_as_well() -> None:
    assert readings("Puma concolor (Linnaeus)")[1:] == [
        within("Puma concolor", "Linnaeus"),
        Reading("Puma concolor", AUTHOR),
    ]


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("tit sp", "tit"),
        ("Great tit nest", "Great tit"),
        ("coral snake mimic", "coral snake"),
        ("Lion 'Simba'", "Lion"),
    ],
)
def test_english_that_looks_like_a_name_says_that_a_part_is_left_out(text: str, found: str) -> None:
    assert [(each.name, each.whole) for each in readings(text)] == [(text, True), (found, False)]


def test_a_blank_text_has_only_the_reading_as_written() -> None:
    assert readings(" _ ") == readings("") == [Reading("")]


WORDS = """
Ursus|arctos|horribilis|ursus|(Stegomyia)|(Plantae)|sp.|sp|cf.|?|(?)|L.|Linnaeus, 1758|×|x|X|ssp.|_
var.|f.|cv.|&|ex|'Peace'|'|"|†|<i>|</i>|.|,|(Linnaeus, 1758)|d'Orbigny|von|auct.|(|)|×Poa
""".strip().replace("\n", "|")
TEXTS = st.text() | st.lists(st.sampled_from(WORDS.split("|")), max_size=12).map(" ".join)


@given(TEXTS)
@example("Ursus " + "(Plantae) " * 12)
def test_readings_are_few_named_and_told_apart_and_the_whole_ones_come_first(text: str) -> None:
    first, *others = found = readings(text)
    assert first == Reading(" ".join(text.replace("_", " ").split()))
    assert len(found) <= 8
    assert all(each.name.strip() and each.reason for each in others)
    assert len({(each.name, each.context) for each in found}) == len(found)
    assert sorted(found, key=lambda each: not each.whole) == found


HOSTILE = [
    "(A) ",
    "x ",
    "×",
    "a",
    "_",
    "<",
    ".",
    "?",
    "sp. ",
    "var. al ",
    "L. & ",
    "'",
    "1",
    "\u0301",
]


@pytest.mark.parametrize("piece", HOSTILE)
@pytest.mark.parametrize("length", [300, 100_000])
def test_no_text_takes_long(piece: str, length: int) -> None:
    text = ("Ursus arctos " + piece * length)[:length]
    began = time.process_time()
    for read in (readings, fold, no_taxon):
        read(text)
        read(text[13:])
    assert time.process_time() - began < 10  # of our own; what grows as the square takes an hour
    assert length == 300 or len(readings(text)) == 1


ALIKE = """
Panthera leo|panthera_leo|PANTHERA  LEO| Pänthera\tleo
Quercus rosacea|Quercus × rosacea|Quercus x rosacea|Quercus ×rosacea|quercus X rosacea
Cuprocyparis leylandii|×Cuprocyparis leylandii|x Cuprocyparis leylandii|× Cuprocyparis leylandii
Quercus robur × petraea|Quercus robur x petraea|Quercus robur X petraea
Père David's deer|Pere David’s deer|père david‘s deer
Uva-ursi|Uva‐ursi|Uva–ursi|uva‑ursi
""".strip().split("\n")


@pytest.mark.parametrize("names", ALIKE)
def test_names_that_differ_in_writing_only_fold_alike(names: str) -> None:
    assert len({fold(name) for name in names.split("|")}) == 1


@pytest.mark.parametrize(
    "name", ["X", "x", "2 x 3", "Generation X", "X-ray tetra", "Quercus robur x petraea"]
)
def test_an_x_that_is_no_sign_of_a_hybrid_name_stays(name: str) -> None:
    assert fold(name) == name.lower()


@given(TEXTS)
@example("ℍ")
@example("x x Quercus")
@example("× Agropogon × littoralis")
@example("＿ŉ﹘")
def test_folding_twice_is_folding_once(name: str) -> None:
    folded = fold(name)
    assert fold(folded) == folded == " ".join(folded.split())


@given(TEXTS)
def test_a_name_with_a_letter_or_digit_never_folds_to_nothing(name: str) -> None:
    assert fold(name) or not any(c.isascii() and c.isalnum() for c in name)


NO_TAXON = {
    "blank": "blank|Blank|EMPTY|nothing|none|no animal|No_Animals|no cv result|false-positive|"
    "false trigger|ghost|(blank)",
    "vehicle": "vehicle|Vehicles|car|truck|bicycle|motorcycle|buses",
    "human": "human|Humans|person|people|woman|researcher|hiker|setup_pickup|set-up crew|"
    "maintenance crew|pickup",
    "unknown": "unknown|Unidentified|unidentifiable|undetermined|indet.|unsorted|unclassified|"
    "other|misc|n/a|NA|null|NaN|unknown species|sp.|???|-",
    "morphospecies": "morphospecies 12|Morphospecies|MSP12|morpho sp. 3|OTU 45|sp. A|sp 2|"
    "Species 1",
    "BIN": "BOLD:AAA1234|BOLD:ABC12345|bold:aab0001",
    "": "|Homo sapiens|animal|bird|plant|Camponotus sp. A|Morpho sp. 3|Morpho_peleides|"
    "Panthera leo|unknown bird|spa|car park|blank face|fisher|sea otter|noneya|BOLD|×",
}


@pytest.mark.parametrize(
    ("text", "kind"),
    [(text, kind) for kind, texts in NO_TAXON.items() for text in texts.split("|")],
)
def test_labels_that_name_no_taxon_are_known_for_what_they_are(text: str, kind: str) -> None:
    assert no_taxon(text) == kind
