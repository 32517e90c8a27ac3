"""The command `taxalens`: every file in ui/commands/ is one sub-command."""

import logging
from typing import Any

import click

from model.errors import Error, did_you_mean
from model.plugins import load_plugin, plugin_names


class _Commands(click.Group):
    """Finds sub-commands by file name, and turns an Error into its sentence and exit code 1."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return plugin_names("ui.commands")

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in self.list_commands(ctx):
            return None
        command: click.Command = load_plugin("ui.commands", cmd_name, noun="command").command
        return command

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(error.message + near, ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except Error as error:
            raise click.ClickException(str(error)) from None


@click.command(cls=_Commands, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="taxalens", prog_name="taxalens")
def main() -> None:
    """Search the tree of life by name, by picture and by example.

    \b
      taxalens index PHOTOS --encoder starter   make ./taxalens.collection
      taxalens search "Felidae"                 find a taxon, at any rank
      taxalens search --image cat.jpg           find what looks like a picture
    """
    # Errors are sentences of ours; what libraries warn of on the way there only repeats them.
    logging.basicConfig(level=logging.ERROR, format="%(message)s")


if __name__ == "__main__":
    main()
