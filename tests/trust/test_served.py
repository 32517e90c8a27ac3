"""A real server of Milvus, in a network namespace of its own: published, killed, started again.

Runs where TAXALENS_MILVUS names a folder that has the package `milvus` (make trust-served).
"""

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from trust.serving import IMAGES, URI, make

SERVER = os.environ.get("TAXALENS_MILVUS", "")
TESTS = Path(__file__).parents[1]
PATH = os.pathsep.join((str(TESTS), str(TESTS.parent), *filter(None, sys.path)))
START = """
import sys, milvus
# After a kill the next server waits until the lease of the last one ends.
sys.argv = ["milvus", "--data", sys.argv[1], "--extra-config", "common.session.ttl=10"]
milvus.main()
"""
PATIENCE = 90.0  # seconds that a server may take to start

pytestmark = [
    pytest.mark.skipif(not SERVER, reason="TAXALENS_MILVUS names no folder: make trust-served"),
    pytest.mark.skipif(
        not shutil.which("ip") or os.geteuid() != 0, reason="network namespaces need ip and root"
    ),
    pytest.mark.filterwarnings("ignore"),
]


class Server:
    """Milvus in a network namespace."""

    def __init__(self, folder: Path, namespace: str) -> None:
        self.folder, self.namespace = folder, namespace
        self.process: subprocess.Popen[bytes] | None = None

    def within(self, *command: object) -> list[str]:
        """Return a command that runs where the server answers."""
        return ["ip", "netns", "exec", self.namespace, sys.executable, *map(str, command)]

    def start(self) -> float:
        """Start it, and return how many seconds that took."""
        began = time.monotonic()
        # A new network each time: Milvus takes other ports where the last one's still linger.
        subprocess.run(["ip", "netns", "add", self.namespace], check=True)
        subprocess.run(["ip", "-n", self.namespace, "link", "set", "lo", "up"], check=True)
        self.process = subprocess.Popen(
            self.within("-c", START, self.folder),
            env={**os.environ, "PYTHONPATH": SERVER},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
        answers = "import urllib.request as r; r.urlopen('http://127.0.0.1:9091/healthz').read()"
        while subprocess.run(self.within("-c", answers), stderr=subprocess.DEVNULL).returncode:
            assert self.process.poll() is None, "Milvus ended"
            assert time.monotonic() - began < PATIENCE, "Milvus does not start"
            time.sleep(0.5)
        return time.monotonic() - began

    def kill(self) -> None:
        """Kill it as a power cut would."""
        if self.process:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()
            subprocess.run(["ip", "netns", "delete", self.namespace], check=True)
        self.process = None

    def ask(self, *arguments: object) -> dict[str, Any]:
        """Run `trust.serving` beside it."""
        ended = subprocess.run(
            self.within("-W", "ignore", "-m", "trust.serving", *arguments, URI),
            env={**os.environ, "PYTHONPATH": PATH},
            capture_output=True,
            text=True,
            check=False,
        )
        assert ended.returncode == 0, ended.stderr[-3000:]
        return dict(json.loads(ended.stdout.splitlines()[-1]))


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Server]:
    started = Server(tmp_path / "milvus", f"taxalens-{os.getpid()}")
    yield started
    started.kill()


def test_filtered_recall_holds_after_publishing_and_after_a_kill(
    server: Server, tmp_path: Path
) -> None:
    with socket.socket() as outside:
        assert outside.connect_ex(("127.0.0.1", 19530)) != 0, "another Milvus is here"
    make(tmp_path)
    print(f"started in {server.start():.1f} s")
    for _ in range(2):
        done = server.ask("publish", tmp_path)
        print("published", done)
        assert done["images"] == IMAGES
        assert done["recall"] >= 0.99
    check(server.ask("measure", tmp_path))
    server.kill()
    print(f"killed, started again in {server.start():.1f} s")
    check(server.ask("measure", tmp_path))


def check(measured: dict[str, Any]) -> None:
    print("measured", measured)
    recalls = measured["recalls"]
    assert len(recalls) >= 10
    assert min(recalls.values()) >= 0.99, recalls
