"""Every example runs, on a few pictures or steps."""

import json
import runpy
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner
from pictures import write_picture

import taxalens
from training.contrastive.drawn import draw
from ui.cli import main
from ui.demo.photos import table_names

EXAMPLES = Path(taxalens.__file__).parent / "examples"
ARGUMENTS = {"zero_shot.py": "photos", "few_shot.py": "photos", "train_your_own.py": "3"}


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="an installed package has no examples")
@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.name)
def test_an_example_runs_and_is_short(
    path: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, colour in enumerate(("orange", "gold", "black", "navy")):
        name = ("Panthera leo", "Pica pica")[number // 2]
        write_picture(tmp_path / "photos" / name / f"{number}.png", colour)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", [str(path), ARGUMENTS[path.name]])
    runpy.run_path(str(path), run_name="__main__")
    assert path.read_text(encoding="utf-8").count("\n") < 60
    assert "0." in capsys.readouterr().out


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A cache in which every third photograph of the demo is a drawing under its name."""
    photos = tmp_path / "cache" / "taxalens" / "demo" / "photos"
    for number, name in enumerate(table_names()[::3]):
        path = photos / name
        path.parent.mkdir(parents=True, exist_ok=True)
        draw(number % 48, number).save(path, "JPEG" if path.suffix == ".jpg" else "PNG")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


@pytest.mark.skipif(not EXAMPLES.is_dir(), reason="an installed package has no examples")
@pytest.mark.usefixtures("demo")
def test_the_notebook_runs_and_is_short(capsys: pytest.CaptureFixture[str]) -> None:
    """Its cells are plain Python, which needs no kernel of a notebook."""
    import altair as alt

    notebook = json.loads((EXAMPLES / "evaluate.ipynb").read_text(encoding="utf-8"))
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    names: dict[str, object] = {}
    before = alt.renderers.active
    try:
        for cell in cells:
            exec(compile("".join(cell["source"]), "a cell", "exec"), names)
            assert cell["outputs"]  # as they were on the photographs themselves
    finally:
        alt.renderers.enable(before)
    assert sum("".join(cell["source"]).count("\n") + 1 for cell in cells) < 60
    found = names["evaluation"]
    assert {each.measure for each in found} > {"zero-shot top-1", "1-shot SimpleShot"}
    assert "1-shot SimpleShot" in found._repr_html_()
    assert "taxon_com, 1 template" in capsys.readouterr().out


def test_the_demo_is_shown_a_second_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(4):
        (tmp_path / "photos").mkdir(exist_ok=True)
        draw(number, number).save(tmp_path / "photos" / f"{number}.png")
    monkeypatch.chdir(tmp_path)
    for _ in range(2):
        shown = CliRunner().invoke(main, ["demo", "--images", "photos", "-c", "c"])
        assert shown.exit_code == 0, shown.output
        assert Path("demo-hits.png").exists()
