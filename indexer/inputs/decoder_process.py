"""The process that decodes: questions on standard input, answers on standard output.

A message is its length, eight bytes, and its bytes. No message is code: whatever a damaged picture
makes of this process, its parent reads numbers, text and pixels.
"""

import json
import os
import signal
import sys
from contextlib import AbstractContextManager
from dataclasses import asdict, dataclass
from typing import BinaryIO

from PIL import Image

from indexer.inputs.prepared import Prepared, Wanted, prepare
from indexer.inputs.records import Box
from model.errors import BadInput
from model.preprocessing import Preprocessing

TURN, GO = b"turn", b"go"
"""asks to decode a large picture, and allows it: one process does at a time"""
_LENGTH = 8  # bytes


def send(stream: BinaryIO, *messages: bytes) -> None:
    """Write messages; raises OSError where the reader is gone."""
    for message in messages:
        stream.write(len(message).to_bytes(_LENGTH, "big"))
        stream.write(message)
    stream.flush()


def receive(stream: BinaryIO) -> bytes:
    """Read a message; raises EOFError where the writer is gone."""
    length = stream.read(_LENGTH)
    if len(length) < _LENGTH:
        raise EOFError
    message = stream.read(size := int.from_bytes(length, "big"))
    if len(message) < size:
        raise EOFError
    return message


def asked(crop: Box | None, name: str, wanted: Wanted, deadline: int) -> bytes:
    """Return a question; the bytes of the picture follow it."""
    question = {"crop": crop, "name": name, "wanted": asdict(wanted), "deadline": deadline}
    return json.dumps(question).encode()


def told(head: bytes, pixels: bytes, thumbnail: bytes) -> Prepared:
    """Return an answer as it was prepared; raises BadInput where the picture was refused."""
    answer = json.loads(head)
    if "refused" in answer:
        raise BadInput(answer["refused"])
    size = answer["size"]
    image = Image.frombytes("RGB", tuple(size), pixels) if size else None
    width, height, perceptual, note = answer["facts"]
    return Prepared(image, width, height, perceptual, thumbnail, note)


def main() -> None:
    """Answer until nobody asks any more."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the parent ends it, when it has committed
    questions, answers = sys.stdin.buffer, os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what a library prints is no answer
    while True:
        try:
            question, data = receive(questions), receive(questions)
            send(answers, *_answer(question, data, questions, answers))
        except (EOFError, OSError):
            return


def _answer(
    question: bytes, data: bytes, questions: BinaryIO, answers: BinaryIO
) -> tuple[bytes, bytes, bytes]:
    about = json.loads(question)
    crop = Box(*about["crop"]) if about["crop"] else None
    fit = about["wanted"].pop("preprocessing")
    wanted = Wanted(**about["wanted"], preprocessing=Preprocessing(**fit) if fit else None)
    _alarm(about["deadline"])
    turn = _Turn(questions, answers, about["deadline"])
    try:
        made = prepare(data, crop, about["name"], wanted, turn)
    except BadInput as error:
        return json.dumps({"refused": str(error)}).encode(), b"", b""
    finally:
        _alarm(0)
    facts = (made.width, made.height, made.hash, made.note)
    head = {"facts": facts, "size": made.image.size if made.image else None}
    pixels = made.image.tobytes() if made.image else b""
    return json.dumps(head).encode(), pixels, made.thumbnail


@dataclass(slots=True)
class _Turn(AbstractContextManager[None]):
    """Leave of the parent to decode a large picture, asked for once; no time passes meanwhile."""

    questions: BinaryIO
    answers: BinaryIO
    deadline: int
    is_given: bool = False

    def __enter__(self) -> None:
        if not self.is_given:
            _alarm(0)
            send(self.answers, TURN)
            receive(self.questions)
            self.is_given = True
            _alarm(self.deadline)

    def __exit__(self, *_: object) -> None:
        """Keep it: the parent takes it back when it has the answer."""


def _alarm(seconds: int) -> None:
    """End this process after so many seconds, even inside of a library; 0: do not."""
    if hasattr(signal, "alarm"):
        signal.alarm(seconds)


if __name__ == "__main__":
    main()
