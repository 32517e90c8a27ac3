"""`taxalens app` in a process of its own, for benchmarks and screenshots."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_WAIT = 60  # seconds until the port opens


@contextmanager
def served_page(collection: Path) -> Iterator[str]:
    """Serve the page over a collection, and give its address; it ends with the block."""
    with page_process(collection) as (url, _):
        yield url


@contextmanager
def page_process(collection: Path) -> Iterator[tuple[str, "subprocess.Popen[bytes]"]]:
    """Serve it, and give its process, too."""
    with socket.create_server(("127.0.0.1", 0)) as found:
        port = int(found.getsockname()[1])
    command = [sys.executable, "-m", "ui.cli", "app", "-c", str(collection), f"--port={port}"]
    with subprocess.Popen(command, stderr=subprocess.DEVNULL) as app:
        try:
            deadline = time.monotonic() + _WAIT
            while time.monotonic() < deadline and app.poll() is None:
                with socket.socket() as door:
                    if door.connect_ex(("127.0.0.1", port)) == 0:
                        break
                time.sleep(0.2)
            yield f"http://127.0.0.1:{port}", app
        finally:
            app.send_signal(signal.SIGINT)
            app.wait(timeout=_WAIT)
