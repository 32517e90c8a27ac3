"""`taxalens publish`: every file here is a kind of server that collections are published on."""

import click

from ui.command_group import CommandGroup


@click.command(cls=CommandGroup, package=__name__)
def command() -> None:
    """Publish a collection on a vector database, to be searched by many.

    \b
      taxalens publish milvus --uri milvus://localhost:19530/birds
      taxalens search "Felidae" -c milvus://localhost:19530/birds
    """
