"""What is written to a terminal: no escape sequence and no turn of the writing out of any data."""

import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

# C0 without tab, line feed and carriage return; DEL and C1; marks that turn the writing around.
_CONTROLS = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]"
)


class SafeStream:
    """A text stream that shows control characters as \ufffd; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        """Write a text without controls; return its length."""
        self._stream.write(_CONTROLS.sub("\ufffd", text))
        return len(text)

    def writelines(self, lines: Any) -> None:
        """Write several."""
        for line in lines:
            self.write(line)

    def __getattr__(self, name: str) -> Any:
        """Return anything else of the stream."""
        return getattr(self._stream, name)


@contextmanager
def safe_streams() -> Iterator[None]:
    """Make stderr safe while a command runs, and stdout where it is a terminal."""
    before = sys.stdout, sys.stderr
    if sys.stdout is not None and sys.stdout.isatty():
        sys.stdout = SafeStream(sys.stdout)
    if sys.stderr is not None:
        sys.stderr = SafeStream(sys.stderr)
    try:
        yield
    finally:
        sys.stdout, sys.stderr = before
