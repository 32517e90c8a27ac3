"""Sizes, durations and counts in words."""


def size(number: float) -> str:
    """Return a number of bytes as it is read: "1.84 GB"."""
    for unit in ("kB", "MB", "GB"):
        number /= 1000
        if number < 1000:
            return f"{number:.3g} {unit}"
    return f"{number / 1000:,.1f} TB"


def duration(seconds: float) -> str:
    """Return a number of seconds as it is read: "14 minutes"."""
    for unit, length in (("days", 86400), ("hours", 3600), ("minutes", 60)):
        if seconds >= 2 * length:
            return f"{seconds / length:.0f} {unit}"
    return f"{max(seconds, 2):.0f} seconds"


def counted(count: int, noun: str, plural: str = "") -> str:
    """Return a number of things: "1 duplicate", "1,200 images", "2 species"."""
    return f"{count:,} {noun if count == 1 else plural or f'{noun}s'}"
