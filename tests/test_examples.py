"""Every example runs, on a few pictures or steps."""

import runpy
import sys
from pathlib import Path

import pytest
from pictures import write_picture

import taxalens

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
