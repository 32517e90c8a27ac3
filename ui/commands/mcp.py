"""`taxalens mcp`: the collection as tools of an assistant."""

from importlib.util import find_spec
from pathlib import Path

import click

from ui import options


@click.command()
@options.collection
@click.option("--write", is_flag=True, help="Let the assistant label images, as a machine does.")
@options.exact_places
def command(collection: Path, write: bool, exact_places: bool) -> None:
    """Answer an assistant by the Model Context Protocol, on stdin and stdout.

    An assistant that speaks it starts this command itself. It can search, identify pictures and
    look at images; with --write it can also label them, which people's labels go before.

    \b
      taxalens mcp -c birds.collection
    """
    from indexer.store.manifest import read_manifest
    from model.errors import Error

    if find_spec("mcp") is None:
        raise Error("Assistants need an extra of taxalens: pip install taxalens[mcp]")
    read_manifest(collection)
    from ui.server.assistants import serve_assistant

    serve_assistant(collection.resolve(), write, exact_places)
