"""Vectors of many texts: kept by what they are, resumed, and read as BioCLIP publishes them."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from colours import ColourEncoder

from indexer.taxonomy import text_matrix
from indexer.taxonomy.text_matrix import TextMatrix, read_published
from model.errors import BadInput
from model.taxon import Taxon
from model.vectors import Vectors

TEXTS = [f"a {colour} picture" for colour in ("red", "green", "blue", "white", "navy", "lime")]


class Counting(ColourEncoder):
    """Counts the texts that it encodes; stops after some."""

    def __init__(self, most: int = 100) -> None:
        super().__init__()
        self.most = most
        self.encoded = 0

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        if self.encoded + len(texts) > self.most:
            raise KeyboardInterrupt
        self.encoded += len(texts)
        return super().encode_texts(texts)


@pytest.fixture(autouse=True)
def small(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(text_matrix, "CHUNK", 2)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


def test_each_text_has_its_row_and_progress_is_told() -> None:
    matrix = TextMatrix(ColourEncoder(), TEXTS[:5])
    assert list(matrix.encode()) == [2, 4, 5]
    assert np.array_equal(matrix.vectors(), ColourEncoder().encode_texts(TEXTS[:5]))
    assert TextMatrix(ColourEncoder(), []).vectors().shape == (0, ColourEncoder().dim)


def test_texts_are_encoded_once_and_after_a_stop_only_what_is_missing() -> None:
    with pytest.raises(KeyboardInterrupt):
        TextMatrix(Counting(most=4), TEXTS).vectors()
    encoder = Counting()
    vectors = TextMatrix(encoder, TEXTS).vectors()
    assert encoder.encoded == 2
    again = Counting()
    assert np.array_equal(TextMatrix(again, TEXTS).vectors(), vectors)
    assert again.encoded == 0


def test_another_encoder_or_other_texts_are_another_matrix() -> None:
    own = TextMatrix(ColourEncoder(), TEXTS).folder
    assert TextMatrix(ColourEncoder("2"), TEXTS).folder != own
    assert TextMatrix(ColourEncoder(), TEXTS[::-1]).folder != own
    assert TextMatrix(ColourEncoder(), TEXTS).folder == own


def published(folder: Path, colours: Sequence[str], zeros: int) -> Path:
    """Write both files as TreeOfLife-toolbox's make_txt_embedding.py does, with its fault."""
    vectors = ColourEncoder().encode_texts(list(colours)).astype(np.float32).T
    vectors[:, len(colours) - zeros :] = 0
    lineage = ["Animalia", "Chordata", "Aves", "Passeriformes", "Corvidae", "Pica"]
    entries = [[[*lineage, f"epithet{place}"], colour] for place, colour in enumerate(colours)]
    (folder / "txt_emb_species.json").write_text(json.dumps(entries))
    np.save(folder / "txt_emb_species.npy", vectors)
    return folder / "txt_emb_species.npy"


def test_a_published_matrix_is_read_and_its_zero_columns_are_encoded(tmp_path: Path) -> None:
    path = published(tmp_path, ["red", "green", "blue", "white"], zeros=2)
    taxa, vectors = read_published(path, ColourEncoder())
    assert taxa[1] == Taxon(
        ("Animalia", "Chordata", "Aves", "Passeriformes", "Corvidae", "Pica", "Pica epithet1"),
        "green",
    )
    assert vectors.dtype == np.float16
    assert np.linalg.norm(vectors.astype(float), axis=1) == pytest.approx(1, abs=1e-3)
    expected = ColourEncoder().encode_texts(["red", "green", "blue", "white"])
    assert np.allclose(vectors, expected, atol=1e-3)


def test_without_an_encoder_the_zero_columns_are_left_out(tmp_path: Path) -> None:
    taxa, vectors = read_published(published(tmp_path, ["red", "green", "blue"], zeros=1))
    assert [taxon.common_name for taxon in taxa] == ["red", "green"]
    assert len(vectors) == 2


def test_files_that_do_not_belong_together_are_refused(tmp_path: Path) -> None:
    path = published(tmp_path, ["red", "green"], zeros=0)
    np.save(path, np.ones((4, 3), np.float32))
    with pytest.raises(BadInput, match=r"shape \(4, 3\), but .* has 2 taxa"):
        read_published(path)
    np.save(path, np.ones((4, 2), np.float32))
    with pytest.raises(BadInput, match="vectors of 4 numbers, colours-1 of 49"):
        read_published(path, ColourEncoder())
    path.write_bytes(b"no matrix")
    with pytest.raises(BadInput, match="cannot be read as a matrix"):
        read_published(path)
    np.save(path, np.array([{"a": 1}], object), allow_pickle=True)
    with pytest.raises(BadInput, match="cannot be read as a matrix"):
        read_published(path)
