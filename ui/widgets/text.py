"""Foreign text as Markdown that shows it as it is: nothing formatted, linked or loaded."""

import re

_MARKS = re.compile(r"[\\`*_{}\[\]()<>#+\-.!|~$:&]")
# Streamlit looks for links, `:icons:` and arrows after Markdown's escapes are undone. What it
# would find there is taken apart by a word joiner, which is not seen.
_JOINED_MARKS = re.compile(r"(?<=:)(?=\S)|(?<=www)(?=\.)|(?=@)|(?<=[-<>~])(?=[-=>])", re.IGNORECASE)


def plain(text: str) -> str:
    """Return text as Markdown that shows it as it is, with nothing formatted, linked or loaded."""
    line = "".join(each if each.isprintable() else "�" for each in " ".join(text.split()))
    return _MARKS.sub(r"\\\g<0>", _JOINED_MARKS.sub("\u2060", line))


def count(number: int, noun: str) -> str:
    """Return a number with its noun: "1 image", "2,999 images"."""
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
