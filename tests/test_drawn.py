"""Drawings beside photographs: a run trains on the shards of both."""

from pathlib import Path

import pytest
from click.testing import CliRunner
from pictures import write_picture

from training.contrastive import drawn
from training.contrastive.shards import read_image, read_index
from ui.cli import main

RECIPE = """
text_type = "mixed"
batch_size = 8
steps = 2
precision = "fp32"
workers = 0
checkpoint_activations = false
[network]
embed_dim = 16
vision_cfg = { image_size = 32, layers = 1, width = 16, patch_size = 16, head_width = 16 }
text_cfg = { context_length = 32, vocab_size = 49408, width = 16, heads = 1, layers = 1 }
"""
DRAWN = 48 * 24, 48 * 8  # pictures to train and to validate


@pytest.fixture
def photographs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Shards of 60 pictures of lions, made by the command."""
    monkeypatch.chdir(tmp_path)
    for number in range(60):
        write_picture(Path("photos/Panthera leo") / f"{number}.png", f"#{number:02x}8040")
    prepared = CliRunner().invoke(main, ["train", "prepare", "photos", "--to", "shards"])
    assert prepared.exit_code == 0, prepared.output
    return tmp_path / "shards"


def test_a_run_trains_on_photographs_and_drawings(photographs: Path) -> None:
    Path("small.toml").write_text(RECIPE)
    words = ["train", "small.toml", "--drawn", "--data", str(photographs), "--to", "run"]
    done = CliRunner().invoke(main, words)
    assert done.exit_code == 0, done.output
    assert done.stdout == "local-dir:run/best\n"
    for split, many in zip(("train", "val"), DRAWN, strict=True):
        own = read_index(photographs, split)
        both = read_index(Path("run/drawn"), split)
        assert len(both) == many + len(own)
        lions = [each for each in both if "Panthera leo" in each.texts["sci"]]
        assert [each.key for each in lions] == [each.key for each in own]
        assert [read_image(each) for each in lions] == [read_image(each) for each in own]
    assert not Path("run/drawn.part").exists()


def test_drawings_that_a_kill_cut_short_are_made_again(photographs: Path) -> None:
    damaged = photographs / "train" / "z.tar"
    damaged.symlink_to("nowhere")  # cannot be copied
    with pytest.raises(FileNotFoundError):
        drawn.drawn_shards(Path("run/drawn"), beside=photographs)
    assert not Path("run/drawn").exists()
    damaged.unlink()
    made = drawn.drawn_shards(Path("run/drawn"), beside=photographs)
    assert len(read_index(made, "val")) == DRAWN[1] + len(read_index(photographs, "val"))
    assert drawn.drawn_shards(made, beside=Path("elsewhere")) == made  # which is there
