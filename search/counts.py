"""How many of something a caller asks for: a whole number, or a sentence that says so."""

from numbers import Integral

from model.errors import BadInput


def count(value: object, name: str, of: str, least: int = 1) -> int:
    """Return a count of things, `least` or more; raises BadInput for anything else.

    `name` is the argument and `of` what it counts: "k", "hits".
    """
    if isinstance(value, bool) or not isinstance(value, Integral) or value < least:
        raise BadInput(f"{name} is the number of {of}, {least} or more, not {value!r}.")
    return int(value)
