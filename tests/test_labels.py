"""Labels: what folder names and label files say, with nothing of it lost."""

from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from indexer.inputs.records import Record
from indexer.labels.label_files import (
    Label,
    label_from,
    label_of_folder,
    labelled,
    read_label_file,
)
from indexer.taxonomy.name_strings import readings
from model.errors import BadInput
from model.taxon import Rank, Taxon
from search.identify.name_lists import read_classes, read_names

LION = ("Animalia", "Chordata", "Mammalia", "Carnivora", "Felidae", "Panthera", "Panthera leo")


def species(genus: str, epithet: str, common_name: str = "") -> Taxon:
    return Taxon(("", "", "", "", "", genus, f"{genus} {epithet}"), common_name)


def write(path: Path, text: str, encoding: str = "utf-8") -> Path:
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("name", ["Panthera leo", "Panthera_leo"])
def test_a_folder_may_be_named_for_a_species(name: str) -> None:
    assert label_of_folder(name) == Label(name, species("Panthera", "leo"))


def test_a_folder_of_inaturalist_2021_names_a_whole_lineage() -> None:
    name = "00123_Animalia_Chordata_Mammalia_Carnivora_Felidae_Panthera_leo"
    assert label_of_folder(name) == Label(name, Taxon(LION))
    of_subspecies = label_of_folder(f"{name}_persica").taxon
    assert of_subspecies == Taxon((*LION[:6], "Panthera leo persica"))


OTHER_NAMES = """lion|LION|blank|Felidae|panthera leo|Panthera Leo|BOLD:AAA1234|00123|test tube|newt
|Panthera leo persica|00123_Animalia_Panthera_leo|Löwe| """.replace("\n", "").split("|")


@pytest.mark.parametrize("name", OTHER_NAMES)
def test_any_other_folder_name_stays_a_label_without_a_taxon(name: str) -> None:
    assert label_of_folder(name) == Label(name)


NO_LABELS = """unsorted|misc|new|New folder (2)|IMG|DCIM|100MEDIA|100_BTCF|101CANON|100RECNX
|IMG_0034|DSC0012|2021|2021-05-04|2021_05|20210504|04.05.2021|To sort""".replace("\n", "")


@pytest.mark.parametrize("name", NO_LABELS.split("|"))
def test_folders_of_cameras_and_of_what_is_not_sorted_are_no_labels(name: str) -> None:
    assert label_of_folder(name) == Label("")


def test_a_word_that_a_table_gives_as_a_label_stays_one(tmp_path: Path) -> None:
    path = write(tmp_path / "labels.csv", "file_name,label\n1.jpg,unsorted\n2.jpg,2021\n")
    assert {label.text for label in read_label_file(path).values()} == {"unsorted", "2021"}


WRITTEN = {
    "Hypnum versicolor Hornsch. ex Müll.Hal.": "Hypnum versicolor",
    "Hydraena (Hydraena) gressa": "Hydraena gressa",
    "Neritina (Theodoxus) oslavanensis Rzehak, 1893": "Neritina oslavanensis",
    "Acacia cheilanthifolia var. cheilanthifolia": "Acacia cheilanthifolia cheilanthifolia",
    "Halymenia nukuhivensis N'Yeurt & Payri": "Halymenia nukuhivensis",
    "Spinus tristis, Linnaeus 1758": "Spinus tristis",
    "Abies alba Arv.-Touv. ex Dörfl.": "Abies alba",
    "Ursus cf. arctos": "Ursus",
    "Ursus sp. 2": "Ursus",
    "Quercus robur × Q. petraea": "Quercus",
    "cf. Spinus tristis": "",
    "Larus fuscus/marinus": "",
    "Panthera leo + Panthera tigris": "",
    "Panthera leo | Panthera tigris": "",
    "Panthera leo, Equus quagga": "",
    "P. leo": "",
    "blank + Equus quagga": "",
}


