"""All neighbours: every image has its k nearest others, and never itself."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from colours import ColourEncoder
from pictures import run, write_picture

from model.errors import Error
from search.collection import open_collection
from search.ranking import neighbours
from ui.cli import main


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Sixty pictures of colours that differ, and five of the same."""
    random = np.random.default_rng(0)
    for number in range(60):
        colour = tuple(int(each) for each in random.integers(0, 256, 3))
        write_picture(tmp_path / "p" / f"{number}.png", colour)
    for number in range(5):
        write_picture(tmp_path / "p" / "Pica pica" / f"same{number}.png", "teal")
    run(tmp_path / "p", tmp_path / "c")
    return tmp_path / "c"


@pytest.mark.parametrize(("k", "together"), [(1, 7), (3, 64), (10, 1024), (100, 1000)])
def test_every_image_has_its_k_nearest_others(
    many: Path, monkeypatch: pytest.MonkeyPatch, k: int, together: int
) -> None:
    monkeypatch.setattr(neighbours, "_TOGETHER", together)
    opened = open_collection(many, ColourEncoder())
    table = pa.Table.from_batches(opened.neighbours(k)).to_pylist()
    vectors = opened.nearest.exact.gather(np.arange(65)).astype(np.float32)
    likeness = vectors @ vectors.T
    np.fill_diagonal(likeness, -2)
    ids = [image_id for (image_id,) in opened.snapshot.query("SELECT image_id FROM images")]
    k = min(k, 64)
    assert len(table) == 65 * k
    for row, image_id in enumerate(ids):
        lines = table[row * k : row * k + k]
        assert {line["image_id"] for line in lines} == {image_id}
        assert image_id not in {line["neighbour_id"] for line in lines}
        assert len({line["neighbour_id"] for line in lines}) == k
        assert [line["place"] for line in lines] == list(range(1, k + 1))
        best = -np.sort(-likeness[row])[:k]
        np.testing.assert_allclose([line["score"] for line in lines], best, atol=2e-3)


def test_neighbours_stay_among_what_passes(many: Path) -> None:
    opened = open_collection(many, ColourEncoder())
    table = pa.Table.from_batches(opened.neighbours(3, within="Pica"))
    assert len(table) == 15
    assert set(table["neighbour_id"].to_pylist()) <= set(table["image_id"].to_pylist())
    with pytest.raises(Error, match="1 or more, not 0"):
        list(opened.neighbours(0))


def test_the_command_writes_them(many: Path, tmp_path: Path) -> None:
    target = tmp_path / "n.parquet"
    asked = ["neighbours", "-c", str(many), "-k", "2", "--output", str(target)]
    ran = CliRunner().invoke(main, asked)
    assert ran.stdout == f"{target}: 130 pairs\n"
    assert pq.read_table(target).schema.equals(neighbours.SCHEMA)
