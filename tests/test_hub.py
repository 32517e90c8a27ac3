"""The hub path without a hub: a loopback server speaks its download API, and drops once."""

import json
import os
import subprocess
import sys
import termios
import threading
from collections.abc import Iterator
from contextlib import suppress
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from safetensors.torch import save_file

COMMIT = "0123456789abcdef0123456789abcdef01234567"
CONFIG: dict[str, Any] = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 32, "patch_size": 16, "head_width": 16},
    # 25 MB of words: the hub's client keeps what it has of a file in parts of 10 MB.
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 128, "heads": 2, "layers": 1},
}
LOAD = """
import sys
import termios
from model.encoder import load
from model.errors import EncoderUnavailable
try:
    encoder = load(sys.argv[1], "torch")
    print(encoder.identity.fingerprint, encoder.encode_texts(["a lion"]).shape)
except EncoderUnavailable as error:
    print("unavailable:", error)
"""


class Hub(ThreadingHTTPServer):
    """Repositories in memory: name to file name to content."""

    def __init__(self, files: dict[str, dict[str, bytes]]) -> None:
        super().__init__(("127.0.0.1", 0), _Requests)
        self.files = files
        self.drops = 0
        """connections that break in the middle of weights"""
        self.requests: list[tuple[str, str]] = []
        """paths of downloads and their Range"""

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


class _Requests(BaseHTTPRequestHandler):
    server: Hub

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def do_HEAD(self) -> None:
        self._answer(with_body=False)

    def do_GET(self) -> None:
        self._answer(with_body=True)

    def _answer(self, with_body: bool) -> None:
        parts = self.path.partition("?")[0].strip("/").split("/")
        if parts[0] == "api":
            files = self.server.files.get("/".join(parts[2:4]), {})
            names = [{"rfilename": name} for name in files]
            self._send(200, json.dumps({"sha": COMMIT, "siblings": names}).encode(), with_body)
            return
        content = self.server.files.get("/".join(parts[:2]), {}).get(parts[-1])
        if content is None:
            self.send_response(404)
            self.send_header("X-Error-Code", "EntryNotFound")
            self.send_header("X-Repo-Commit", COMMIT)
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        start = int(self.headers.get("Range", "bytes=0-")[6:].partition("-")[0])
        if with_body:
            self.server.requests.append((parts[-1], self.headers.get("Range", "")))
        drop = with_body and self.server.drops > 0 and len(content) > 100_000
        self._send(206 if start else 200, content[start:], with_body, content, drop)

    def _send(
        self, code: int, body: bytes, with_body: bool, whole: bytes = b"", drop: bool = False
    ) -> None:
        self.send_response(code)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("X-Repo-Commit", COMMIT)
        self.send_header("Accept-Ranges", "bytes")
        if whole:
            self.send_header("ETag", f'"{sha256(whole).hexdigest()}"')
            start = len(whole) - len(body)
            if code == 206:
                self.send_header("Content-Range", f"bytes {start}-{len(whole) - 1}/{len(whole)}")
        self.end_headers()
        if drop:
            self.server.drops -= 1
            self.wfile.write(body[: len(body) * 3 // 4])
            self.wfile.flush()
            self.connection.close()
        elif with_body:
            self.wfile.write(body)


@pytest.fixture(scope="module")
def repositories(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """Two repositories laid out as imageomics/bioclip, one of which has no safetensors."""
    folder = tmp_path_factory.mktemp("weights")
    torch.manual_seed(0)
    weights = {k: v.contiguous() for k, v in open_clip.CLIP(**CONFIG).state_dict().items()}
    save_file(weights, str(folder / "a"))
    torch.save(weights, folder / "b")
    preprocessing = {"mean": [0.5] * 3, "std": [0.5] * 3}
    config = json.dumps({"model_cfg": CONFIG, "preprocess_cfg": preprocessing}).encode()
    both = {"open_clip_config.json": config}
    return {
        "test/safe": both | {"open_clip_model.safetensors": (folder / "a").read_bytes()},
        "test/bin": both | {"open_clip_pytorch_model.bin": (folder / "b").read_bytes()},
    }


@pytest.fixture
def hub(repositories: dict[str, dict[str, bytes]]) -> Iterator[Hub]:
    server = Hub({name: dict(files) for name, files in repositories.items()})
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield server
    server.shutdown()
    server.server_close()


def load(hub: Hub, home: Path, repository: str, **more: str) -> tuple[str, str]:
    """Load in a process of its own, its stderr a terminal; return both streams."""
    settings = {"HF_ENDPOINT": hub.address, "HF_HOME": str(home), "XDG_CACHE_HOME": str(home)}
    proxies = dict.fromkeys(("HTTP_PROXY", "HTTPS_PROXY", "http_proxy", "https_proxy"), "")
    reader, terminal = os.openpty()
    termios.tcsetwinsize(terminal, (24, 80))
    shown: list[bytes] = []

    def read() -> None:
        with suppress(OSError):  # as Linux says that the other end is closed
            while part := os.read(reader, 4096):
                shown.append(part)

    reading = threading.Thread(target=read)
    reading.start()
    done = subprocess.run(
        [sys.executable, "-c", LOAD, f"hf-hub:{repository}"],
        env=os.environ | proxies | settings | {"HF_HUB_DISABLE_XET": "1"} | more,
        stdout=subprocess.PIPE,
        stderr=terminal,
        text=True,
        check=False,
    )
    os.close(terminal)
    reading.join()
    os.close(reader)
    return done.stdout, b"".join(shown).decode(errors="replace")


@pytest.mark.parametrize("repository", ["test/safe", "test/bin"])
def test_a_download_that_breaks_is_resumed_kept_and_opened_offline(
    repository: str, hub: Hub, tmp_path: Path
) -> None:
    hub.drops = 1
    stdout, stderr = load(hub, tmp_path, repository)
    assert hub.drops == 0
    assert "(1, 16)" in stdout, stderr
    weights = [span for name, span in hub.requests if not name.endswith(".json")]
    assert [bool(span) for span in weights] == [False, True]  # the rest alone
    assert "%|" in stderr  # its bar
    assert list(tmp_path.rglob(f"snapshots/{COMMIT}"))  # the revision that it was
    asked = len(hub.requests)
    again, _ = load(hub, tmp_path, repository, HF_HUB_OFFLINE="1")
    assert again == stdout
    assert len(hub.requests) == asked


def test_a_damaged_download_is_refused(hub: Hub, tmp_path: Path) -> None:
    name = "open_clip_model.safetensors"
    hub.files["test/safe"][name] = hub.files["test/safe"][name][:5000]
    stdout, _ = load(hub, tmp_path, "test/safe")
    assert stdout.startswith("unavailable: The weights of test/safe")
    assert len(stdout.splitlines()) == 1
