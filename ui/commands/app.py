"""`taxalens app`: the collection in a browser."""

import subprocess
import sys
from pathlib import Path

import click

from ui import options

# Streamlit listens on all interfaces and accepts foreign Host headers unless told otherwise.
_SETTINGS = {
    "server.address": "127.0.0.1",
    "server.enableXsrfProtection": "true",
    "server.maxUploadSize": "50",
    "server.enableStaticServing": "false",
    "server.fileWatcherType": "none",
    "server.headless": "true",
    "browser.gatherUsageStats": "false",
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
}


@click.command()
@options.collection
@click.option("--port", default=8501, show_default=True, help="Of the page on this machine.")
def command(collection: Path, port: int) -> None:
    """Search a collection in a browser, on this machine only."""
    from indexer.manifest import read_manifest
    from ui import app

    read_manifest(collection)
    settings = [f"--{name}={value}" for name, value in _SETTINGS.items()]
    script = str(Path(app.__file__))
    click.echo(f"Open http://127.0.0.1:{port} in a browser; Ctrl-C here ends it.", err=True)
    finished = subprocess.run(
        [sys.executable, "-m", "streamlit", "run", script, f"--server.port={port}", *settings]
        + ["--", str(collection.resolve())],
        check=False,
    )
    sys.exit(finished.returncode)
