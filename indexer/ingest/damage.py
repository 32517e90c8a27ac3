"""Damage: a file that is not as it was written."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Damage:
    """One file that is not as it was written."""

    path: str
    """in the collection; a photograph's own"""
    problem: str
    advice: str

    def __str__(self) -> str:
        """Return both in one line."""
        return f"{self.path}: {self.problem}; {self.advice}"
