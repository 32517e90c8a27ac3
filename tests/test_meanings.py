"""What labels mean: derived from what was said, in any taxonomy, and never instead of it."""

import csv
from pathlib import Path

import pytest
from colours import ColourEncoder
from pictures import run, write_picture
from taxonomies import TAXA, small_taxonomy, write_source

from indexer.catalog.snapshot import open_snapshot
from indexer.exports.export import export
from indexer.ingest.indexing import index
from indexer.ingest.remove_relocate import remove
from indexer.ingest.run import NO_TAXONOMY, use_taxonomy
from indexer.labels.label_files import Label, read_label_file
from indexer.labels.label_resolution import AMBIGUOUS, AS_SAID, BY_GENUS, UNKNOWN
from indexer.taxonomy.store import import_taxonomy
from model.errors import UnknownName
from model.taxon import Taxon
from search.collection import open_collection
from search.summary import summarise

CATS = "Animalia|Chordata|Mammalia|Carnivora|Felidae"
SHELLS = "Animalia|Mollusca|Gastropoda||Ficidae|Ficus"


def said(**ranks: str) -> Taxon:
    order = ("kingdom", "phylum", "class_", "order", "family", "genus", "species")
    return Taxon.from_ranks([ranks.get(rank, "") for rank in order])


# what is said, what it means, why
LABELS = {
    "lion": (Label("lion"), f"{CATS}|Panthera|Panthera leo", "common name"),
    "Felis leo": (Label("Felis leo"), f"{CATS}|Panthera|Panthera leo", "synonym"),
    "a cat": (Label("Felidae"), CATS, "exact"),
    "ssp": (
        Label("Panthera leo leo"),
        f"{CATS}|Panthera|Panthera leo+subspecies Panthera leo leo",
        "exact",
    ),
    "snakes": (
        Label("Serpentes"),
        "Animalia|Chordata|Reptilia|Squamata+suborder Serpentes",
        "exact",
    ),
    "shell": (
        Label("x", said(kingdom="Animalia", genus="Ficus")),
        SHELLS,
        "exact",
    ),
    "by genus": (
        Label("y", said(kingdom="Animalia", genus="Panthera", species="Panthera spelaea")),
        f"{CATS}|Panthera|Panthera spelaea",
        BY_GENUS,
    ),
    "elsewhere": (
        Label("z", said(kingdom="Fungi", family="Amanitaceae")),
        "Fungi||||Amanitaceae",
        AS_SAID,
    ),
    "homonym": (Label("Ficus"), None, AMBIGUOUS),
    "robin": (Label("robin"), None, AMBIGUOUS),
    "a flower": (Label("White flower"), None, UNKNOWN),
    "blank": (Label("blank"), None, "blank"),
    "car": (Label("Vehicle"), None, "vehicle"),
    "people": (Label("human"), None, "human"),
    "beetle": (Label("morphospecies 12"), None, "morphospecies"),
    "BIN": (Label("BOLD:AAA1234"), None, "BIN"),
}


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    """A picture a label, indexed with the small taxonomy."""
    for number, name in enumerate(LABELS):
        write_picture(tmp_path / "photos" / f"{name}.png", "red", (10 + number, 10))
    labels = {f"{name}.png": label for name, (label, *_) in LABELS.items()}
    small_taxonomy(tmp_path).close()
    run(
        tmp_path / "photos",
        tmp_path / "c",
        labels=labels,
        taxonomy=str(tmp_path / "small.duckdb"),
    )
    return tmp_path / "c"


def keys(collection: Path) -> dict[str, str | None]:
    snapshot = open_snapshot(collection)
    found = snapshot.query("SELECT source_id, taxon_key FROM images")
    snapshot.close()
    return {Path(source).stem: key for source, key in found}


def test_a_label_means_a_taxon_or_is_kept_as_what_it_is(collection: Path) -> None:
    assert keys(collection) == {name: key for name, (_, key, _) in LABELS.items()}
    snapshot = open_snapshot(collection)
    reasons = dict(
        snapshot.query(
            "SELECT source_id, reason FROM images JOIN meanings ON images.label = meanings.label "
            "AND images.said_key IS NOT DISTINCT FROM meanings.said_key"
        )
    )
    found = {Path(source).stem: reason for source, reason in reasons.items()}
    assert found == {name: reason for name, (_, _, reason) in LABELS.items()}


