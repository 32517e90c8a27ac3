"""A group of sub-commands that are the files of a package."""

import errno
import os
import re
from typing import Any

import click

from model.errors import Error, did_you_mean, sentence_of
from model.plugins import load_plugin, plugin_names
from ui.safe_streams import safe_streams


class CommandGroup(click.Group):
    """Finds sub-commands by file name, and turns an Error into its sentence and exit code 1."""

    def __init__(self, *arguments: Any, package: str, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self.package = package

    def main(self, *arguments: Any, **options: Any) -> Any:
        """Run the command line, its messages free of control characters."""
        with safe_streams():
            return super().main(*arguments, **options)

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

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Refuse words that the locale could not read: no library takes them for paths."""
        for word in args:
            if not _is_readable(word):
                raise click.ClickException(_UNREADABLE.format(_shown(word)))
        return super().parse_args(ctx, args)

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
            raise click.ClickException(_with_options(str(error))) from None
        except click.MissingParameter:
            raise  # usage, not a value
        except click.BadParameter as error:
            raise click.ClickException(error.format_message()) from None
        except UnicodeEncodeError as error:
            if _is_readable(str(error.object)):
                raise
            raise click.ClickException(_UNREADABLE.format(_shown(str(error.object)))) from None
        except OSError as error:
            if error.errno in (None, errno.EPIPE):
                raise  # a fault of ours, or a reader of stdout that has gone
            raise click.ClickException(sentence_of(error)) from None
        except Exception as error:
            raise _meant(error) from None


def _meant(error: Exception) -> Exception:
    """Return what an error of Python's or DuckDB's is for people; itself where it is a fault."""
    is_duckdbs = type(error).__name__ == "OutOfMemoryException"  # DuckDB is not imported for this
    said = any(words in str(error) for words in _NO_MEMORY)
    if isinstance(error, MemoryError) or is_duckdbs or said:
        return _short_of_memory(error)
    if not isinstance(error, RuntimeError):
        return error
    if str(error) == "Query interrupted":  # as DuckDB says that Ctrl-C was pressed
        return click.Abort()
    if "home directory" in str(error):  # of a user without a name, in a container say
        return click.ClickException(f"{str(error).rstrip('.')}: set HOME.")
    return error


# As Python, Arrow and C++ say that there is no room for a thread or an allocation.
_NO_MEMORY = (
    "can't start new thread",
    os.strerror(errno.EAGAIN),
    os.strerror(errno.ENOMEM),
    "bad_alloc",
)


def _short_of_memory(error: Exception) -> click.ClickException:
    reason = str(error).partition("\n")[0].rstrip(".") or "an allocation failed"
    return click.ClickException(
        f"There is too little memory ({reason}): end other programs, or use a machine with more; "
        "what was committed is kept."
    )


def _with_options(sentence: str) -> str:
    """Return an error's sentence with Python's arguments as options: fetch=True is --fetch."""
    return re.sub(r"\b([a-z_]+)=(True\b|(?=[A-Z'\"]))", _option, sentence)


def _option(argument: re.Match[str]) -> str:
    name = argument[1].replace("_", "-")
    return f"--{name}" if argument[2] else f"--{name} "


_UNREADABLE = (
    "{} is not readable in this locale: run the command with LC_ALL=C.UTF-8 or PYTHONUTF8=1, or, "
    "where its name is not UTF-8, rename it."
)


def _is_readable(word: str) -> bool:
    """Whether a word has no bytes that Python could not decode (PEP 383)."""
    return not any("\ud800" <= character <= "\udfff" for character in word)


def _shown(word: str) -> str:
    """Return a word whose unreadable bytes are question marks."""
    return word.encode("ascii", "replace").decode()
