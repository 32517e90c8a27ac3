"""Progress of long work: reported to a callback, never printed."""

from collections.abc import Callable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Step:
    """How far a step of long work is; the first report of a step comes before its work."""

    job: str
    """its name: "new or changed pictures", "names to encode"; another job is another step"""
    unit: str
    """of `done` and `total`: "images", "names", "%" """
    done: int
    total: int | None = None
    """None where it is unknown"""
    bytes: int = 0
    """disk that the whole step needs, about; 0 where it is little"""
    seconds: float = 0.0
    """expected duration of the whole step before any is measured; 0 where it is unknown"""


OnStep = Callable[[Step], None]


def ignore(step: Step) -> None:
    """Take a report and do nothing: the callback of who asked for none."""


def share_reporter(progress: OnStep | None) -> Callable[[str, float], None]:
    """Return a callback of (job, share done, 0 to 1) that reports steps in percent."""
    report = progress or ignore
    return lambda job, share: report(Step(job, "%", round(100 * share), 100))
