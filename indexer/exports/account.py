"""The account of an export: images, lines and omissions, counted as it runs."""

from collections import Counter
from dataclasses import dataclass, field

from model.sizes import counted


@dataclass(slots=True, repr=False)
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

    def __repr__(self) -> str:
        """Describe it in lines: images and rows written, rows left out and why, notes."""
        written = ", ".join(f"{count:,} {table}" for table, count in self.written.items())
        lines = [f"Account, {counted(self.images, 'image')}: {written or 'no rows'}"]
        lines += [f"left out: {count:,} {reason}" for reason, count in self.left_out.items()]
        return "\n".join([*lines, *(f"note: {note}" for note in self.notes)])
