"""Vectors of many texts: kept by what they are, and resumed."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from colours import ColourEncoder

from indexer.taxonomy import text_matrix
from indexer.taxonomy.text_matrix import TextMatrix
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


@pytest.mark.parametrize("place", [0, 40, -1])
def test_a_damaged_file_is_encoded_again(place: int) -> None:
    vectors = TextMatrix(Counting(), TEXTS).vectors()
    file = sorted(TextMatrix(Counting(), TEXTS).folder.iterdir())[1]
    content = bytearray(file.read_bytes())
    content[place] ^= 1
    file.write_bytes(content)
    encoder = Counting()
    assert np.array_equal(TextMatrix(encoder, TEXTS).vectors(), vectors)
    assert encoder.encoded == 2
    file.write_bytes(content[: len(content) // 2])
    assert np.array_equal(TextMatrix(Counting(), TEXTS).vectors(), vectors)
    assert np.array_equal(TextMatrix(Counting(most=0), TEXTS).vectors(), vectors)


def test_another_encoder_or_other_texts_are_another_matrix() -> None:
    own = TextMatrix(ColourEncoder(), TEXTS).folder
    assert TextMatrix(ColourEncoder("2"), TEXTS).folder != own
    assert TextMatrix(ColourEncoder(), TEXTS[::-1]).folder != own
    assert TextMatrix(ColourEncoder(), TEXTS).folder == own