@pytest.mark.parametrize("column", ["taxon", "species"])
@pytest.mark.parametrize(("written", "meant"), WRITTEN.items())
def test_a_scientific_name_stays_as_written_and_is_read_or_no_taxon(
    column: str, written: str, meant: str, tmp_path: Path
) -> None:
    label = read_label_file(write(tmp_path / "l.csv", f'file_name,{column}\n1.jpg,"{written}"\n'))[
        "1.jpg"
    ]
    assert label.text == written
    assert (label.taxon.name if label.taxon else "") == meant


def test_one_word_in_the_column_of_species_is_a_label_and_beside_a_genus_an_epithet(
    tmp_path: Path,
) -> None:
    lines = "file_name,genus,species\na.jpg,,lion\nb.jpg,Panthera,leo\n"
    labels = read_label_file(write(tmp_path / "labels.csv", lines))
    assert labels["a.jpg"].text == "lion"
    assert labels["b.jpg"].taxon == Taxon(("", "", "", "", "", "Panthera", "Panthera leo"))


def test_labels_that_differ_by_case_or_blanks_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    text = "file_name,label\na.jpg,goldfinch\nb.jpg,Goldfinch\nc.jpg,GOLDFINCH\nd.jpg,swallow\n"
    text += "".join(f"{n}.jpg,x{n}\nx{n}.jpg,X{n}\n" for n in range(5))
    read_label_file(write(tmp_path / "few.csv", text))
    assert [record.getMessage() for record in caplog.records] == [
        f"{tmp_path}/few.csv writes one label in several ways: goldfinch, Goldfinch, GOLDFINCH; "
        "x0, X0; x1, X1; and 3 more labels."
    ]


def test_of_the_spellings_of_one_class_the_first_counts_and_the_others_are_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    assert read_classes("goldfinch, Goldfinch,swallow,GOLD_FINCH") == (
        *("goldfinch", "swallow", "GOLD_FINCH"),
    )
    assert "Goldfinch is the same name as goldfinch, which counts." in caplog.text
    assert read_names(write(tmp_path / "names.txt", "Löwe\nlowe\nNewt\n")) == ("Löwe", "Newt")


def test_the_scientific_name_beside_a_label_is_kept_and_counts(tmp_path: Path) -> None:
    path = write(
        tmp_path / "l.csv",
        "file_name,label,taxon,genus,species\n"
        "1.jpg,my cat,Felis silvestris lybica (Forster),Felis,silvestris\n",
    )
    label = read_label_file(path)["1.jpg"]
    assert label.taxon is not None
    assert (label.text, label.taxon.name) == ("my cat", "Felis silvestris lybica")
    assert label.metadata == {"verbatimIdentification": "Felis silvestris lybica (Forster)"}


def test_a_label_file_speaks_of_files_with_taxa_common_names_and_metadata(tmp_path: Path) -> None:
    path = write(
        tmp_path / "labels.csv",
        "file_name,taxon,common_name,site,count\n"
        "a/1.jpg,Panthera leo,lion,Serengeti,007\n"
        '"a, b/2.jpg","Pica hudsonia (Sabine, 1823)",,"two\nlines",\n',
    )
    assert read_label_file(path) == {
        "a/1.jpg": Label(
            "Panthera leo",
            species("Panthera", "leo", "lion"),
            {"site": "Serengeti", "count": "007"},
        ),
        "a, b/2.jpg": Label(
            "Pica hudsonia (Sabine, 1823)",
            species("Pica", "hudsonia"),
            {"site": "two\nlines"},
        ),
    }


