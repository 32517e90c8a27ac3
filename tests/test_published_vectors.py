"""Vectors that BioCLIP's releases bring: kept in a taxonomy, used by the encoder that made them."""

import json
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from colours import WORDS, ColourEncoder

from indexer.taxonomy.published_vectors import (
    matrix_beside,
    published_by,
    published_vectors,
)
from indexer.taxonomy.store import Taxonomy, import_taxonomy
from model.errors import BadInput
from model.taxon import Taxon
from model.text_types import TextType, render
from model.vectors import Vectors
from search.identify.preparation import prepare
from ui.cli import main

GENUS = ("Animalia", "Chordata", "Aves", "Passeriformes", "Corvidae", "Pica")
OWN = "colours-1"


class Counting(ColourEncoder):
    """Keeps the texts that it encodes."""

    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def encode_texts(self, texts: Sequence[str]) -> Vectors:
        self.texts += texts
        return super().encode_texts(texts)


@pytest.fixture(autouse=True)
def home(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "data"))


def release(folder: Path, colours: Sequence[str], zeros: int = 0, scale: float = 3) -> Path:
    """Write both files as a release has them; the last columns are zeros, as in TreeOfLife-200M."""
    vectors = scale * ColourEncoder().encode_texts(list(colours)).astype(np.float32).T
    vectors[:, len(colours) - zeros :] = 0
    entries = [[[*GENUS, colour], f"{colour} magpie"] for colour in colours]
    (folder / "txt_emb_species.json").write_text(json.dumps(entries))
    np.save(folder / "txt_emb_species.npy", vectors)
    return folder / "txt_emb_species.npy"


def imported(matrix: Path, encoder: str | None = OWN) -> Taxonomy:
    return import_taxonomy(str(matrix.with_suffix(".json")), encoder=encoder)[0]


def text_of(colour: str) -> str:
    taxon = Taxon((*GENUS, f"Pica {colour}"), f"{colour} magpie")
    return render(taxon, TextType.TAXON_COM)


def test_identify_encodes_only_the_names_that_the_release_left_out(tmp_path: Path) -> None:
    taxonomy = imported(release(tmp_path, WORDS, zeros=2))
    encoder = Counting()
    texts = prepare(lambda: encoder, taxonomy=taxonomy).texts
    assert len(texts.texts) == len(WORDS)
    assert texts.missing == 2
    encoder.texts.clear()  # the sample
    vectors = texts.vectors()
    assert sorted(encoder.texts) == sorted(map(text_of, WORDS[-2:]))
    assert np.allclose(vectors, ColourEncoder().encode_texts(texts.texts), atol=1e-3)
    assert list(texts.encode()) == [len(WORDS)]


def test_names_have_the_vectors_that_were_brought(tmp_path: Path) -> None:
    """The release says of "red" what is right for "blue": so does the taxonomy."""
    matrix = release(tmp_path, WORDS)
    columns = np.load(matrix)
    columns[:, [0, 2]] = columns[:, [2, 0]]
    np.save(matrix, columns)
    texts = prepare(ColourEncoder, taxonomy=imported(matrix)).texts
    red = texts.vectors()[texts.texts.index(text_of("red"))]
    assert np.allclose(red, ColourEncoder().encode_texts(["blue"]), atol=1e-3)


def test_another_encoder_encodes_all_names_itself(tmp_path: Path) -> None:
    taxonomy = imported(release(tmp_path, WORDS))
    assert published_by(taxonomy.connection) == (OWN, ColourEncoder().dim)
    assert published_vectors(taxonomy.connection, ColourEncoder("2")) is None
    assert prepare(lambda: ColourEncoder("2"), taxonomy=taxonomy).texts.missing == len(WORDS)


def test_a_label_file_without_a_matrix_brings_none(tmp_path: Path) -> None:
    matrix = release(tmp_path, WORDS)
    matrix.unlink()
    taxonomy = imported(matrix, None)
    assert published_by(taxonomy.connection) is None
    assert prepare(ColourEncoder, taxonomy=taxonomy).texts.missing == len(WORDS)


def test_a_text_that_occurs_twice_has_the_first_of_its_vectors(tmp_path: Path) -> None:
    matrix = release(tmp_path, ["red", "green", "blue"])
    entries = json.loads(matrix.with_suffix(".json").read_text())
    entries[2] = entries[0]
    matrix.with_suffix(".json").write_text(json.dumps(entries))
    texts = prepare(ColourEncoder, taxonomy=imported(matrix)).texts
    assert np.allclose(texts.vectors(), ColourEncoder().encode_texts(["green", "red"]), atol=1e-3)


def test_vectors_in_another_order_than_the_names_are_found_out(tmp_path: Path) -> None:
    matrix = release(tmp_path, WORDS)
    np.save(matrix, np.roll(np.load(matrix), 1, axis=1))
    with pytest.raises(BadInput, match="not of colours-1: of 10 taxa, 0% lie nearest to their own"):
        prepare(ColourEncoder, taxonomy=imported(matrix))


def test_vectors_of_another_width_than_the_encoders_are_refused(tmp_path: Path) -> None:
    matrix = release(tmp_path, WORDS)
    np.save(matrix, np.load(matrix)[:40])
    with pytest.raises(BadInput, match="have 40 numbers instead of 49"):
        prepare(ColourEncoder, taxonomy=imported(matrix))


@pytest.mark.parametrize(
    ("width", "encoder", "by"),
    [(512, None, "bioclip"), (768, None, "bioclip-2"), (512, "biocap", "biocap")],
)
def test_the_width_says_whose_the_vectors_are(
    tmp_path: Path, width: int, encoder: str | None, by: str
) -> None:
    matrix = release(tmp_path, WORDS)
    np.save(matrix, np.eye(width, len(WORDS), dtype=np.float32))
    assert published_by(imported(matrix, encoder).connection) == (by, width)


@pytest.mark.parametrize(
    ("columns", "encoder", "wrong"),
    [
        (np.ones((49, 3), np.float32), OWN, r"shape \(49, 3\), but .* has 10 taxa"),
        (np.ones((49, 10), np.int64), OWN, "holds int64"),
        (np.ones((49, 10), np.float32), None, "vectors of 49 numbers, .* name theirs with --enc"),
        (np.ones((768, 10), np.float32), "bioclip", "vectors of 768 numbers, bioclip of 512"),
        (np.array([{"a": 1}], object), OWN, "cannot be read as a matrix"),
    ],
)
def test_files_that_do_not_belong_together_are_refused(
    tmp_path: Path, columns: np.ndarray, encoder: str | None, wrong: str
) -> None:
    matrix = release(tmp_path, WORDS)
    np.save(matrix, columns, allow_pickle=True)
    with pytest.raises(BadInput, match=wrong):
        imported(matrix, encoder)
    matrix.write_bytes(b"no matrix")
    with pytest.raises(BadInput, match="cannot be read as a matrix"):
        imported(matrix, encoder)


def test_the_command_imports_both(tmp_path: Path) -> None:
    labels = release(tmp_path, WORDS).with_suffix(".json")
    said = CliRunner().invoke(
        main, ["taxonomy", "import", str(labels), "--name", "tol", "--encoder", OWN]
    )
    assert said.exit_code == 0, said.output
    assert said.stdout.startswith("with the vectors of its names by colours-1: `identify` need not")


@pytest.mark.parametrize("source", [".", "inat", "taxa.csv", "nowhere.json"])
def test_only_a_label_file_has_a_matrix_beside_it(source: str) -> None:
    assert matrix_beside(source) is None
