"""Every command and snippet in README and docs runs, in a folder like the one they speak of."""

import json
import re
import shlex
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

import pytest
from asking import Answer, ask, post
from click.testing import CliRunner
from pictures import write_picture
from slurm_programs import write_programs
from taxonomies import write_source

import taxalens
from ui.cli import main

ROOT = Path(taxalens.__file__).parent
NAV = re.findall(r"[\w/-]+\.md", (ROOT / "mkdocs.yml").read_text().partition("nav:")[2])
PAGES = [
    ROOT / "README.md",
    *(ROOT / "docs" / name for name in NAV),  # in the order in which they are read
    ROOT / "model/starter/README.md",
]


def blocks(language: str) -> list[str]:
    found = [re.findall(rf"```{language}\n(.*?)```", page.read_text(), re.DOTALL) for page in PAGES]
    return [block for page in found for block in page]


def commands() -> list[list[str]]:
    lines = [line for block in blocks("sh") for line in block.splitlines()]
    return [shlex.split(line, comments=True) for line in lines if line]


@pytest.fixture
def desk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the README speaks of: photos, a query picture and a label file."""
    for name, colour in (("Panthera leo/a.jpg", "orange"), ("camp/b.jpg", "green")):
        write_picture(tmp_path / "photos" / name, colour)
    for name, colour in (("Panthera leo/c.jpg", "gold"), ("Pica pica/d.jpg", "black")):
        write_picture(tmp_path / "photos" / name, colour)
    write_picture(tmp_path / "photos" / "Pica pica/e.jpg", "navy")
    write_picture(tmp_path / "photos" / "unsorted/f.jpg", "#101010")
    for number, name in enumerate(("Lynx lynx", "Vulpes vulpes", "Ursus arctos", "Sus scrofa")):
        for other in range(3):
            colour = f"#{4 * number:x}{other}{5 * other:x}"
            write_picture(tmp_path / "photos" / name / f"{other}.jpg", colour)
    write_picture(tmp_path / "query.jpg", "yellow")
    (tmp_path / "few.csv").write_text(
        "file_name,taxon\nPanthera leo/a.jpg,Panthera leo\nPanthera leo/c.jpg,Panthera leo\n"
        "Pica pica/d.jpg,Pica pica\nPica pica/e.jpg,Pica pica\n"
    )
    (tmp_path / "labels.csv").write_text(
        "label,family,genus,species,site,elevation,eventDate,decimalLatitude,decimalLongitude\n"
        "Panthera leo,Felidae,Panthera,Panthera leo,A,700,2021-06-01,52.5,13.5\n"
    )
    (tmp_path / "queries.txt").write_text("Felidae\nred fruit\n")
    shutil.copytree(tmp_path / "photos", tmp_path / "archive" / "photos")
    image = {"file": "camp/b.jpg", "detections": [{"conf": 0.9, "bbox": [0, 0, 0.5, 0.5]}]}
    detections = tmp_path / "photos" / "detections.json"
    detections.write_text(json.dumps({"detection_categories": {}, "images": [image]}))
    (tmp_path / "photos" / "table.csv").write_text("path,species\ncamp/b.jpg,Pica hudsonia\n")
    (tmp_path / "token.txt").write_text("of-the-museum-9fK2")
    write_source(tmp_path / "taxa.csv")
    write_programs(tmp_path / "bin", monkeypatch)
    (tmp_path / "common_names.csv").write_text("name,taxon,language\nsimba,Panthera leo,sw\n")
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_the_site_shows_every_page() -> None:
    docs = ROOT / "docs"
    assert sorted(NAV) == sorted(str(page.relative_to(docs)) for page in docs.rglob("*.md"))


def test_every_shell_command_of_the_pages_runs_in_their_order(desk: Path) -> None:
    with ExitStack() as servers:
        run_commands(desk, servers)
    assert (desk / "fruit.png").is_file()
    assert (desk / "lions.csv").read_text().count("\n") >= 2
    assert any((desk / "similar").iterdir())


def run_commands(desk: Path, servers: ExitStack) -> None:
    url = ""
    assert len(commands()) > 8
    for program, *arguments in commands():
        if program == "make":
            assert re.search(rf"^{arguments[0]}:", (ROOT / "Makefile").read_text(), re.MULTILINE)
        elif program == ".":
            assert arguments == [".venv/bin/activate"]
        elif arguments[:1] in (["app"], ["serve"]):
            url = servers.enter_context(serving(desk, *arguments))
        elif arguments == ["mcp"]:
            command = [sys.executable, "-m", "ui.cli", "mcp"]
            subprocess.run(command, cwd=desk, input=b"", check=True)
        elif program == "curl":
            answer = curl(url, arguments)
            assert (answer.status, bool(answer.json)) == (200, True), answer
        else:
            assert program == "taxalens"
            result = CliRunner().invoke(main, arguments)
            assert result.exit_code == 0, (arguments, result.output)


def test_every_python_snippet_of_the_pages_runs(desk: Path, capsys: pytest.CaptureFixture) -> None:
    with ExitStack() as servers:
        for block in blocks("python"):
            if "127.0.0.1:8502" in block:
                made = str(next(desk.glob("*.collection")))
                url = servers.enter_context(serving(desk, "serve", "-c", made))
                block = block.replace("http://127.0.0.1:8502", url)
            exec(compile(block, "README.md", "exec"), {})
    assert "Panthera leo" in capsys.readouterr().out


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_link_of_a_page_leads_somewhere(page: Path) -> None:
    for target in re.findall(r"\]\(([^)#]+)\)", page.read_text()):
        assert target.startswith("https://") or (page.parent / target).exists(), target


@contextmanager
def serving(folder: Path, *words: str) -> Iterator[str]:
    """Run a server command in a folder on a free port, and give its address."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = int(server.getsockname()[1])
    process = subprocess.Popen(
        [sys.executable, "-m", "ui.cli", *words, "--port", str(port)],
        cwd=folder,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    try:
        while process.poll() is None:
            with socket.socket() as connection:
                if connection.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.1)
        assert process.poll() is None, words
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait()


def curl(url: str, words: list[str]) -> Answer:
    """Ask what curl would: an address, or `-F image=@FILE` and an address."""
    *form, address = words
    path = address.removeprefix("http://127.0.0.1:8502")
    if not form:
        return ask(url, path)
    option, (field, at, file) = form[0], form[1].partition("=@")
    assert (option, at) == ("-F", "=@")
    return post(url, path, {file: Path(file).read_bytes()}, field)
