"""`taxalens taxonomy`: every file here is one of its sub-commands."""

import click

from ui.command_group import CommandGroup


@click.command(cls=CommandGroup, package=__name__)
def command() -> None:
    """Import taxonomies and resolve names.

    \b
      taxalens taxonomy import inat             1.4 million taxa, offline from then on
      taxalens index photos --taxonomy inat     labels get their lineage
      taxalens taxonomy resolve "Ursus arctos Linnaeus, 1758" lion
    """
