"""The account of an export: images, lines and omissions, counted as it runs."""

from collections import Counter
from dataclasses import dataclass, field


@dataclass(slots=True)
class Account:
    """The counts of an export so far."""

    images: int = 0
    """looked at"""
    written: Counter[str] = field(default_factory=Counter)
    """lines by their table"""
    left_out: Counter[str] = field(default_factory=Counter)
    """how many of what was left out, by the reason"""
    notes: list[str] = field(default_factory=list)
    """what to know or do before it is handed on"""