def test_a_label_file_speaks_of_folders_with_ranks(tmp_path: Path) -> None:
    path = write(
        tmp_path / "labels.csv",
        "label,kingdom,phylum,class,order,family,genus,species,common_name\n"
        "L1,Animalia,Chordata,Mammalia,Carnivora,Felidae,Panthera,leo,lion\n"
        "L2,Metazoa,Chordata,Mammalia,Carnivora,Felidae,Panthera,Panthera leo,\n"
        "cats,Animalia,Chordata,Mammalia,Carnivora,Felidae,,,\n"
        "blank,,,,,,,,\n",
    )
    assert read_label_file(path) == {
        "L1": Label("L1", Taxon(LION, "lion")),
        "L2": Label("L2", Taxon(LION)),
        "cats": Label("cats", Taxon((*LION[:5], "", ""))),
        "blank": Label("blank"),
    }


@pytest.mark.parametrize("rank", list(Rank)[:6])
def test_a_name_may_come_with_its_rank_alone(rank: Rank, tmp_path: Path) -> None:
    path = write(tmp_path / "labels.csv", f"label,taxon,rank,site\nx,Felidae,{rank},Kenya\n")
    label = read_label_file(path)["x"]
    assert label.taxon is not None
    assert (label.taxon.rank, label.taxon.name) == (rank, "Felidae")
    assert label.metadata == {"site": "Kenya"}


@pytest.mark.parametrize(
    ("name", "rank", "cleaned"),
    [
        ("Panthera leo", "species", "Panthera leo"),
        ("Panthera leo persica", "subspecies", "Panthera leo persica"),
        ("Panthera leo (Linnaeus, 1758)", "", "Panthera leo"),
    ],
)
def test_a_scientific_name_may_have_an_author_and_a_subspecies(
    name: str, rank: str, cleaned: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "labels.csv", f'label,taxon,rank\nx,"{name}",{rank}\n')
    taxon = read_label_file(path)["x"].taxon
    assert taxon is not None
    assert (taxon.at(Rank.GENUS), taxon.name) == ("Panthera", cleaned)


def test_what_names_no_taxon_stays_a_label(tmp_path: Path) -> None:
    path = write(
        tmp_path / "labels.csv",
        "file_name,taxon,common_name,note\n"
        "1.jpg,Panthera,,no rank\n2.jpg,,vehicle,\n3.jpg,,,dark\n4.jpg,,,\n",
    )
    assert read_label_file(path) == {
        "1.jpg": Label("Panthera", None, {"note": "no rank"}),
        "2.jpg": Label("vehicle"),
        "3.jpg": Label("", None, {"note": "dark"}),
        "4.jpg": Label(""),
    }


@pytest.mark.parametrize("name", ["labels.csv", "labels.tsv", "labels.txt", "labels.parquet"])
def test_a_label_file_may_be_csv_tsv_or_parquet(name: str, tmp_path: Path) -> None:
    columns = {
        "file_name": ["1.jpg", "2.jpg"],
        "taxon": ["Panthera leo", "Pica pica"],
        "notes": ["Grevy's; zebra | x", "ñ 喜鹊"],
    }
    path = tmp_path / name
    if path.suffix == ".parquet":
        pq.write_table(pa.table(columns | {"count": [1, None]}), path)
        counts: list[dict[str, str]] = [{"count": "1"}, {}]
    else:
        separator = "," if path.suffix == ".csv" else "\t"
        lines = [columns.keys(), *zip(*columns.values(), strict=True)]
        write(path, "".join(separator.join(line) + "\n" for line in lines))
        counts = [{}, {}]
    assert read_label_file(path) == {
        "1.jpg": Label(
            "Panthera leo", species("Panthera", "leo"), {"notes": "Grevy's; zebra | x"} | counts[0]
        ),
        "2.jpg": Label("Pica pica", species("Pica", "pica"), {"notes": "ñ 喜鹊"} | counts[1]),
    }


