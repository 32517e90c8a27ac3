"""The command `taxalens`: every file in ui/commands/ is one sub-command."""

import io
import logging
import sys

import click

from ui.command_group import CommandGroup


@click.command(
    cls=CommandGroup,
    package="ui.commands",
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(package_name="taxalens", prog_name="taxalens")
def main() -> None:
    """Search the tree of life by name, by picture and by example.

    \b
      taxalens index PHOTOS --encoder starter   make ./taxalens.collection
      taxalens search "Felidae"                 find a taxon, at any rank
      taxalens search --image cat.jpg           find what looks like a picture
    """
    # A terminal that is not UTF-8 shows the escapes of letters that it lacks.
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    # Errors are sentences of ours; what libraries warn of on the way there only repeats them.
    logging.basicConfig(level=logging.ERROR, format="%(message)s")
    logging.getLogger("taxalens").setLevel(logging.WARNING)  # sentences of ours, too


if __name__ == "__main__":
    main()
