"""Nothing calls out: index, search and info look up no name and open no connection."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from pictures import write_picture

RECORDER = """
import os, sys
def record(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr"):
        told = arguments[0]
    elif event in ("socket.connect", "socket.sendto") and isinstance(arguments[1], tuple):
        told = arguments[1]
    else:
        return
    with open(os.environ["RECORD"], "a") as file:
        file.write(f"{event} {told}\\n")
sys.addaudithook(record)
"""
WITHOUT_NETWORK = ["unshare", "--map-root-user", "--net"]


def can_unshare() -> bool:
    if not shutil.which("unshare"):
        return False
    return subprocess.run([*WITHOUT_NETWORK, "true"], capture_output=True).returncode == 0


@pytest.fixture(params=["as it is", "without any network"])
def recorded(request: pytest.FixtureRequest, tmp_path: Path) -> object:
    """Run Python in a process of its own and return what it asked of the network."""
    if request.param != "as it is" and not can_unshare():
        pytest.skip("this system makes no network namespaces")
    prefix = [] if request.param == "as it is" else WITHOUT_NETWORK
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(RECORDER)
    record = tmp_path / "record"
    path = os.pathsep.join([str(tmp_path / "hook"), str(Path.cwd())])
    environment = os.environ | {"RECORD": str(record), "PYTHONPATH": path}

    def run(*arguments: str, fails: bool = False) -> str:
        record.unlink(missing_ok=True)
        command = [*prefix, sys.executable, *arguments]
        ended = subprocess.run(command, env=environment, capture_output=True, text=True)
        assert bool(ended.returncode) == fails, ended.stderr
        return record.read_text() if record.exists() else ""

    return run


def test_index_search_and_info_ask_nothing_of_the_network(recorded: object, tmp_path: Path) -> None:
    control = "import urllib.request; urllib.request.urlopen('http://taxalens.invalid', timeout=1)"
    assert "taxalens.invalid" in recorded("-c", control, fails=True)
    local = "import socket; socket.create_connection(('127.0.0.1', 9), 1)"
    assert "('127.0.0.1', 9)" in recorded("-c", local, fails=True)

    write_picture(tmp_path / "photos" / "Panthera leo" / "1.png", "orange", (64, 64))
    place = ["-c", str(tmp_path / "c")]
    photos = str(tmp_path / "photos")
    assert recorded("-m", "ui.cli", "index", photos, *place, "--encoder", "starter") == ""
    assert recorded("-m", "ui.cli", "search", "lion", *place) == ""
    assert recorded("-m", "ui.cli", "search", "--text", "red fruit", *place) == ""
    assert recorded("-m", "ui.cli", "info", *place) == ""