@pytest.mark.parametrize(
    "text",
    [
        "\ufefffile_name,taxon\n1.jpg,Pica pica\n",
        "file_name,taxon\r\n1.jpg,Pica pica\r\n",
        "file_name;taxon\n1.jpg;Pica pica\n",
        "file_name,taxon\n1.jpg,Pica pica",
        '"file_name","taxon"\n"1.jpg","Pica pica"\n',
        "file_name, taxon\n1.jpg, Pica pica \n",
        "file_name,taxon\n1.jpg,Pica pica\n,Panthera leo\n",
    ],
    ids=["Excel's mark", "Windows", "semicolons", "no last newline", "quotes", "blanks", "no key"],
)
def test_csv_is_read_as_the_programs_of_this_world_write_it(text: str, tmp_path: Path) -> None:
    path = write(tmp_path / "labels.csv", text)
    assert read_label_file(path) == {"1.jpg": Label("Pica pica", species("Pica", "pica"))}


def test_no_line_is_lost_between_many(tmp_path: Path) -> None:
    lines = "".join(f"{number}.jpg,Pica pica,{number}\n" for number in range(5000))
    labels = read_label_file(write(tmp_path / "labels.csv", "file_name,taxon,number\n" + lines))
    assert list(labels) == [f"{number}.jpg" for number in range(5000)]
    assert [label.metadata["number"] for label in labels.values()] == [str(n) for n in range(5000)]


def test_a_file_is_read_alone_whatever_its_name_looks_like(tmp_path: Path) -> None:
    write(tmp_path / "labels1.csv", "label,common_name\nother,lion\n")
    path = write(tmp_path / "labels[1].csv", "label,common_name\nthis,lion\n")
    assert list(read_label_file(path)) == ["this"]


def test_a_table_without_lines_labels_nothing(tmp_path: Path) -> None:
    assert read_label_file(write(tmp_path / "labels.csv", "file_name,taxon\n")) == {}


UNUSABLE = {
    "empty.csv": (b"", "neither of the columns file_name and label"),
    "other.csv": (b"name,taxon\n1.jpg,Pica pica\n", "but name, taxon; rename one"),
    "page.csv": (b"<!doctype html><html></html>\n", "neither of the columns"),
    "bytes.csv": (bytes(range(256)) * 8, "cannot be read"),
    "text.parquet": (b"file_name,taxon\n1.jpg,Pica pica\n", "cannot be read"),
    "cut.parquet": (b"PAR1" + bytes(100), "cannot be read"),
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_a_table_that_cannot_be_used_is_refused_by_name(name: str, tmp_path: Path) -> None:
    content, why = UNUSABLE[name]
    (tmp_path / name).write_bytes(content)
    with pytest.raises(BadInput, match=why) as raised:
        read_label_file(tmp_path / name)
    assert str(tmp_path / name) in str(raised.value)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["nowhere.csv", "."])
def test_a_label_file_that_is_not_there_is_named(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="There is no label file"):
        read_label_file(tmp_path / name)


def test_a_files_label_is_understood_as_a_folder_name_is(tmp_path: Path) -> None:
    path = write(tmp_path / "labels.csv", "file_name,label\n1.jpg,Panthera leo\n2.jpg,blank\n")
    assert read_label_file(path) == {
        "1.jpg": Label("Panthera leo", species("Panthera", "leo")),
        "2.jpg": Label("blank"),
    }


@pytest.mark.parametrize("column", ["label", "taxon", "species", "scientificName"])
@pytest.mark.parametrize(
    ("written", "meant"),
    [
        *WRITTEN.items(),
        ("Panthera leo persica", "Panthera leo persica"),
        ("Panthera_leo_persica", "Panthera leo persica"),
        ("Panthera leo leo", "Panthera leo leo"),
        ("Ursus sp.", "Ursus"),
        ("Red fox", ""),
        ("Great horned owl", ""),
        ("Barn owl (Scotland)", ""),
        ("Mountain path empty", ""),
        ("Owl sp.", ""),
    ],
)
def test_a_name_states_the_same_in_every_column(
    column: str, written: str, meant: str, tmp_path: Path
) -> None:
    path = write(tmp_path / "l.csv", f'file_name,{column}\n1.jpg,"{written}"\n')
    label = read_label_file(path)["1.jpg"]
    assert (label.text, label.taxon.name if label.taxon else "") == (written, meant)


