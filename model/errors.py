"""Every error that taxalens raises on purpose, each one sentence that says what to do next.

Error
├── UnknownName        a name (taxon, encoder, column, image id) that nothing here bears
├── BadInput           a file or folder that cannot be read
├── EncoderUnavailable the weights of an encoder cannot be obtained
├── EncoderMismatch    vectors of two encoders would meet
├── CollectionError    a collection that is missing, damaged or in use
└── NotWritten         a file that could not be written: a full disk, a read-only one
"""

import errno
from collections.abc import Collection, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path


class Error(Exception):
    """Base of all; the command line prints its sentence, in one line, without a traceback."""

    def __str__(self) -> str:
        """Return the sentence; what a library said in several lines is one."""
        return " ".join(super().__str__().splitlines())


class UnknownName(Error):
    """A name that nothing here bears."""


class BadInput(Error):
    """A file or folder that cannot be read."""


class EncoderUnavailable(Error):
    """The weights of an encoder cannot be obtained."""


class EncoderMismatch(Error):
    """Vectors of two encoders would meet."""


class CollectionError(Error):
    """A collection that is missing, damaged or in use."""


class NotWritten(Error):
    """A file that could not be written: a full disk, a read-only one."""


_ADVICE = {
    errno.ENOSPC: "make room and run it again",
    errno.EDQUOT: "your quota is used up: make room and run it again",
    errno.EFBIG: "the file would be larger than allowed here: raise the limit, or choose another "
    "disk",
    errno.EROFS: "choose a place that can be written, or copy it to one",
    errno.EACCES: "ask for the right to write there, or choose another place",
    errno.EPERM: "ask for the right to write there, or choose another place",
}


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn every OSError of writing a file, or below a folder, into NotWritten."""
    try:
        yield
    except OSError as error:
        raise NotWritten(sentence_of(error, path)) from error


def sentence_of(error: OSError, path: Path | None = None) -> str:
    """Return one sentence for an OSError: the file, the reason and the next step.

    `path` is the file where the error does not know it. NumPy raises an OSError without a number
    where only a part of an array could be written.
    """
    where = error.filename2 or error.filename or path
    if error.errno is None and where:
        return f"{where} cannot be written completely ({error}): is the disk full?"
    advice = _ADVICE.get(error.errno or 0, "")
    reason = error.strerror or str(error)
    if where:  # else the reason names the file, as pyarrow's does
        reason = f"{where} cannot be {'written' if advice else 'used'}: {reason}"
    return f"{reason.rstrip('.')}{f'; {advice}' if advice else ''}."


def check_known(noun: str, name: str, known: Collection[str]) -> None:
    """Raise UnknownName for a name that is not one of those known."""
    if name not in known:
        near = did_you_mean(name, known) or f" Choose one of {', '.join(known)}."
        raise UnknownName(f"Unknown {noun} {name!r}.{near}")


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return " Did you mean a, b?" for the nearest known names, or an empty string."""
    from rapidfuzz import fuzz, process, utils

    near = process.extract(
        name,
        list(known),
        scorer=fuzz.ratio,
        processor=utils.default_process,
        limit=3,
        score_cutoff=80,
    )
    return f" Did you mean {', '.join(match[0] for match in near)}?" if near else ""
