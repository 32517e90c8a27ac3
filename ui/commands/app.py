"""`taxalens app`: the collection in a browser."""

from pathlib import Path

import click

from ui import options

# Streamlit listens on all interfaces, counts its users and believes any Host header unless told
# otherwise. What is set here no `.streamlit/config.toml` of the current folder can undo.
_SETTINGS = (
    ("server.address", "127.0.0.1"),
    ("server.allowedHosts", "127.0.0.1"),  # against DNS rebinding; once per host
    ("server.allowedHosts", "localhost"),
    ("server.enableCORS", "true"),  # refuses the web sockets of other sites
    ("server.enableXsrfProtection", "true"),
    ("server.xsrfCookieSameSite", "strict"),
    ("server.enableStaticServing", "false"),
    ("server.enableAgentApi", "false"),
    ("server.maxUploadSize", "50"),  # MB
    ("server.fileWatcherType", "none"),
    ("server.headless", "true"),
    ("browser.gatherUsageStats", "false"),
    ("client.toolbarMode", "minimal"),
    ("client.showErrorDetails", "none"),
    ("client.showErrorLinks", "false"),
    ("logger.hideWelcomeMessage", "true"),
    ("theme.primaryColor", "#2e7d32"),
)


@click.command()
@options.collection
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8501,
    show_default=True,
    help="Port of the page on this machine.",
)
def command(collection: Path, port: int) -> None:
    """Search a collection in a browser, on this machine only."""
    import streamlit as st
    from streamlit.web import cli as streamlit_cli

    from indexer.store.manifest import read_manifest
    from ui import app

    read_manifest(collection)
    _check_port(port)
    settings = [f"--{name}={value}" for name, value in _SETTINGS]
    script = str(Path(app.__file__))
    click.echo(f"Open http://127.0.0.1:{port} in a browser; Ctrl-C here ends it.", err=True)
    try:
        streamlit_cli.main(
            ["run", script, f"--server.port={port}", *settings, "--", str(collection.resolve())]
        )
    finally:
        # DuckDB prints a page about leaks where a catalog is still open when Python ends.
        st.cache_resource.clear()


def _check_port(port: int) -> None:
    """Raise Error for a port that something else listens on."""
    import socket

    from model.errors import Error

    try:
        socket.create_server(("127.0.0.1", port)).close()
    except OSError as error:
        raise Error(
            f"Port {port} of this machine cannot be used ({error.strerror}); choose another one "
            "with --port."
        ) from None
