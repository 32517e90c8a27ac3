"""The page as a user meets it: `taxalens app` in a process of its own, seen by Chromium."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page, sync_playwright

WAIT = 60  # seconds; the first search loads the encoder


@contextmanager
def served(
    collection: Path,
    log: Path,
    *words: str,
    environment: Mapping[str, str] | None = None,
    program: Sequence[str] = ("-m", "ui.cli"),
) -> Iterator[str]:
    """Run `taxalens app`, or another server, until Ctrl-C and give its address.

    It must not complain.
    """
    port = _free_port()
    command = [sys.executable, *program, *(words or ("app",)), f"--port={port}"]
    command += ["-c", str(collection)]
    around = os.environ | dict(environment or {})
    with (
        log.open("w") as output,
        subprocess.Popen(command, stdout=output, stderr=output, env=around) as app,
    ):
        try:
            _wait_for(port, app)
            yield f"http://127.0.0.1:{port}"
        finally:
            app.send_signal(signal.SIGINT)
            app.wait(timeout=WAIT)
    said = log.read_text()
    assert "Traceback" not in said, said
    assert "leaked" not in said, said


@contextmanager
def chromium() -> Iterator[Browser]:
    """Start a browser without a profile; skip the test, or fail it, where none is installed."""
    names = ("chromium", "chromium-browser", "google-chrome")
    binary = next(filter(None, map(shutil.which, names)), None)
    if binary is None:
        give_up = pytest.fail if os.environ.get("TAXALENS_REQUIRE_BROWSER") else pytest.skip
        give_up("there is no Chromium on this machine")
    arguments = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=binary, args=arguments)
        yield browser
        browser.close()


@contextmanager
def watched_page(browser: Browser, url: str) -> Iterator[Page]:
    """Open a page that must ask no other server for anything, and raise no error."""
    page = browser.new_page(viewport={"width": 1360, "height": 900})
    page.set_default_timeout(WAIT * 1000)
    asked: list[str] = []
    surprises: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.on("websocket", lambda stream: asked.append(stream.url))
    page.on("pageerror", lambda error: surprises.append(str(error)))
    page.on("dialog", lambda dialog: (surprises.append(dialog.message), dialog.dismiss()))
    yield page
    page.close()
    here = (f"{url}/", f"{url.replace('http', 'ws')}/", "data:", "blob:")
    assert asked  # else the next line proves nothing
    assert [each for each in asked if not each.startswith(here)] == []
    assert surprises == []


def ask(page: Page, words: str) -> None:
    """Type a query."""
    page.get_by_label("Name or text").fill(words)
    page.get_by_label("Name or text").press("Enter")


def wait_for_hits(page: Page, heading: str) -> None:
    """Wait for the heading of an answer and then for the end of it."""
    page.get_by_role("heading", name=heading).wait_for()
    page.locator("[data-test-script-state=notRunning]").wait_for()


def shown(page: Page) -> list[tuple[str, str]]:
    """Return title and file name of each hit; the joiners that `plain` puts in are not seen."""
    titles = page.locator("strong").all_text_contents()
    files = [text.rpartition(" · ")[2] for text in page.get_by_text("score").all_text_contents()]
    return [(title.replace("\u2060", ""), file) for title, file in zip(titles, files, strict=True)]


def handshake(url: str, host: str, origin: str) -> int:
    """Ask for the page's web socket under a Host and an Origin; return the status of the answer."""
    port = int(url.rpartition(":")[2])
    lines = (
        "GET /_stcore/stream HTTP/1.1",
        f"Host: {host}:{port}",
        f"Origin: http://{origin}:{port}",
        "Connection: Upgrade",
        "Upgrade: websocket",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
    )
    with socket.create_connection(("127.0.0.1", port), timeout=WAIT) as door:
        door.sendall(("\r\n".join(lines) + "\r\n\r\n").encode())
        return int(door.recv(1024).split()[1])


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def _wait_for(port: int, app: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + WAIT
    while app.poll() is None and time.monotonic() < deadline:
        with socket.socket() as door:
            if door.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.2)
    pytest.fail("the server did not open its port")
