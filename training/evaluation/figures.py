"""A figure with its 95 % interval, and the table of all figures of an evaluation."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
import pyarrow as pa

from search.answers import Answers
from training.evaluation.intervals import RESAMPLES, SEED, Floats, interval_of_mean

if TYPE_CHECKING:
    import altair as alt

BOOTSTRAP = f"bootstrap of {{}}, {RESAMPLES:,} resamples, seed {SEED}"


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of merit of one encoder on some images."""

    measure: str
    """"zero-shot top-1", "image→image mAP" """
    value: float | None
    """None where it could not be measured, for the reason that `setting` states"""
    low: float | None
    """of the 95 % interval; None where none can be computed"""
    high: float | None
    n: int
    """items that were averaged: images, queries or classes"""
    rank: str = ""
    setting: str = ""
    """"taxon_com, 81 templates, 100 classes" """
    seeds: str = ""
    """of the draws that the figure averages, "0-4" """
    interval: str = ""
    """how the interval is computed"""
    encoder: str = ""
    data: str = ""

    def row(self) -> dict[str, object]:
        """Return it under the columns of `Evaluation.SCHEMA`."""
        return asdict(self)


def mean_figure(
    measure: str,
    outcomes: Floats,
    *,
    times: Floats | None = None,
    of: str = "images",
    rank: str = "",
    setting: str = "",
    seeds: str = "",
) -> Figure:
    """Return the figure of a mean of outcomes (n,), with a bootstrap interval over its items.

    `times` (n,) is how often each item was tested; the outcomes are then sums over these tests.
    """
    counted = float(len(outcomes) if times is None else times.sum())
    value = float(outcomes.sum() / counted) if counted else float("nan")
    low, high = interval_of_mean(outcomes, times) if counted else (None, None)
    return Figure(
        measure, value, low, high, len(outcomes), rank, setting, seeds, BOOTSTRAP.format(of)
    )


def seeds_figure(measure: str, values: Sequence[float], n: int, *, setting: str = "") -> Figure:
    """Return the figure of a mean over seeds 0, 1, …, with Student's t interval over them."""
    from scipy.stats import t

    mean, many = float(np.mean(values)), len(values)
    low, high = None, None
    if many > 1:
        reach = float(t.ppf(0.975, many - 1) * np.std(values, ddof=1) / np.sqrt(many))
        low, high = mean - reach, mean + reach
    seeds = f"0-{many - 1}"
    return Figure(measure, mean, low, high, n, "", setting, seeds, f"Student's t over {many} seeds")


@dataclass(frozen=True, slots=True, repr=False)
class Evaluation(Answers[Figure]):
    """The figures of several encoders on the same images, in the order of measures."""

    notes: tuple[str, ...] = ()
    """what was left out, and why"""

    SCHEMA: ClassVar[pa.Schema] = pa.schema(
        [
            *((name, pa.string()) for name in ("data", "encoder", "measure", "rank", "setting")),
            *((name, pa.float64()) for name in ("value", "low", "high")),
            ("n", pa.int64()),
            ("seeds", pa.string()),
            ("interval", pa.string()),
        ]
    )
    SHOWN: ClassVar[tuple[str, ...]] = ("encoder", "measure", "rank", "value", "low", "high", "n")
    HEADINGS: ClassVar[tuple[str, ...]] = ("measure", "rank", "encoder", "value", "95 %", "n")

    def caption(self) -> str:
        """Return the data and the encoders."""
        return f"{', '.join(_unique(each.data for each in self))}: {', '.join(self.encoders)}"

    def cells(self, item: Figure) -> tuple[object, ...]:
        """Return the cells of a figure under HEADINGS."""
        return item.measure, item.rank, item.encoder, _value(item), _range(item), item.n

    @property
    def encoders(self) -> tuple[str, ...]:
        """The encoders in the order in which they were given."""
        return tuple(_unique(each.encoder for each in self if each.encoder))

    def side_by_side(self) -> list[dict[str, object]]:
        """Return a row for each measure with a column for each encoder: "0.524 (0.506–0.542)"."""
        rows: dict[tuple[str, ...], dict[str, object]] = {}
        for each in self:
            key = (each.data, each.measure, each.rank, each.seeds)
            shared = ("data", "measure", "rank", "setting", "n", "seeds")
            first: dict[str, object] = {name: each.row()[name] for name in shared}
            row = rows.setdefault(key, first | dict.fromkeys(self.encoders, ""))
            if each.value is None:
                continue
            row[each.encoder] = f"{_value(each)} {_range(each)}".strip()
            if each.setting != row["setting"]:  # another text type
                row[each.encoder] = f"{row[each.encoder]}; {each.setting}"
        return list(rows.values())

    def plot(self) -> "alt.ConcatChart":
        """Return a plot of the figures and their intervals, a panel for each measure."""
        rows = [each.row() for each in self if each.value is not None]
        return _plot(rows, self.encoders, self.caption())


def _unique(values: Any) -> list[str]:
    return list(dict.fromkeys(values))


def _value(figure: Figure) -> str:
    return "" if figure.value is None else f"{figure.value:.3f}"


def _range(figure: Figure) -> str:
    if figure.low is None or figure.high is None:
        return ""
    return f"({figure.low:.3f}–{figure.high:.3f})"


def _plot(
    rows: Sequence[Mapping[str, Any]], encoders: Sequence[str], title: str
) -> "alt.ConcatChart":
    import altair as alt

    panels: dict[str, list[dict[str, object]]] = {}
    for row in rows:
        name = f"{row['data']}: {row['measure']}{', ' if row['setting'] else ''}{row['setting']}"
        panels.setdefault(name, []).append({**row, "rank": row["rank"] or "all"})
    order = _unique(row["rank"] or "all" for row in rows)
    charts = []
    for name, values in panels.items():
        base = alt.Chart(alt.InlineData(values=values))
        x = alt.X("rank:N", sort=order, title=None)
        offset = alt.XOffset("encoder:N", sort=list(encoders))
        colour = alt.Color("encoder:N", sort=list(encoders))
        bars = base.mark_bar().encode(
            x=x, xOffset=offset, color=colour, y=alt.Y("value:Q", title=None)
        )
        lines = base.mark_rule().encode(x=x, xOffset=offset, y="low:Q", y2="high:Q")
        charts.append((bars + lines).properties(title=name, width=160, height=120))
    plot: alt.ConcatChart = alt.concat(*charts, columns=4, title=title)
    return plot
