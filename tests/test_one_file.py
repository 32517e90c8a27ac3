"""A new command, a new export format and a new page are one file each, and no other edit."""

import importlib
import re
from pathlib import Path

import pytest
from click.testing import CliRunner
from pictures import run, write_picture

from model.plugins import plugin_names
from ui.cli import main

COMMAND = """
import click

@click.command()
def command() -> None:
    \"\"\"Greet whoever asks.\"\"\"
    click.echo("hello")
"""
FORMAT = """
NOUN = "the number of images"
SUFFIX = ".count"

def write(images, target, account):
    account.images = sum(len(batch) for batch in images.batches())
    target.write_text(str(account.images))
    yield
"""


@pytest.fixture
def added(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder that holds one more part of each kind."""
    parts = {"ui.commands": COMMAND, "indexer.exports.formats": FORMAT, "ui.views": "TITLE = 'X'"}
    for package, text in parts.items():
        folder = tmp_path / package
        folder.mkdir()
        (folder / "one_more.py").write_text(text)
        module = importlib.import_module(package)
        monkeypatch.setattr(module, "__path__", [*module.__path__, str(folder)])
    return tmp_path


def test_a_new_command_is_listed_and_runs(added: Path) -> None:
    listed = CliRunner().invoke(main, ["--help"]).stdout
    assert re.search(r"^  one-more +Greet whoever asks\.$", listed, re.MULTILINE)
    assert CliRunner().invoke(main, ["one-more"]).stdout == "hello\n"


def test_a_new_format_is_in_the_help_and_writes(added: Path) -> None:
    help_ = CliRunner().invoke(main, ["export", "--help"]).stdout
    assert "one-more" in help_
    assert "the number of images" in help_
    write_picture(added / "photos" / "a.png", "red")
    run(added / "photos", added / "c")
    result = CliRunner().invoke(main, ["export", str(added / "x.count"), "-c", str(added / "c")])
    assert result.exit_code == 0, result.output
    assert (added / "x.count").read_text() == "1"


def test_a_new_page_is_found(added: Path) -> None:
    assert "one-more" in plugin_names("ui.views")
