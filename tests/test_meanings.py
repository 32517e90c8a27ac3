"""What labels mean: derived from what was said, in any taxonomy, and never instead of it."""

from pathlib import Path

import pytest
from colours import ColourEncoder
from pictures import run, write_picture
from taxonomies import TAXA, small_taxonomy, write_source

from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.run import NO_TAXONOMY, use_taxonomy
from indexer.labels.label_files import Label
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
