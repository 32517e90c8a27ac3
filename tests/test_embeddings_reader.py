"""Vectors computed elsewhere: emb-explorer's Parquet, with the encoder that its owner names."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from colours import ColourEncoder
from hypothesis import given
from hypothesis import strategies as st
from pictures import run, write_picture

from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.run import index_source
from indexer.readers import reader_of, refuse
from indexer.readers.embeddings import claims, read
from indexer.store.manifest import read_manifest
from model.errors import BadInput, EncoderMismatch
from search.collection import open_collection

REAL = Path(__file__).parents[2] / "shared" / "data" / "vectors" / "bioclip2_1k.parquet"


def write(path: Path, vectors: list[object], **columns: list[str]) -> str:
    ids = [f"id-{row}" for row in range(len(vectors))]
    pq.write_table(pa.table({"uuid": ids, "emb": vectors, **columns}), path)
    return str(path)


def test_a_row_is_a_vector_with_label_url_and_metadata(tmp_path: Path) -> None:
    source = write(
        tmp_path / "e.parquet",
        [[1.0, 0.0]],
        identifier=["https://example.org/1.jpg"],
        kingdom=["Animalia"],
        species=["Pica hudsonia"],
        common_name=["magpie"],
        license=["CC0"],
    )
    assert reader_of(source).NOUN.startswith("vectors")
    (record,) = read(source, refuse)
    assert (record.source_id, record.url) == ("id-0", "https://example.org/1.jpg")
    assert record.taxon
    assert (record.taxon.name, record.taxon.common_name) == ("Pica hudsonia", "magpie")
    assert dict(record.metadata) == {"license": "CC0"}
    assert not record.is_remote


def test_vectors_are_made_unit_and_that_is_noted(tmp_path: Path) -> None:
    rows = [[3.0, 4.0], [0.0, 1.0], [0.0, 0.0], [float("nan"), 1.0], [1.0], None, [6.0, 8.0]]
    source = write(tmp_path / "e.parquet", rows)
    *_, progress = index_source(source, tmp_path / "c", "bioclip-2")
    assert (progress.embedded, progress.duplicates, progress.failed) == (2, 1, 4)
    snapshot = open_snapshot(tmp_path / "c")
    found = dict(snapshot.query("SELECT source_id, reason FROM inputs"))
    assert found == {
        "e.parquet/id-0": "vector of length 5, normalised",
        "e.parquet/id-1": "",
        "e.parquet/id-2": "its vector is zero, or not of numbers",
        "e.parquet/id-3": "its vector is zero, or not of numbers",
        "e.parquet/id-4": "its vector has 1 numbers, not 2",
        "e.parquet/id-5": "its vector is zero, or not of numbers",
        "e.parquet/id-6": "same content as e.parquet/id-0",
    }
    assert np.concatenate(snapshot.vectors()).tolist() == [
        pytest.approx([0.6, 0.8], abs=1e-3),
        [0, 1],
        pytest.approx([0.6, 0.8], abs=1e-3),
    ]
    assert read_manifest(tmp_path / "c").encoder.fingerprint == ""


def test_their_owner_says_which_encoder_they_come_from(tmp_path: Path) -> None:
    source = write(tmp_path / "e.parquet", [[1.0, 0.0]])
    with pytest.raises(BadInput, match="pass encoder=NAME"):
        list(index_source(source, tmp_path / "c"))
    assert not (tmp_path / "c").exists()


def test_pictures_can_be_added_with_that_encoder_and_no_other(tmp_path: Path) -> None:
    encoder = ColourEncoder()
    picture = write_picture(tmp_path / "p" / "red.png", "red")
    vector = encoder.encode_texts(["red"])[0].astype(float).tolist()
    source = write(tmp_path / "e.parquet", [vector])
    list(index_source(source, tmp_path / "c", encoder.spec))
    run(tmp_path / "p", tmp_path / "c", encoder)
    hits = open_collection(tmp_path / "c", encoder).search(image=picture)
    assert [hit.score > 0.99 for hit in hits] == [True, True]
    with pytest.raises(EncoderMismatch):
        run(tmp_path / "p", tmp_path / "c", ColourEncoder("2"))


@given(st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=1, max_size=8))
def test_any_numbers_end_as_a_unit_vector_or_a_reason(numbers: list[float]) -> None:
    from indexer.ingest.prefetch import _with_vector
    from indexer.inputs.records import Record

    vector = np.array(numbers, np.float32)
    opened = _with_vector(Record("x"), vector)
    if opened.vector is None:
        assert opened.problem
    else:
        assert np.linalg.norm(opened.vector.astype(float)) == pytest.approx(1, abs=2e-3)


def test_other_parquet_is_not_claimed(tmp_path: Path) -> None:
    pq.write_table(pa.table({"uuid": ["a"]}), tmp_path / "x.parquet")
    (tmp_path / "y.parquet").write_text("no parquet")
    assert not claims(str(tmp_path / "x.parquet"))
    assert not claims(str(tmp_path / "y.parquet"))
    assert not claims(str(tmp_path / "z.parquet"))


@pytest.mark.skipif(not REAL.exists(), reason="the development vectors are not here")
def test_genuine_bioclip_2_vectors_find_what_is_nearest_to_them(tmp_path: Path) -> None:
    *_, progress = index_source(REAL, tmp_path / "c", "bioclip-2")
    assert (progress.embedded + progress.duplicates, progress.failed) == (1030, 0)
    collection = open_collection(tmp_path / "c")
    table = pq.read_table(REAL, columns=["uuid", "emb"])
    vectors = np.array(table["emb"].to_pylist(), np.float64)
    vectors /= np.linalg.norm(vectors, axis=1, keepdims=True)
    for row in range(0, 1030, 40):
        cosines = vectors @ vectors[row]
        cosines[row] = -1
        ((image_id,),) = collection.snapshot.query(
            "SELECT image_id FROM images WHERE source_id = ?", f"{REAL.name}/{table['uuid'][row]}"
        )
        (hit,) = collection.search(image_id=image_id, k=1)
        assert hit.score == pytest.approx(cosines.max(), abs=1e-3)