def test_what_is_no_taxon_is_found_by_its_label_and_told_in_info(collection: Path) -> None:
    opened = open_collection(collection, ColourEncoder())
    for label in ("blank", "vehicle", "White flower", "BOLD:AAA1234", "morphospecies 12"):
        first = opened.search(label)[0]
        assert (first.label.lower(), first.match) == (label.lower(), "labelled")
    facts = summarise(opened.snapshot)
    assert facts["taxonomy"].startswith("small")
    assert facts["labels not in the taxonomy"] == "White flower (1)"
    assert set(facts["labels of several taxa"].split(", ")) == {"Ficus (1)", "robin (1)"}
    assert "BOLD:AAA1234 (1)" in facts["labels that are no taxa"]


def test_another_taxonomy_changes_what_labels_mean_and_embeds_nothing(
    collection: Path, tmp_path: Path
) -> None:
    before, rows = keys(collection), _vectors(collection)
    moved = TAXA.replace("8,7,,species,Panthera leo,lion", "8,13,,species,Panthera leo,king")
    write_source(tmp_path / "other.csv", moved)
    other, _ = import_taxonomy(str(tmp_path / "other.csv"), to=tmp_path / "other.duckdb")
    other.close()
    use_taxonomy(collection, str(tmp_path / "other.duckdb"))
    changed = keys(collection)
    assert changed["lion"] is None  # is called so no more
    assert changed["Felis leo"] == (
        "Animalia|Chordata|Mammalia|Carnivora|Ursidae|Ursus|Panthera leo"
    )
    assert changed["a cat"] == CATS
    use_taxonomy(collection, NO_TAXONOMY)
    assert keys(collection)["shell"] == "Animalia|||||Ficus"  # as it was said
    use_taxonomy(collection, str(tmp_path / "small.duckdb"))
    assert keys(collection) == before
    assert _vectors(collection) == rows


def test_a_label_given_later_is_resolved_too(collection: Path, tmp_path: Path) -> None:
    write_picture(tmp_path / "photos" / "oaks" / "new.png", "green")
    run(tmp_path / "photos", collection)
    assert keys(collection)["new"] == "Plantae|Tracheophyta|Magnoliopsida|Fagales|Fagaceae|Quercus"
    assert keys(collection)["lion"] == LABELS["lion"][1]


def test_a_collection_is_searched_when_its_taxonomy_is_gone(
    collection: Path, tmp_path: Path
) -> None:
    (tmp_path / "small.duckdb").unlink()
    opened = open_collection(collection, ColourEncoder())
    found = opened.search("cats", k=99)  # a common name of the family
    labelled = {Path(hit.source_id).stem for hit in found if hit.match == "labelled"}
    assert labelled == {"lion", "Felis leo", "a cat", "ssp", "by genus"}


def test_an_unknown_taxonomy_changes_nothing(collection: Path) -> None:
    before = keys(collection)
    with pytest.raises(UnknownName, match="No taxonomy is called 'nowhere'"):
        use_taxonomy(collection, "nowhere")
    assert keys(collection) == before


def _vectors(collection: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(collection.rglob("*.npy"))} | {
        path.name: path.read_bytes() for path in sorted((collection / "segments").rglob("*.*"))
    }


ARCHIVED = {
    "ssp": ("Panthera leo subsp. leo (Linnaeus, 1758)", f"{CATS}|Panthera|Panthera leo", "leo leo"),
    "species": ("Panthera (Leo) leo Smith ex Brown", f"{CATS}|Panthera|Panthera leo", ""),
    "unsure": ("Panthera cf. leo", f"{CATS}|Panthera", ""),
}


@pytest.mark.parametrize("column", ["taxon", "label", "species"])
def test_a_column_means_the_same_as_any_other(column: str, tmp_path: Path) -> None:
    lines = [f'{name}.png,"{written}"' for name, (written, *_) in ARCHIVED.items()]
    (tmp_path / "labels.csv").write_text("\n".join([f"file_name,{column}", *lines]) + "\n")
    for number, name in enumerate(ARCHIVED):
        write_picture(tmp_path / "photos" / f"{name}.png", "red", (10 + number, 10))
    small_taxonomy(tmp_path).close()
    labels = read_label_file(tmp_path / "labels.csv")
    run(tmp_path / "photos", tmp_path / "c", labels=labels, taxonomy=str(tmp_path / "small.duckdb"))
    meant = {
        name: f"{key}+subspecies Panthera {below}" if below else key
        for name, (_, key, below) in ARCHIVED.items()
    }
    assert keys(tmp_path / "c") == meant
    with open_snapshot(tmp_path / "c") as snapshot:
        said = snapshot.query("SELECT label FROM images")
    assert {label for (label,) in said} == {written for written, *_ in ARCHIVED.values()}


