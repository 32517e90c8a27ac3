"""Darwin Core: archives as GBIF, the Catalogue of Life and iNaturalist publish them, and tables."""

import zipfile
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from archives import rows, write, zipped

from indexer.taxonomy.draft import Draft
from indexer.taxonomy.sources import read_source
from model.errors import BadInput

# Its lines as GBIF's: tabs, no quotes, names with their authors.
TERMS = (
    "taxonID parentNameUsageID acceptedNameUsageID scientificName scientificNameAuthorship "
    "taxonRank taxonomicStatus"
)
ROWS = """\
1			Metazoa		KINGDOM	accepted
2	1		Chordata		phylum	accepted
3	2		Reptilia Laurenti, 1768	Laurenti, 1768	class	accepted
4	3		Squamata		order	accepted
5	4		Serpentes		suborder	accepted
6	5		Viperidae		family	accepted
7	6		Vipera Laurenti, 1768	Laurenti, 1768	genus	accepted
8	7	8	Vipera berus (Linnaeus, 1758)	(Linnaeus, 1758)	species	accepted
9	8		Vipera berus nikolskii		subspecies	accepted
10		8	Coluber berus Linnaeus, 1758	Linnaeus, 1758	species	synonym
11		10	Pelias berus		species	heterotypic synonym
12		99	Vipera prester		species	synonym
13			Vipera torva		species	synonym
14		15	Coluber a		species	synonym
15		14	Coluber b		species	synonym
16	10		Vipera berus bosniensis			doubtful
17	7		Unknown		species	accepted
"""
TAXA = TERMS.replace(" ", "\t") + "\n" + ROWS
TREE = [
    (1, "1", "", "kingdom", "Animalia"),
    (2, "2", "1", "phylum", "Chordata"),
    (3, "3", "2", "class", "Reptilia"),
    (4, "4", "3", "order", "Squamata"),
    (5, "5", "4", "suborder", "Serpentes"),
    (6, "6", "5", "family", "Viperidae"),
    (7, "7", "6", "genus", "Vipera"),
    (8, "8", "7", "species", "Vipera berus"),
    (9, "9", "8", "subspecies", "Vipera berus nikolskii"),
    (16, "16", "8", "unranked", "Vipera berus bosniensis"),
]
SYNONYMS = [
    (10, "8", "Coluber berus", "synonym", ""),
    (11, "8", "Pelias berus", "synonym", ""),
]
PROBLEMS = (
    (12, "Vipera prester", "its accepted taxon 99 is missing: left out"),
    (13, "Vipera torva", "it is a synonym, of what is not said: left out"),
    (14, "Coluber a", "it is a synonym of itself, by way of others: left out"),
    (15, "Coluber b", "it is a synonym of itself, by way of others: left out"),
    (17, "", "it has no name, or one that says unknown: left out"),
)
VERNACULARS = """\
8;'adder; viper';en;
8;'Kreuzotter';de;
10;'common adder';en;true
77;'nothing';en;
"""
DWC = "http://rs.tdwg.org/dwc/terms/"
EML = """<eml:eml xmlns:eml="eml://ecoinformatics.org/eml-2.1.1"><dataset>
<title>Snakes of the North</title><pubDate> 2024-05-01 </pubDate><intellectualRights><para>To the
extent possible: <ulink url="x"><citetitle>CC0 1.0</citetitle></ulink>.</para></intellectualRights>
</dataset></eml:eml>"""


def meta(core: str, *extensions: str) -> str:
    return (
        '<?xml version="1.0"?><archive xmlns="http://rs.tdwg.org/dwc/text/" metadata="eml.xml">'
        + core
        + "".join(extensions)
        + "</archive>"
    )


def table(tag: str, kind: str, files: list[str], terms: str, attributes: str) -> str:
    """Describe a table whose first column is its id."""
    fields = "".join(
        f'<field index="{place}" term="{DWC}{term}"/>'
        for place, term in enumerate(terms.split())
        if term != "-"
    )
    places = "".join(f"<location>{file}</location>" for file in files)
    return (
        f'<{tag} rowType="{DWC}{kind}" {attributes}><files>{places}</files>'
        f'<{"id" if tag == "core" else "coreid"} index="0"/>{fields}</{tag}>'
    )


TABS = 'fieldsTerminatedBy="\\t" fieldsEnclosedBy="" encoding="UTF-8" ignoreHeaderLines="1"'
CORE = table("core", "Taxon", ["taxon.txt"], TERMS, TABS)
NAMES = table(
    "extension",
    "VernacularName",
    ["names.txt"],
    "- vernacularName language isPreferredName",
    """fieldsTerminatedBy=";" fieldsEnclosedBy="'" """,
)
ARCHIVE = {
    "meta.xml": meta(CORE, NAMES),
    "eml.xml": EML,
    "taxon.txt": TAXA,
    "names.txt": VERNACULARS,
}


