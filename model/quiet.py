"""Libraries that work for us without remarks; afterwards they log as they did before."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from threading import RLock, get_ident

_ONE = RLock()


@contextmanager
def quiet(library: str = "") -> Iterator[None]:
    """Drop remarks below an error that this thread logs through the root logger, or a library's.

    open_clip and OpenVINO use the root logger, and so would set up a handler for the whole process
    where it has none. One thread at a time.
    """
    root, told, here = logging.getLogger(), logging.getLogger(library or __name__), get_ident()
    handler = logging.NullHandler()

    def passes(record: logging.LogRecord) -> bool:
        return record.thread != here or record.levelno >= logging.ERROR

    with _ONE:
        level = told.level
        told.setLevel(logging.ERROR)
        root.addHandler(handler)
        root.addFilter(passes)
        try:
            yield
        finally:
            root.removeFilter(passes)
            root.removeHandler(handler)
            told.setLevel(level)