FOLDERS = {
    "lion": "Panthera leo",
    "American_Goldfinch": "Spinus tristis",
    "001.Black_footed_Albatross": "Phoebastria nigripes",
    "Brewer_Blackbird": "Euphagus cyanocephalus",
    "Panthera_leo": "Panthera leo",
    "my own things": None,
    "White_flower": None,
    "Not sure": None,
    "Unidentified bird": None,
    "Carabus auratus": "Carabus auratus",
}


def test_built_in_names_add_lineages_and_take_nothing_back(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "taxalens")
    for number, name in enumerate((*FOLDERS, "DCIM")):
        write_picture(tmp_path / "photos" / name / f"{name}.png", "red", (10 + number, 10))
    caplog.set_level("INFO")
    index(tmp_path / "photos", tmp_path / "c", encoder=ColourEncoder())
    found = keys(tmp_path / "c")
    assert found.pop("DCIM") is None
    names = {name: key and key.rpartition("|")[2] for name, key in found.items()}
    assert names == FOLDERS
    assert (found["lion"] or "").startswith("Animalia|Chordata|Mammalia|Carnivora|Felidae|")
    assert found["Carabus auratus"] == "|||||Carabus|Carabus auratus"  # as without any taxonomy
    assert "5 of 9 labels understood as taxa: " in caplog.text
    assert "taxonomy 'none' leaves them as words" in caplog.text
    write_picture(tmp_path / "photos" / "tiger" / "tiger.png", "green")
    index(tmp_path / "photos", tmp_path / "c", encoder=ColourEncoder())
    assert (keys(tmp_path / "c")["tiger"] or "").endswith("|Panthera tigris")
    index(tmp_path / "photos", tmp_path / "d", encoder=ColourEncoder(), taxonomy=NO_TAXONOMY)
    assert keys(tmp_path / "d")["lion"] is None
    index(tmp_path / "photos", tmp_path / "d", encoder=ColourEncoder())
    assert keys(tmp_path / "d")["lion"] is None  # as it was asked for


@pytest.mark.parametrize("taxonomy", [None, "none", "small"])
def test_the_ranks_of_an_export_are_read_back(tmp_path: Path, taxonomy: str | None) -> None:
    """A subspecies stays one, within its species, and a subfamily within its family."""
    for name, colour in (("a", "red"), ("b", "blue")):
        write_picture(tmp_path / f"p/{name}.png", colour)
    (tmp_path / "l.csv").write_text(
        "file_name,taxon,rank,family,genus,species\n"
        "a.png,Panthera leo leo,subspecies,Felidae,Panthera,Panthera leo\n"
        "b.png,Pantherinae,subfamily,Felidae,,\n"
    )
    if taxonomy == "small":
        small_taxonomy(tmp_path).close()
        taxonomy = str(tmp_path / "small.duckdb")
    labels = tmp_path / "l.csv"
    for place in ("first", "second"):
        given = read_label_file(labels)
        run(tmp_path / "p", tmp_path / place, labels=given, taxonomy=taxonomy)
        labels = tmp_path / f"{place}.csv"
        with open_snapshot(tmp_path / place) as snapshot:
            list(export(snapshot, labels))
        with labels.open(newline="") as file:
            found = {(row["taxon"], row["rank"], row["species"]) for row in csv.DictReader(file)}
        assert found == {
            ("Panthera leo leo", "subspecies", "Panthera leo"),
            ("Pantherinae", "subfamily", ""),
        }
    with open_collection(tmp_path / "second", encoder=ColourEncoder()) as collection:
        (hit, *_) = collection.search("Panthera leo")
        assert (hit.match, hit.scientific_name) == ("labelled", "Panthera leo leo")


def test_a_superseded_label_leaves_no_taxon_behind(tmp_path: Path) -> None:
    write_picture(tmp_path / "photos" / "a.png", "red")
    write_picture(tmp_path / "photos" / "b.png", "green", (11, 10))
    small_taxonomy(tmp_path).close()
    ranks = [said(kingdom=each, genus="Ficus") for each in ("Animalia", "Plantae")]
    animal, plant = (Label("Ficus", each) for each in ranks)
    given = dict(labels={"a.png": plant, "b.png": animal}, taxonomy=str(tmp_path / "small.duckdb"))
    run(tmp_path / "photos", tmp_path / "c", **given)
    run(tmp_path / "photos", tmp_path / "c", labels={"a.png": animal})
    opened = open_collection(tmp_path / "c", ColourEncoder())
    assert opened.search("Ficus").labelled == 2
    ranks = dict(opened.snapshot.query("SELECT name, rank FROM taxa WHERE name <> 'Ficus'"))
    assert "Plantae" not in ranks
    remove(tmp_path / "c", "photos/*")
    with open_snapshot(tmp_path / "c") as snapshot:
        assert snapshot.query("SELECT count(*) FROM taxa") == [(0,)]


