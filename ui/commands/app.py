"""`taxalens app`: the collection in a browser."""

from pathlib import Path

import click

from ui import options


@click.command()
@options.collection
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8501,
    show_default=True,
    help="Port of the page on this machine.",
)
@options.exact_places
def command(collection: Path, port: int, exact_places: bool) -> None:
    """Search a collection in a browser, on this machine only."""
    from ui.server.page import run_page
    from ui.server.ports import check_port

    check_port("127.0.0.1", port)
    click.echo(f"Open http://127.0.0.1:{port} in a browser; Ctrl-C here ends it.", err=True)
    run_page(collection, port, exact_places)