TABLES = {
    "Scientific Name": ("Bombus (Pyrobombus) pratorum (Linnaeus, 1761)", "Bombus pratorum"),
    "vernacularName": ("lion", ""),
    "genus,specificEpithet": ("Panthera,leo", "Panthera leo"),
    "genericName,specific_epithet": ("Panthera,leo", "Panthera leo"),
    "genus,specificEpithet,infraspecificEpithet": ("Panthera,leo,persica", "Panthera leo persica"),
    "genus,species,infraspecificEpithet": ("Panthera,Panthera leo,", "Panthera leo"),
    "scientificName,taxonRank": ("Rosa L.,GENUS", "Rosa"),
    "scientificName,genus,specificEpithet": ("Panthera,Panthera,leo", "Panthera leo"),
}


@pytest.mark.parametrize(("columns", "row"), TABLES.items())
def test_the_terms_of_darwin_core_state_a_taxon(
    columns: str, row: tuple[str, str], tmp_path: Path
) -> None:
    cells = row[0] if "," in columns else f'"{row[0]}"'
    path = write(tmp_path / "l.csv", f"file_name,{columns}\n1.jpg,{cells}\n")
    label = read_label_file(path)["1.jpg"]
    assert (label.taxon.name if label.taxon else "") == row[1]
    assert label.text


@pytest.mark.parametrize(
    ("said", "text", "name"),
    [
        ({"family": "cats"}, "cats", ""),
        ({"family": "Cats"}, "Cats", ""),
        ({"family": "Katzen"}, "Katzen", ""),
        ({"family": "кошки"}, "кошки", ""),
        ({"kingdom": "animals"}, "animals", ""),
        ({"class": "Reptiles"}, "Reptiles", ""),
        ({"order": "Beetles"}, "Beetles", ""),
        ({"genus": "Oak"}, "Oak", ""),
        ({"taxon": "cats", "rank": "family"}, "cats", ""),
        ({"class": "Mammalia", "family": "cats"}, "cats", "Mammalia"),
        ({"family": "Canidae", "taxon": "Red fox"}, "Red fox", "Canidae"),
        ({"family": "Compositae"}, "Compositae", "Compositae"),
        ({"family": "Felidae Fischer, 1817"}, "Felidae", "Felidae"),
        ({"family": "felidae"}, "Felidae", "Felidae"),
        ({"genus": "Quercus"}, "Quercus", "Quercus"),
    ],
)
def test_a_word_in_the_column_of_a_rank_is_a_label_and_invents_no_taxon(
    said: dict[str, str], text: str, name: str
) -> None:
    label = label_from("", said)
    assert (label.text, label.taxon.name if label.taxon else "") == (text, name)


@pytest.mark.parametrize(
    ("rank", "named", "key"),
    [
        ("subspecies", "Felis silvestris lybica", "+subspecies Felis silvestris lybica"),
        ("SSP.", "Felis silvestris lybica (Forster)", "+subspecies Felis silvestris lybica"),
        ("var.", "Felis silvestris var. lybica", "+variety Felis silvestris lybica"),
        ("species", "Felis silvestris", ""),
    ],
)
def test_the_rank_of_a_name_below_the_species_counts(rank: str, named: str, key: str) -> None:
    row = {"genus": "Felis", "species": "Felis silvestris", "taxon": named, "rank": rank}
    taxon = label_from("", row).taxon
    assert taxon is not None
    assert taxon.key == f"|||||Felis|Felis silvestris{key}"
    assert Taxon.from_key(taxon.key) == taxon