def test_a_species_that_a_taxonomy_lacks_stays_as_it_is_stated_and_is_told(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "taxalens")
    for number, name in enumerate(("Carabus auratus", "White_flower", "Pica pica", "gizmo")):
        write_picture(tmp_path / "photos" / name / "a.png", "red", (10 + number, 10))
    small_taxonomy(tmp_path).close()
    index(
        tmp_path / "photos",
        tmp_path / "c",
        encoder=ColourEncoder(),
        taxonomy=str(tmp_path / "small.duckdb"),
    )
    with open_snapshot(tmp_path / "c") as snapshot:
        found = dict(snapshot.query("SELECT label, taxon_key FROM images"))
    assert found["Carabus auratus"] == "|||||Carabus|Carabus auratus"
    assert found["White_flower"] is None
    assert "1 of 4 labels understood as taxa" in caplog.text
    assert (
        "1 label is not in the taxonomy small and stays as stated: Carabus auratus" in caplog.text
    )
    assert (
        "2 labels name no taxon of the taxonomy small and stay words: White_flower, gizmo"
        in caplog.text
    )


def test_words_that_leave_an_image_unlabelled_are_no_unknown_names(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO", "taxalens")
    write_picture(tmp_path / "photos" / "lion" / "a.png", "red")
    write_picture(tmp_path / "photos" / "unidentified" / "a.png", "green")
    index(tmp_path / "photos", tmp_path / "c", encoder=ColourEncoder())
    assert "labels understood as taxa: lion (Panthera leo)" in caplog.text
    assert "stays a word" not in caplog.text


def test_one_picture_in_two_files_with_labels_of_different_taxa_is_warned_of(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    said = {
        **{"a.png": "Panthera leo", "b.png": "Panthera leopardus", "c.png": "PANTHERA LEO"},
        **{"d.png": "Pica pica", "e.png": "Pica", "f.png": "blank"},
    }
    for name in said:
        write_picture(tmp_path / "p" / name, "orange" if name < "d" else "black")
    lines = [f"{name},{label}\n" for name, label in said.items()]
    (tmp_path / "l.csv").write_text("file_name,label\n" + "".join(lines))
    index(tmp_path / "p", tmp_path / "c", encoder=ColourEncoder(), labels=tmp_path / "l.csv")
    warned = [each for each in caplog.messages if "labels of different taxa" in each]
    assert warned == [
        "1 picture in several files with labels of different taxa: "
        "p/a.png (Panthera leo) and p/b.png (Panthera leopardus)"
    ]


@pytest.mark.parametrize("taxonomy", ["built-in", "small"])
def test_a_lineage_in_columns_is_completed_and_one_that_contradicts_the_species_is_told(
    taxonomy: str, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    rows = {
        "agrees": "Felidae,,",
        "family": "Ursidae,,",
        "mixed": "Ursidae,,Animalia",
        "order": ",Passeriformes,Animalia",
        "namesake": ",,Plantae",
    }
    lines = [f"{name}.png,Panthera leo,{cells}" for name, cells in rows.items()]
    table = "\n".join(["file_name,species,family,order,kingdom", *lines]) + "\n"
    (tmp_path / "l.csv").write_text(table)
    for number, name in enumerate(rows):
        write_picture(tmp_path / "photos" / f"{name}.png", "red", (10 + number, 10))
    small_taxonomy(tmp_path).close()
    labels = read_label_file(tmp_path / "l.csv")
    asked = str(tmp_path / "small.duckdb") if taxonomy == "small" else taxonomy
    run(tmp_path / "photos", tmp_path / "c", labels=labels, taxonomy=asked)
    found = keys(tmp_path / "c")
    assert found.pop("namesake") == "Plantae|||||Panthera|Panthera leo"
    assert set(found.values()) == {f"{CATS}|Panthera|Panthera leo"}
    (warning,) = (each.getMessage() for each in caplog.records if "lineage" in each.getMessage())
    assert f"contradict the taxonomy {taxonomy}" in warning
    assert "family Ursidae in the table, Felidae in the taxonomy: the species counts" in warning
    assert "order Passeriformes in the table, Carnivora in the taxonomy" in warning
    assert "kingdom Plantae in the table, Animalia in the taxonomy: stays as stated" in warning
    assert "Felidae in the table" not in warning
