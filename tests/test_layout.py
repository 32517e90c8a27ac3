"""The house itself: who owns which name, how quick the door opens, how long a file may be."""

import re
import subprocess
import sys
from importlib.metadata import packages_distributions
from pathlib import Path

import pytest

import taxalens
from model.plugins import plugin_names

ROOT = Path(taxalens.__file__).parent
PACKAGES = ("model", "indexer", "search", "training", "ui")
MODULES = [path for package in PACKAGES for path in (ROOT / package).rglob("*.py")]


@pytest.mark.parametrize("package", PACKAGES)
def test_nothing_else_that_is_installed_owns_our_names(package: str) -> None:
    owners = set(packages_distributions().get(package, ["taxalens"]))
    assert owners == {"taxalens"}
    assert (ROOT / package / "py.typed").is_file()


@pytest.mark.parametrize("name", ["model", "search"])
def test_a_users_file_that_hides_ours_is_named(tmp_path: Path, name: str) -> None:
    (tmp_path / f"{name}.py").write_text("")
    finished = subprocess.run(
        [sys.executable, "-c", "import taxalens"], cwd=tmp_path, capture_output=True, text=True
    )
    last = finished.stderr.splitlines()[-1]
    assert last.startswith(f"ImportError: {tmp_path.resolve() / name}.py hides a part of taxalens")


@pytest.mark.parametrize("arguments", [["-c", "import taxalens"], ["-m", "ui.cli", "--help"]])
def test_the_door_opens_without_heavy_imports(arguments: list[str]) -> None:
    finished = subprocess.run(
        [sys.executable, "-X", "importtime", *arguments], check=True, capture_output=True, text=True
    )
    imported = {line.rsplit("|", 1)[-1].strip() for line in finished.stderr.splitlines()}
    assert imported & {"taxalens", "ui.options"}
    assert not imported & {"torch", "open_clip", "faiss", "streamlit", "duckdb", "pyarrow", "PIL"}


def test_every_public_name_of_the_door_exists() -> None:
    assert all(getattr(taxalens, name) is not None for name in taxalens.__all__)
    with pytest.raises(AttributeError, match="nothing"):
        _ = taxalens.nothing


def test_modules_are_short_and_say_what_they_are_for() -> None:
    texts = {path: path.read_text(encoding="utf-8") for path in MODULES}
    assert not {path: lines for path, text in texts.items() if (lines := text.count("\n")) > 400}
    one_sentence = re.compile(r'"""[A-Z`].*\.(\n|""")')
    assert not [path for path, text in texts.items() if not one_sentence.match(text)]


@pytest.mark.parametrize("package", PACKAGES)
def test_the_map_of_a_package_lists_its_files(package: str) -> None:
    listed = (ROOT / package / "__init__.py").read_text(encoding="utf-8")
    for path in (ROOT / package).iterdir():
        name = f"{path.name}/" if path.is_dir() else path.name
        if name not in ("__init__.py", "py.typed", "__pycache__/"):
            assert re.search(rf"^{re.escape(name)} ", listed, re.MULTILINE), name


def test_folders_of_parts_hold_what_they_promise() -> None:
    for package, promised in (
        ("model.encoders", "starter"),
        ("indexer.readers", "folder"),
        ("search.classify.classifiers", "probe"),
        ("ui.commands", "search"),
        ("ui.views", "find"),
    ):
        assert promised in plugin_names(package)


def test_the_version_has_its_section_in_the_changelog() -> None:
    changelog = ROOT / "CHANGELOG.md"
    if not changelog.exists():
        pytest.skip("no CHANGELOG.md beside an installed package")
    assert f"## {taxalens.__version__}" in changelog.read_text(encoding="utf-8")
