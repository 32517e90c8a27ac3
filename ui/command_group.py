"""A group of sub-commands that are the files of a package."""

import errno
from typing import Any

import click

from model.errors import Error, did_you_mean, sentence_of
from model.plugins import load_plugin, plugin_names


class CommandGroup(click.Group):
    """Finds sub-commands by file name, and turns an Error into its sentence and exit code 1."""

    def __init__(self, *arguments: Any, package: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.package = package

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names of the files; `import_.py`, which Python would not import, is import."""
        return [name.rstrip("-") for name in plugin_names(self.package)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import one of them; None where there is none."""
        for name in plugin_names(self.package):
            if name.rstrip("-") == cmd_name:
                command: click.Command = load_plugin(self.package, name, "command").command
                return command
        return None

    def resolve_command(self, ctx: click.Context, args: list[str]) -> Any:
        """Suggest the nearest names for one that is none."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            near = did_you_mean(args[0], self.list_commands(ctx))
            raise click.UsageError(error.message + near, ctx) from None

    def invoke(self, ctx: click.Context) -> Any:
        """Run a sub-command; an Error ends it with its sentence, Ctrl-C without a traceback."""
        try:
            return super().invoke(ctx)
        except Error as error:
            raise click.ClickException(str(error)) from None
        except OSError as error:
            if error.errno in (None, errno.EPIPE):
                raise  # a fault of ours, or a reader of stdout that has gone
            raise click.ClickException(sentence_of(error)) from None
        except RuntimeError as error:
            if str(error) == "Query interrupted":  # as DuckDB says that Ctrl-C was pressed
                raise click.Abort from None
            raise
