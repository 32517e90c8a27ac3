"""What machines say that images show: kept beside what people say, never instead of it."""

from pathlib import Path

import pyarrow as pa
import pytest
from pictures import run
from taxonomies import small_taxonomy

from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.identifications import write_identifications
from indexer.ingest.optimize import optimize
from indexer.ingest.remove_relocate import remove
from indexer.ingest.run import use_taxonomy
from indexer.ingest.verify import verify
from indexer.labels.label_files import Label
from indexer.store.manifest import read_manifest
from indexer.store.segment import IDENTIFICATIONS
from model.errors import CollectionError

LION, MAGPIE = "|||||Panthera|Panthera leo", "|||||Pica|Pica hudsonia"


def said(image_id: str, label: str, taxon_key: str | None, **more: object) -> dict[str, object]:
    default = {
        "image_id": image_id,
        "label": label,
        "taxon_key": taxon_key,
        "confidence": 0.9,
        "identified_by": "taxalens, colours-1",
        "date_identified": "2026-11-25T01:00:00Z",
        "method": "centroid",
        "remarks": "",
        "evidence": ["a", "b"],
    }
    return default | more


def write(collection: Path, *lines: dict[str, object]) -> int:
    return write_identifications(
        collection, [pa.RecordBatch.from_pylist(list(lines), schema=IDENTIFICATIONS)]
    )


def query(collection: Path, sql: str, *values: object) -> list[tuple[object, ...]]:
    with open_snapshot(collection) as snapshot:
        return snapshot.query(sql, *values)


def id_of(collection: Path, source_id: str) -> str:
    ((image_id,),) = query(
        collection, "SELECT image_id FROM images WHERE source_id = ?", f"photos/{source_id}"
    )
    return str(image_id)


def test_the_last_one_of_each_image_counts_and_none_is_lost(collection: Path) -> None:
    red, lion = id_of(collection, "red.png"), id_of(collection, "Panthera leo/a.png")
    labels = query(collection, "SELECT image_id, label, taxon_key FROM images ORDER BY 1")
    assert write(collection, said(red, "Panthera leo", LION)) == 1
    assert write(collection, said(red, "Pica", MAGPIE), said(lion, "blank", None)) == 2
    found = query(collection, "FROM identifications ORDER BY label")
    assert [line[0] for line in found] == [red, lion]
    assert query(
        collection, "SELECT label, said_key, taxon_key, evidence FROM identifications ORDER BY 1"
    ) == [("Pica", MAGPIE, MAGPIE, ["a", "b"]), ("blank", None, None, ["a", "b"])]
    assert query(collection, "SELECT image_id, label, taxon_key FROM images ORDER BY 1") == labels
    assert len(read_manifest(collection).paths("identifications")) == 2
    assert verify(collection) == []


def test_an_empty_label_takes_an_earlier_one_back(collection: Path) -> None:
    red = id_of(collection, "red.png")
    write(collection, said(red, "Panthera leo", LION))
    write(collection, said(red, "", None, confidence=0.3))
    assert query(collection, "FROM identifications") == []


def test_optimize_and_later_runs_keep_them(photos: Path, collection: Path) -> None:
    red = id_of(collection, "red.png")
    write(collection, said(red, "Panthera leo", LION))
    before = query(collection, "FROM identifications")
    assert len(before) == 1
    optimize(collection)
    optimize(collection)
    assert query(collection, "FROM identifications") == before
    run(photos, collection, labels={"red.png": Label("red")})
    assert query(collection, "FROM identifications") == before
    remove(collection, ["photos/red.png"])
    assert query(collection, "FROM identifications SEMI JOIN images USING (image_id)") == []


def test_their_taxa_are_among_the_collections_own(collection: Path) -> None:
    tiger = "Animalia|Chordata|Mammalia|Carnivora|Felidae|Panthera|Panthera tigris"
    write(collection, said(id_of(collection, "red.png"), "tiger", tiger))
    assert query(
        collection,
        "SELECT count(*) FROM identifications JOIN taxa USING (taxon_key) "
        "JOIN taxa AS clade ON clade.lo <= taxa.lo AND taxa.lo < clade.hi "
        "WHERE clade.name = 'Felidae'",
    ) == [(1,)]


def test_they_are_understood_in_the_collections_taxonomy(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, collection: Path
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    taxonomy = small_taxonomy(tmp_path)
    use_taxonomy(collection, str(taxonomy.path))
    write(collection, said(id_of(collection, "red.png"), "lion", None))
    lion = "Animalia|Chordata|Mammalia|Carnivora|Felidae|Panthera|Panthera leo"
    asked = "SELECT label, said_key, taxon_key FROM identifications"
    assert query(collection, asked) == [("lion", None, lion)]
    use_taxonomy(collection, "none")
    assert query(collection, asked) == [("lion", None, None)]


def test_a_failure_while_they_are_made_leaves_the_collection_as_it_was(collection: Path) -> None:
    def broken():
        yield pa.RecordBatch.from_pylist([said("x", "y", None)], schema=IDENTIFICATIONS)
        raise OSError("no more")

    before = read_manifest(collection)
    with pytest.raises(OSError, match="no more"):
        write_identifications(collection, broken())
    assert read_manifest(collection) == before
    with pytest.raises(CollectionError, match="There is no collection"):
        write(collection / "nowhere", said("x", "y", None))
