"""Every error that taxalens raises on purpose, each one sentence that says what to do next.

Error
├── UnknownName        a name (taxon, encoder, column, image id) that nothing here bears
├── BadInput           a file or folder that cannot be read
├── EncoderUnavailable the weights of an encoder cannot be obtained
├── EncoderMismatch    vectors of two encoders would meet
└── CollectionError    a collection that is missing, damaged or in use
"""

from collections.abc import Iterable


class Error(Exception):
    """Base of all; the command line prints its sentence without a traceback."""


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
