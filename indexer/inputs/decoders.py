"""Processes that decode, so that a picture by which a decoder crashes or hangs costs itself alone.

Each of them answers one question at a time over its standard streams (`decoder_process`). A
picture comes back as its encoder looks at it: to hand over one of a thousand pixels a side costs
as much as decoding a small JPEG.
"""

import atexit
import os
import signal
import subprocess
import sys
from contextlib import ExitStack, suppress
from queue import Empty, LifoQueue
from threading import BoundedSemaphore
from typing import BinaryIO, cast

from indexer.inputs.decoder_process import GO, TURN, asked, receive, send, told
from indexer.inputs.decoding import ONE_LARGE
from indexer.inputs.prepared import Prepared, Wanted, prepare
from indexer.inputs.records import Box
from model.errors import BadInput

DEADLINE = 180  # seconds; a JPEG 2000 of MAX_PIXELS takes one, a slow machine ten times that
_KEPT = 2  # idle ones, for the next run
_TRIES = 2  # a process may be ended by somebody else
_ALARM = getattr(signal, "SIGALRM", 0)
_DYING = 5.0  # seconds for a process that has closed its streams


class Decoders:
    """Up to `most` processes, started as they are needed; threads may share them.

    `deadline` is the time in seconds that a picture may take; it is kept where the system has
    alarms, which Windows has not.
    """

    def __init__(self, most: int | None = None, deadline: int = DEADLINE) -> None:
        self._most = most or os.cpu_count() or 1
        self._deadline = deadline
        self.forget()

    def prepare(self, data: bytes, crop: Box | None, name: str, wanted: Wanted) -> Prepared:
        """Return what is wanted of a picture, as `prepared.prepare` does.

        Raises BadInput for one that cannot be decoded, or that ends the process or takes too long.
        """
        question, status = asked(crop, name, wanted, self._deadline), 0
        with self._room:
            for _ in range(_TRIES):
                try:
                    process = self._process()
                except OSError:  # no more processes or files may be had
                    return prepare(data, crop, name, wanted)
                try:
                    answer = _answer(process, question, data)
                except (OSError, EOFError):
                    status = _ended(process)
                    if status == -_ALARM:
                        raise BadInput(f"takes more than {self._deadline} s to decode") from None
                else:
                    self._idle.put(process)
                    return told(*answer)
        raise BadInput(f"its decoder crashed ({_name_of(status)})")

    def rest(self, kept: int = _KEPT) -> None:
        """End all idle processes but a few."""
        with suppress(Empty):
            while self._idle.qsize() > kept:
                process = self._idle.get_nowait()
                process.kill()
                _ended(process)

    def forget(self) -> None:
        """Begin with none: a fork must not ask the processes of its parent."""
        self._room = BoundedSemaphore(self._most)
        self._idle: LifoQueue[subprocess.Popen[bytes]] = LifoQueue()

    def _process(self) -> "subprocess.Popen[bytes]":
        with suppress(Empty):
            return self._idle.get_nowait()
        return subprocess.Popen(
            [sys.executable, "-m", "indexer.inputs.decoder_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,  # a library that crashes says a word to the terminal
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )


DECODERS = Decoders()
"""those of this process, which all of its runs share: one takes a fifth of a second to start"""
atexit.register(DECODERS.rest, 0)
if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=DECODERS.forget)


def _answer(process: "subprocess.Popen[bytes]", question: bytes, data: bytes) -> list[bytes]:
    """Ask a process; raises OSError or EOFError where it has ended."""
    assert process.stdin
    assert process.stdout
    questions, answers = cast(BinaryIO, process.stdin), cast(BinaryIO, process.stdout)
    send(questions, question, data)
    with ExitStack() as held:
        if (first := receive(answers)) == TURN:
            held.enter_context(ONE_LARGE)
            send(questions, GO)
            first = receive(answers)
        return [first, receive(answers), receive(answers)]


def _ended(process: "subprocess.Popen[bytes]") -> int:
    """Return the exit status of a process that ends; one that does not is made to."""
    for stream in (process.stdin, process.stdout):
        with suppress(OSError):
            if stream:
                stream.close()
    try:
        return process.wait(_DYING)
    except subprocess.TimeoutExpired:
        process.kill()
        return process.wait()


def _name_of(status: int) -> str:
    with suppress(ValueError):
        return signal.Signals(-status).name
    return f"exit status {status}"
