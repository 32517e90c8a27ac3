"""`taxalens serve`: the HTTP API of a collection, without the page."""

import os
from pathlib import Path

import click

from ui import options


@click.command()
@options.collection
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen at.")
@click.option(
    "--port",
    type=click.IntRange(1, 65535),
    default=8502,
    show_default=True,
    help="The port to listen at.",
)
@click.option(
    "--token-file",
    type=click.Path(path_type=Path, dir_okay=False),
    metavar="FILE",
    help="A file with the token that clients must send; by default $TAXALENS_TOKEN.",
)
@click.option(
    "--allow-host",
    multiple=True,
    metavar="NAME",
    help="A name that clients know this machine by.",
)
@options.exact_places
def command(
    collection: Path,
    host: str,
    port: int,
    token_file: Path | None,
    allow_host: tuple[str, ...],
    exact_places: bool,
) -> None:
    """Answer searches, identifications and pictures over HTTP, as JSON.

    Only programs of this machine can ask, unless --host names another address of it, which takes
    a token. GET /api/openapi.json describes all that can be asked.

    \b
      taxalens serve
      taxalens serve --host 0.0.0.0 --allow-host museum.example --token-file token.txt
    """
    from indexer.store.manifest import read_manifest
    from ui.server.alone import access_of, read_token, run_alone
    from ui.server.ports import check_port

    token = read_token(token_file) if token_file else os.environ.get("TAXALENS_TOKEN", "")
    access = access_of(host, allow_host, token)
    read_manifest(collection)
    check_port(host, port)
    shown = f"[{host}]" if ":" in host else host
    click.echo(f"Ask http://{shown}:{port}/api/openapi.json; Ctrl-C here ends it.", err=True)
    run_alone(collection.resolve(), host, port, access, exact_places)