def test_a_rank_between_the_seven_counts_where_no_lower_one_is_stated() -> None:
    above = {"family": "Felidae", "taxon": "Felinae", "rank": "Subfamily"}
    assert label_from("", {**above}).taxon == Taxon(
        ("", "", "", "", "Felidae", "", ""), below=("subfamily", "Felinae")
    )
    lower = label_from("", {**above, "species": "Felis catus"}).taxon
    assert lower is not None
    assert lower.name == "Felis catus"


BESIDE_A_GENUS = {
    "major Linnaeus": "Parus major",
    "major L.": "Parus major",
    "MAJOR LINNAEUS": "Parus major",
    "major juvenile": "Parus major",
    "major lycaon": "Parus major",  # no subspecies without a rank or a Latin ending
    "major cinereus": "Parus major cinereus",
    "major ssp. minor": "Parus major minor",
    "unbekannt": "Parus",
    "juvenile": "Parus",
    "white spots": "Parus",
    "major?": "Parus",
    "sp.": "Parus",
    "cf. major": "Parus",
}


@pytest.mark.parametrize(("species", "meant"), BESIDE_A_GENUS.items())
def test_a_genus_and_the_cell_of_a_species_are_read_as_one_cell(species: str, meant: str) -> None:
    label = label_from("", {"genus": "Parus", "species": species})
    assert label.taxon is not None
    assert (label.text, label.taxon.name) == (f"Parus {species}", meant)


@pytest.mark.parametrize("word", ["unbekannt", "juvenile", "male", "tbd"])
def test_a_word_that_is_no_epithet_makes_no_species_in_one_cell(word: str) -> None:
    taxon = label_from("", {"species": f"Parus {word}"}).taxon
    assert taxon is None or taxon.name == "Parus"


PARUS = {
    "columns": {"genus": "Parus", "species": "major"},
    "full": {"genus": "Parus", "species": "Parus major"},
    "taxon": {"taxon": "Parus major"},
    "archive": {"scientificName": "Parus major L.", "taxonRank": "SPECIES", "genus": "Parus"},
}


@pytest.mark.parametrize("columns", PARUS)
@pytest.mark.parametrize(
    ("qualifier", "written", "meant"),
    [
        ("cf.", "Parus cf. major", "Parus"),
        ("cf. major", "Parus cf. major", "Parus"),
        ("aff.", "Parus aff. major", "Parus"),
        ("?", "Parus major?", ""),
        ("sp.", "Parus sp.", "Parus"),
        ("probably", "Parus major", ""),
        ("s. l.", "Parus major", "Parus major"),
    ],
)
def test_a_qualifier_in_its_own_column_counts_as_in_one_cell(
    columns: str, qualifier: str, written: str, meant: str
) -> None:
    label = label_from("", PARUS[columns] | {"identificationQualifier": qualifier})
    assert label.text.startswith(written)
    assert label.metadata["identificationQualifier"] == qualifier
    genus = "Parus" if "genus" in PARUS[columns] else ""
    assert (label.taxon.name if label.taxon else "") == (meant or genus)
    assert meant != "Parus" or not any(
        each.whole and each.name == "Parus major" for each in readings(label.text)
    )


SUBSPECIES = [
    {"genus": "Canis", "species": "lupus", "subspecies": "lycaon"},
    {"genus": "Canis", "species": "lupus L.", "Subspecies": "ssp. lycaon"},
    {"genus": "Canis", "species": "Canis lupus", "subspecies": "Canis lupus lycaon"},
    {"species": "Canis lupus", "subspecies": "lycaon"},
    {"taxon": "Canis lupus", "subspecies": "lycaon"},
    {"genus": "Canis", "specificEpithet": "lupus", "infraspecificEpithet": "lycaon"},
]


@pytest.mark.parametrize("row", SUBSPECIES)
def test_a_subspecies_in_its_own_column_is_one(row: dict[str, str], tmp_path: Path) -> None:
    lines = (",".join(cells) for cells in (["file_name", *row], ["1.jpg", *row.values()]))
    taxon = read_label_file(write(tmp_path / "l.csv", "\n".join(lines) + "\n"))["1.jpg"].taxon
    assert taxon is not None
    assert taxon.name == "Canis lupus lycaon"
    if "infraspecificEpithet" not in row:
        assert taxon.below == ("subspecies", "Canis lupus lycaon")


