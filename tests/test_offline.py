"""Nothing calls out: commands look up no name and open no connection, servers none elsewhere."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from asking import ask, post
from browser import chromium, handshake, served, watched_page
from pictures import write_picture

import taxalens

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


# --- Servers -------------------------------------------------------------------------------------

# Without the guard, Streamlit checks a foreign page itself, and asks outside for our address.
WITHOUT_GUARD = """
import sys
from pathlib import Path
from ui.server import page
page.Guard = lambda app: app
_, _, port, _, collection = sys.argv
page.run_page(Path(collection), int(port.partition("=")[2]))
"""
# What would leave this machine is recorded and stopped.
BLOCKER = (
    RECORDER
    + """
def stop(event, arguments):
    if event == "socket.getaddrinfo" and arguments[0] not in (None, "127.0.0.1"):
        raise OSError(f"{arguments[0]} is not asked for")
sys.addaudithook(stop)
"""
)


def foreign(record: Path) -> list[str]:
    """Return what was asked of other machines."""
    lines = record.read_text().splitlines() if record.exists() else []
    return [line for line in lines if "127.0.0.1" not in line and line.split()[1] != "None"]


@pytest.fixture
def watched(tmp_path: Path) -> dict[str, str]:
    (tmp_path / "hook").mkdir()
    (tmp_path / "hook" / "sitecustomize.py").write_text(BLOCKER)
    path = os.pathsep.join([str(tmp_path / "hook"), str(Path.cwd())])
    write_picture(tmp_path / "photos" / "Panthera leo" / "1.png", "orange", (64, 64))
    taxalens.index(tmp_path / "photos", tmp_path / "c", encoder="starter")
    return {"RECORD": str(tmp_path / "record"), "PYTHONPATH": path}


def visit(url: str, picture: bytes) -> int:
    """Ask everything that a server answers, as its own page and as a foreign one."""
    image_id = ask(url, "/api/search?q=lion").json[0]["image_id"]
    for path in ("/", "/api/search?text=red", "/api/openapi.json", "/nothing", "/api/health"):
        ask(url, path)
    for path in (f"/thumb/{image_id}", f"/original/{image_id}", f"/api/images/{image_id}"):
        assert ask(url, path).status == 200
    assert post(url, "/api/identify", {"a.png": picture}).status == 200
    assert post(url, "/api/search", {"http://evil.example/a.png": picture}).status == 200
    handshake(url, "127.0.0.1", "127.0.0.1")
    handshake(url, "evil.example", "evil.example")
    return handshake(url, "127.0.0.1", "evil.example")


@pytest.mark.parametrize("server", ["app", "serve"])
def test_a_server_asks_nothing_of_other_machines(
    watched: dict[str, str], tmp_path: Path, server: str
) -> None:
    picture = (tmp_path / "photos" / "Panthera leo" / "1.png").read_bytes()
    with served(tmp_path / "c", tmp_path / "log", server, environment=watched) as url:
        assert visit(url, picture) == 403
    assert foreign(tmp_path / "record") == []


def test_without_the_guard_streamlit_asks_outside(watched: dict[str, str], tmp_path: Path) -> None:
    """The control: the recorder sees what the guard prevents."""
    program = ("-c", WITHOUT_GUARD)
    log, around = tmp_path / "log", watched
    with served(tmp_path / "c", log, "app", environment=around, program=program) as url:
        assert handshake(url, "127.0.0.1", "evil.example") == 403
    assert any("checkip" in line for line in foreign(tmp_path / "record"))


def test_a_page_in_a_browser_asks_nothing_of_other_machines(
    watched: dict[str, str], tmp_path: Path
) -> None:
    with (
        served(tmp_path / "c", tmp_path / "log", environment=watched) as url,
        chromium() as browser,
        watched_page(browser, url) as page,
    ):
        page.goto(url)
        page.locator("[data-test-script-state=notRunning]").wait_for()
    assert foreign(tmp_path / "record") == []
