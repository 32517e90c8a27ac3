"""Long work in a process of its own: it outlives the tab, tells its progress, and can be cancelled.

A job is the command line, run with the arguments that a page chose; what it says on stderr is its
progress. One job at a time works on a collection.
"""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryFile
from threading import Lock
from typing import IO

_LAST = 4000  # bytes of what a job says
_ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


@dataclass(slots=True)
class Job:
    """One command that runs, or that has ended."""

    name: str
    process: subprocess.Popen[bytes]
    output: IO[bytes]
    cancelled: bool = False

    @property
    def runs(self) -> bool:
        """Whether it is at work still."""
        return self.process.poll() is None

    @property
    def outcome(self) -> str:
        """Say how it ended: "done", even where Cancel came too late, "cancelled" or "failed"."""
        if self.process.returncode == 0:
            return "done"
        return "cancelled" if self.cancelled else "failed"

    def told(self) -> list[str]:
        """Return the last lines that it wrote; of a progress bar the last state."""
        size = os.fstat(self.output.fileno()).st_size
        content = os.pread(self.output.fileno(), _LAST, max(0, size - _LAST))
        text = _ESCAPES.sub("", content.decode(errors="replace"))
        lines = [line.rpartition("\r")[2].strip() or line.strip() for line in text.split("\n")]
        return [line for line in lines if line]

    def cancel(self) -> None:
        """Ask it to stop, as Ctrl-C does: what is done is kept."""
        if self.runs:
            self.cancelled = True
            self.process.send_signal(signal.SIGINT)


class Jobs:
    """The job of one collection, shared by all sessions of the server."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._last: Job | None = None

    @property
    def last(self) -> Job | None:
        """The job that runs, or the last one that ended."""
        return self._last

    def start(self, name: str, arguments: Sequence[str]) -> bool:
        """Start `taxalens ARGUMENTS`; return whether no other job was running."""
        with self._lock:
            if self._last and self._last.runs:
                return False
            if self._last:
                self._last.output.close()
            output = TemporaryFile()  # noqa: SIM115  it lasts as long as the job is shown
            process = subprocess.Popen(
                [sys.executable, "-m", "ui.cli", *arguments],
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,  # Ctrl-C of the server is not for it
            )
            self._last = Job(name, process, output)
            return True


@cache
def jobs_of(folder: Path) -> Jobs:
    """Return the jobs of the collection in a folder."""
    return Jobs()