def read(path: Path) -> Draft:
    return read_source(str(path))


@pytest.mark.parametrize("form", ["folder", "zip", "zip with a folder"])
def test_an_archive_is_read(tmp_path: Path, form: str) -> None:
    if form == "folder":
        path = write(tmp_path / "snakes", ARCHIVE)
    else:
        path = zipped(tmp_path / "snakes.zip", ARCHIVE, "backbone/" if "with" in form else "")
    before = sorted(tmp_path.rglob("*"))
    draft = read(path)
    assert rows(draft.taxa) == TREE
    assert rows(draft.names) == [
        *SYNONYMS,
        (3, "8", "common adder", "common", "en"),
        (1, "8", "adder; viper", "common", "en"),
        (2, "8", "Kreuzotter", "common", "de"),
        (4, "77", "nothing", "common", "en"),
    ]
    assert draft.problems == PROBLEMS
    assert (draft.title, draft.version) == ("Snakes of the North", "2024-05-01")
    assert draft.licence == "To the extent possible: CC0 1.0."
    assert sorted(tmp_path.rglob("*")) == before


@pytest.mark.parametrize("suffix", [".tsv", ".txt", ".csv", ".parquet"])
def test_a_table_needs_no_archive(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"snakes[1]{suffix}"
    cells = [line.split("\t") for line in TAXA.splitlines()]
    if suffix == ".parquet":
        columns = dict(zip(cells[0], zip(*cells[1:], strict=True), strict=True))
        pq.write_table(pa.table({name: list(column) for name, column in columns.items()}), path)
    elif suffix == ".csv":
        lines = [",".join(f'"{cell}"' for cell in line) for line in cells]
        path.write_text("\ufeff" + "\r\n".join(lines), encoding="utf-8")
    else:
        path.write_text(TAXA.replace("taxonID", "dwc:taxonID", 1))
    draft = read(path)
    assert rows(draft.taxa) == TREE
    assert rows(draft.names) == SYNONYMS
    assert draft.problems == PROBLEMS


def test_ids_may_differ_from_what_extensions_are_joined_by(tmp_path: Path) -> None:
    """As in iNaturalist's archive, with one file of names for each language."""
    url = "https://www.inaturalist.org/taxa/"
    core = table(
        "core",
        "Taxon",
        ["taxa.csv"],
        "- taxonID parentNameUsageID scientificName taxonRank",
        'fieldsTerminatedBy="," fieldsEnclosedBy="&quot;" ignoreHeaderLines="1"',
    )
    names = table(
        "extension", "VernacularName", ["en.csv", "de.csv"], "- vernacularName", ""
    ).replace("</files>", f'</files><field term="{DWC}language" default="mul"/>')
    files = {
        "meta.xml": meta(core, names),
        "taxa.csv": "id,taxonID,parentNameUsageID,scientificName,taxonRank\n"
        f"26036,{url}26036,,Vipera,genus\n"
        f'30382,{url}30382,{url}26036,"Vipera berus",species\n',
        "en.csv": "30382,Adder\n",
        "de.csv": "30382,Kreuzotter\n\n30382,Adder\n",
    }
    draft = read(zipped(tmp_path / "inat.zip", files))
    assert rows(draft.taxa) == [
        (1, f"{url}26036", "", "genus", "Vipera"),
        (2, f"{url}30382", f"{url}26036", "species", "Vipera berus"),
    ]
    assert rows(draft.names) == [
        (1, f"{url}30382", "Adder", "common", "mul"),
        (2, f"{url}30382", "Kreuzotter", "common", "mul"),
        (3, f"{url}30382", "Adder", "common", "mul"),
    ]
    assert not draft.problems


def test_without_parents_the_rank_columns_count(tmp_path: Path) -> None:
    path = tmp_path / "trees.csv"
    path.write_text(
        "taxonID,acceptedNameUsageID,scientificName,taxonRank,kingdom,family,genus,vernacularName\n"
        "a,,Quercus robur L.,species,Plantae,Fagaceae,Quercus,English oak | Stieleiche\n"
        "b,a,Quercus pedunculata Ehrh.,species,Plantae,Fagaceae,Quercus,\n"
        "c,,Quercus robur subsp. brutia,subspecies,Plantae,Fagaceae,Quercus,\n"
        "d,,Fagales,order,Plantae,,,\n"
        "e,,Fagus sylvatica,,Plantae,Fagaceae,Fagus,\n"
        "f,,Quercoideae,subfamily,Plantae,Fagaceae,,\n"
        "g,,Fagaceae,,Plantae,Fagaceae,,\n"
    )
    draft = read(path)
    above, oak = "Plantae||||Fagaceae", "Plantae||||Fagaceae|Quercus|Quercus robur"
    assert rows(draft.taxa) == [
        (1, oak, f"{above}|Quercus", "species", "Quercus robur"),
        (
            3,
            f"{oak}+subspecies Quercus robur subsp. brutia",
            oak,
            "subspecies",
            "Quercus robur subsp. brutia",
        ),
        (4, "Plantae|||Fagales", "Plantae", "order", "Fagales"),
        (5, f"{above}|Fagus|Fagus sylvatica", f"{above}|Fagus", "species", "Fagus sylvatica"),
        (6, f"{above}+subfamily Quercoideae", above, "subfamily", "Quercoideae"),
        (7, above, "Plantae", "family", "Fagaceae"),
        (0, "Plantae", "", "kingdom", "Plantae"),
        (0, f"{above}|Quercus", above, "genus", "Quercus"),
        (0, f"{above}|Fagus", above, "genus", "Fagus"),
    ]
    assert rows(draft.names) == [
        (2, oak, "Quercus pedunculata", "synonym", ""),
        (1, oak, "English oak", "common", ""),
        (1, oak, "Stieleiche", "common", ""),
    ]


def test_without_ids_what_is_said_twice_is_one_taxon(tmp_path: Path) -> None:
    path = tmp_path / "occurrences.tsv"
    path.write_text(
        "occurrenceID\tscientificName\ttaxonRank\tgenus\n"
        "1\tPica pica\tSPECIES\tPica\n2\tPica pica\tSPECIES\tPica\n3\tPica\tGENUS\tPica\n"
    )
    draft = read(path)
    key = "|||||Pica"
    assert rows(draft.taxa) == [
        (1, f"{key}|Pica pica", key, "species", "Pica pica"),
        (3, key, "", "genus", "Pica"),
    ]
    assert not draft.problems


def test_parents_and_accepted_taxa_may_be_given_by_name(tmp_path: Path) -> None:
    path = tmp_path / "magpies.tsv"
    path.write_text(
        "taxonRank\tscientificName\tscientificNameAuthorship\tparentNameUsage\tacceptedNameUsage\n"
        "genus\tPica Brisson, 1760\tBrisson, 1760\t\tPica Brisson, 1760\n"
        "species\tPica pica (L.)\t(L.)\tPica\t\n"
        "species\tCorvus pica L.\tL.\t\tPica pica (L.)\n"
    )
    draft = read(path)
    genus, species = draft.taxa["id"].to_pylist()
    assert [row[2:] for row in rows(draft.taxa)] == [
        ("", "genus", "Pica"),
        (genus, "species", "Pica pica"),
    ]
    assert rows(draft.names) == [(3, species, "Corvus pica", "synonym", "")]


def test_names_lose_authors_and_subgenera_where_the_source_tells_them(tmp_path: Path) -> None:
    path = tmp_path / "names.tsv"
    path.write_text(
        "taxonID\tscientificName\tscientificNameAuthorship\tcanonicalName\ttaxonRank\tgenus\t"
        "specificEpithet\n"
        "1\tAbies alba Mill.\t\tAbies alba\tspecies\t\t\n"
        "2\tAbies alba Mill.\t\t\tspecies\tAbies\talba\n"
        "3\tAedes (Stegomyia) aegypti (Linnaeus, 1762)\t(Linnaeus, 1762)\t\tspecies\t\t\n"
        "4\tCulex (Culex) pipiens pallens\t\t\tsubspecies\t\t\n"
        "5\tQuercus × rosacea Bechst.\tBechst.\t\tspecies\tQuercus\trosacea\n"
        "6\tPoa annua  L. var. annua\tL.\t\tVARIETY\t\t\n"
    )
    assert read(path).taxa["name"].to_pylist()[:6] == [
        "Abies alba",
        "Abies alba",
        "Aedes aegypti",
        "Culex pipiens pallens",
        "Quercus × rosacea",
        "Poa annua var. annua",
    ]


def test_rows_that_are_ragged_are_listed_and_odd_letters_are_read(tmp_path: Path) -> None:
    path = tmp_path / "ragged.tsv"
    path.write_bytes(
        b"taxonID\tscientificName\ttaxonRank\tparentNameUsageID\n"
        b"1\tPica\tgenus\n2\tPica pica\tspecies\t1\textra\n3\tPica M\xe4\tspecies\t1\n"
        b'4\tPica "nuttalli\tspecies\t1\n5\tPica\xff\n6\tPica asirensis\tspecies\t1\n'
    )
    draft = read(path)
    assert [row[:3] for row in rows(draft.taxa)] == [
        (1, "1", ""),
        (3, "3", "1"),
        (4, "4", "1"),
        (5, "5", ""),
        (6, "6", "1"),
    ]
    assert draft.taxa["name"].to_pylist()[1:4] == ["Pica Mä", 'Pica "nuttalli', "Picaÿ"]
    ((row, shown, wrong),) = draft.problems
    assert (row, shown) == (2, "2 | Pica pica | species | 1 | extra")
    assert wrong.startswith("line 3 has 5 cells and the header 4")
    assert wrong.endswith(": left out")


def test_another_encoding_is_understood_if_meta_xml_says_so(tmp_path: Path) -> None:
    core = CORE.replace("UTF-8", "ISO-8859-1")
    path = write(tmp_path / "latin", {"meta.xml": meta(core)})
    (path / "taxon.txt").write_bytes(f"{TAXA}18\t7\t\tVipera lataste\xefi\n".encode("latin-1"))
    assert read(path).taxa["name"].to_pylist()[-1] == "Vipera latasteïi"
    (path / "meta.xml").write_text(meta(CORE.replace("UTF-8", "UTF-16")))
    with pytest.raises(BadInput, match=r"taxon\.txt cannot be read as a table: UTF-16 stream does"):
        read(path)
    (path / "taxon.txt").write_text(TAXA, encoding="utf-16")
    assert rows(read(path).taxa) == TREE
    (path / "meta.xml").write_text(meta(CORE.replace("UTF-8", "EBCDIC")))
    with pytest.raises(BadInput, match="is written in EBCDIC, which is not read here; write"):
        read(path)


@pytest.mark.parametrize("named", ["../taxon.txt", "/etc/passwd", "C:\\taxon.txt", "a\\..\\..\\b"])
def test_an_archive_names_no_file_outside_of_it(tmp_path: Path, named: str) -> None:
    files = {"meta.xml": meta(CORE.replace("taxon.txt", named)), "eml.xml": EML, named: TAXA}
    path = zipped(tmp_path / "evil.zip", files)
    with pytest.raises(BadInput, match=r"evil\.zip names a file outside of itself, .*; such an"):
        read(path)


def test_an_archive_that_lacks_its_table(tmp_path: Path) -> None:
    files = {"meta.xml": ARCHIVE["meta.xml"], "eml.xml": EML}
    sentence = r"has no file taxon\.txt; is it complete\?"
    for path in (write(tmp_path / "snakes", files), zipped(tmp_path / "snakes.zip", files)):
        with pytest.raises(BadInput, match=sentence):
            read(path)


def test_an_archive_of_something_else(tmp_path: Path) -> None:
    core = CORE.replace("Taxon", "Occurrence")
    path = write(tmp_path / "seen", {**ARCHIVE, "meta.xml": meta(core, NAMES)})
    with pytest.raises(BadInput, match="holds Occurrence, VernacularName and no table of Taxon;"):
        read(path)


def test_a_table_that_is_described_wrongly(tmp_path: Path) -> None:
    core = CORE.replace('fieldsEnclosedBy=""', 'fieldsEnclosedBy="ab"')
    path = write(tmp_path / "snakes", {**ARCHIVE, "meta.xml": meta(core)})
    with pytest.raises(BadInput, match=r"taxon\.txt cannot be read as a table: .*quotechar"):
        read(path)


def test_declared_entities_are_refused(tmp_path: Path) -> None:
    bomb = '<!DOCTYPE a [<!ENTITY b "boom">]><archive>&b;</archive>'
    path = write(tmp_path / "bomb", {**ARCHIVE, "meta.xml": bomb})
    with pytest.raises(BadInput, match=r"meta\.xml in .* cannot be read: it declares a DOCTYPE"):
        read(path)
    (path / "meta.xml").write_text("<archive")
    with pytest.raises(BadInput, match=r"meta\.xml in .* cannot be read: unclosed token"):
        read(path)


def test_a_member_that_unpacks_to_gigabytes_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "bomb.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        archive.writestr("meta.xml", ARCHIVE["meta.xml"])
        with archive.open("taxon.txt", "w") as member:
            for _ in range(1025):
                member.write(b"\0" * 1024**2)
    with pytest.raises(BadInput, match=r"taxon\.txt in .* would unpack to 1,074,790,400 bytes"):
        read(path)
