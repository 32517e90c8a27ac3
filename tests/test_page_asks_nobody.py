"""The page's server asks no other machine; all that its process connects to is noted."""

import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest
from browser import handshake, served
from two_species import TAXA, draw

import taxalens

# Python runs this when it starts, before any of our lines.
_RECORDER = """
import os, sys

def note(event, args):
    if event in ("socket.connect", "socket.sendto", "socket.getaddrinfo", "socket.gethostbyname"):
        asked = args[1] if event in ("socket.connect", "socket.sendto") else args
        with open(os.environ["ASKED"], "a") as file:
            print(event, asked, file=file)

sys.addaudithook(note)
"""


@pytest.fixture
def recorded(tmp_path: Path) -> Mapping[str, str]:
    """Return the environment in which a process notes what it asks."""
    (tmp_path / "recorder").mkdir()
    (tmp_path / "recorder" / "sitecustomize.py").write_text(_RECORDER)
    paths = (str(tmp_path / "recorder"), os.environ.get("PYTHONPATH", ""))
    return {
        "ASKED": str(tmp_path / "asked.txt"),
        "PYTHONPATH": os.pathsep.join(filter(None, paths)),
    }


def asked(environment: Mapping[str, str]) -> list[str]:
    """Return what was asked of other machines."""
    file = Path(environment["ASKED"])
    lines = file.read_text().splitlines() if file.exists() else []
    return [line for line in lines if "127.0.0.1" not in line and "localhost" not in line]


def test_the_recorder_sees_how_streamlit_looks_up_its_own_address(
    recorded: Mapping[str, str],
) -> None:
    command = "from streamlit.net_util import get_external_ip as look; look()"
    subprocess.run([sys.executable, "-c", command], env=os.environ | dict(recorded), check=True)
    assert asked(recorded)


def test_a_page_of_another_site_makes_the_server_ask_nobody(
    recorded: Mapping[str, str], tmp_path: Path
) -> None:
    for colour in TAXA:
        draw(tmp_path / "photos" / f"{colour}.png", colour, 1)
    here = tmp_path / "a.collection"
    taxalens.index(tmp_path / "photos", here, encoder="starter")
    with served(here, tmp_path / "app.txt", environment=recorded) as url:
        assert handshake(url, "127.0.0.1", "127.0.0.1") == 101
        assert handshake(url, "127.0.0.1", "evil.example") == 403
        assert handshake(url, "evil.example", "evil.example") == 403
    assert asked(recorded) == []