def test_a_verbatim_identification_is_the_label_and_its_doubt_counts() -> None:
    row = {"genus": "Parus", "species": "Parus major", "verbatimIdentification": "Parus cf. major"}
    label = label_from("", {**row})
    assert (label.text, label.taxon and label.taxon.name) == ("Parus cf. major", "Parus")
    lion = label_from("", {"scientificName": "Panthera leo", "verbatimIdentification": "lion"})
    assert (lion.text, lion.taxon and lion.taxon.name) == ("lion", "Panthera leo")


@pytest.mark.parametrize(
    "header",
    ["Species name", "species_name", "Taxon name", "Scientific Name", "Latin name", "Art", "TAXON"],
)
def test_headers_that_people_write_are_columns_of_names(header: str, tmp_path: Path) -> None:
    label = read_label_file(write(tmp_path / "l.csv", f"file_name,{header}\n1.jpg,Parus major\n"))
    assert label["1.jpg"].taxon == species("Parus", "major")


def test_a_table_without_a_column_of_labels_is_told_with_the_nearest(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    read_label_file(write(tmp_path / "l.csv", "file_name,Speceis,site\n1.jpg,Parus major,A\n"))
    (warning,) = (record.getMessage() for record in caplog.records)
    assert "has no column of labels" in warning
    assert "it has Speceis, site" in warning
    assert "Speceis (nearest: species)" in warning
    assert "site (nearest" not in warning


@pytest.mark.parametrize("column", ["species", "taxon", "label", "common_name"])
def test_a_question_mark_is_no_label(column: str, tmp_path: Path) -> None:
    path = write(tmp_path / "l.csv", f"file_name,{column},qualifier\n1.jpg,?,?\n")
    label = read_label_file(path)["1.jpg"]
    assert (label.text, label.taxon) == ("", None)
    assert label.metadata == {"identificationQualifier": "?"}


def test_the_verbatim_identification_of_cells_is_all_of_them() -> None:
    label = label_from("a tit", {"genus": "Parus", "species": "major?"})
    assert label.metadata == {"verbatimIdentification": "Parus major?"}


def test_a_picture_that_is_labelled_by_two_of_its_names_is_told(
    caplog: pytest.LogCaptureFixture,
) -> None:
    tit, lion = Label("Parus major"), Label("Panthera leo")
    labels = {"p/b.jpg": lion, "b.jpg": tit, "p/c.jpg": lion, "c.jpg": lion}
    assert labelled(Record("b.jpg"), "/x/p", labels).label == "Parus major"
    assert labelled(Record("c.jpg"), "/x/p", labels).label == "Panthera leo"
    assert [record.getMessage() for record in caplog.records] == [
        "b.jpg is labelled Parus major as b.jpg, which counts, and Panthera leo as p/b.jpg; remove "
        "one of the rows."
    ]


def test_the_label_of_a_folder_is_no_second_label_of_its_pictures(
    caplog: pytest.LogCaptureFixture,
) -> None:
    labels = {"birds/b.jpg": Label("Parus major"), "birds": Label("bird")}
    assert labelled(Record("birds/b.jpg"), "/x/p", labels).label == "Parus major"
    assert not caplog.records


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("PARUS MAJOR LINNAEUS", "Parus major"),
        ("PARUS MAJOR MAJOR", "Parus major major"),
        ("PARUS MAJOR (LINNAEUS, 1758)", "Parus major"),
    ],
)
def test_of_capitals_the_species_counts(written: str, meant: str) -> None:
    taxon = label_from("", {"species": written}).taxon
    assert taxon is not None
    assert taxon.name == meant
