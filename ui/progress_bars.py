"""Progress of long work as bars on stderr, its cost stated first."""

import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from model.progress import OnStep, Step
from model.sizes import duration, size

if TYPE_CHECKING:
    import tqdm


@contextmanager
def progress_bars() -> Iterator[OnStep]:
    """Yield a callback that shows each step of some work as a bar of its own."""
    bars = _Bars()
    try:
        yield bars.show
    finally:
        bars.close()


class _Bars:
    def __init__(self) -> None:
        self._bar: tqdm.tqdm[Any] | None = None
        self._job = ""
        self._started = 0.0
        self._is_timed = False

    def show(self, step: Step) -> None:
        from tqdm import tqdm

        if self._bar is None or step.job != self._job or step.done < self._bar.n:
            self.close()
            _state_cost(step)
            self._job, self._started, self._is_timed = step.job, time.monotonic(), False
            self._bar = tqdm(total=step.total, unit=f" {step.unit}", desc=_description(step))
        if step.done and step.bytes and not self._is_timed:
            self._is_timed = True
            if step.total and step.done < step.total:
                left = (step.total - step.done) * (time.monotonic() - self._started) / step.done
                estimate = f"about {duration(left)}, by the first {step.done:,} {step.unit}"
                tqdm.write(estimate, file=sys.stderr)  # which does not break the bar
        self._bar.update(step.done - self._bar.n)

    def close(self) -> None:
        if self._bar is not None:
            self._bar.close()
            self._bar = None


def _state_cost(step: Step) -> None:
    if step.bytes and step.total:
        expected = f"about {duration(step.seconds)}, " if step.seconds else ""
        sys.stderr.write(f"{step.total:,} {step.job}; {expected}about {size(step.bytes)} on disk\n")


def _description(step: Step) -> str | None:
    return None if step.bytes or step.unit != "%" else step.job
