"""The command `taxalens`: every file in ui/commands/ is one sub-command."""

import atexit
import logging
import os
import sys
import warnings
from contextlib import suppress

import click

from ui.command_group import CommandGroup


class _Lines(logging.Handler):
    """Writes messages to stderr, a line each and each once, without breaking a bar."""

    def __init__(self) -> None:
        super().__init__()
        self._said: set[str] = set()  # a source is read more than once

    def emit(self, record: logging.LogRecord) -> None:
        """Write one."""
        from tqdm import tqdm

        text = self.format(record)
        if text not in self._said:
            self._said.add(text)
            tqdm.write(text, file=sys.stderr)


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
    if reconfigure := getattr(sys.stdout, "reconfigure", None):
        reconfigure(errors="backslashreplace")
    # Errors are sentences of ours; what libraries warn of on the way there only repeats them.
    root = logging.getLogger()
    if not any(isinstance(handler, _Lines) for handler in root.handlers):
        root.addHandler(_Lines())
    root.setLevel(logging.ERROR)
    logging.getLogger("taxalens").setLevel(logging.INFO)
    warnings.filterwarnings("ignore", module=r"PIL\.")  # odd EXIF and the like; what matters raises


def run() -> None:
    """Run the command in a process of its own, of whose end nothing is shown but the exit code.

    DuckDB prints a page for what is open when Python has ended. All that a command opens is freed
    before, save what a thread still holds that nobody waits for: a page of the app that is being
    drawn when Ctrl-C is pressed.
    """
    atexit.register(_end_silently)  # first, so that it is called last
    main()


def _end_silently() -> None:
    with suppress(OSError, ValueError):
        sys.stderr.flush()
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)


if __name__ == "__main__":
    run()
