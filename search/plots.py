"""Plots of reliability and confusion, for notebooks and files; none needs a network."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import altair as alt
import numpy as np
import numpy.typing as npt

from model.errors import Error

Numbers = npt.NDArray[np.int64]
Bin = tuple[float, float, int]  # mean confidence, share that is right, answers

MOST_CLASSES = 40  # in one plot: more cannot be read
_CELL = 18  # pixels
_WIDE = 180


def reliability_plot(bins: Mapping[str, Sequence[Bin]], title: str) -> alt.ConcatChart:
    """Draw a reliability diagram for each rank: on its line is what is right as often as sure."""
    share = alt.Scale(domain=[0, 1])
    even = [{"confidence": 0, "right": 0}, {"confidence": 1, "right": 1}]
    line = alt.Chart(alt.InlineData(values=even)).mark_line(color="silver", strokeDash=[4, 4])
    line = line.encode(x=alt.X("confidence:Q", scale=share), y=alt.Y("right:Q", scale=share))
    plots = []
    for rank, dots in bins.items():
        rows = [dict(zip(("confidence", "right", "answers"), dot, strict=True)) for dot in dots]
        values = alt.InlineData(values=rows)
        drawn = alt.Chart(values).mark_circle(opacity=1, color="steelblue")
        drawn = drawn.encode(
            x="confidence:Q",
            y="right:Q",
            size=alt.Size("answers:Q", scale=alt.Scale(domainMin=0)),
            tooltip=["confidence:Q", "right:Q", "answers:Q"],
        )
        plots.append((line + drawn).properties(title=rank, width=_WIDE, height=_WIDE))
    plot: alt.ConcatChart = alt.concat(*plots, columns=4, title=title)
    return plot


def confusion_plot(
    labels: Sequence[str], counts: Numbers, shown: Sequence[int], title: str
) -> alt.Chart:
    """Draw how often examples of each class (rows) got which answer (columns).

    `counts` (n, n) are those of n classes, `labels` their names; `shown` are the classes drawn.
    """
    cells = [
        {"label": labels[a], "answer": labels[b], "examples": int(counts[a, b])}
        for a in shown
        for b in shown
        if counts[a, b]
    ]
    left_out = f", the {len(shown)} most confused of {len(labels)} classes"
    names = [labels[each] for each in shown]
    size = max(60, _CELL * len(shown))
    plot: alt.Chart = (
        alt.Chart(alt.InlineData(values=cells), title=title + left_out * (len(shown) < len(labels)))
        .mark_rect()
        .encode(
            x=alt.X("answer:N", sort=names, scale=alt.Scale(domain=names), title="answer"),
            y=alt.Y("label:N", sort=names, scale=alt.Scale(domain=names), title="label"),
            color=alt.Color("examples:Q", scale=alt.Scale(scheme="blues", domainMin=0)),
            tooltip=["label:N", "answer:N", "examples:Q"],
        )
        .properties(width=size, height=size)
    )
    return plot


def svg(plot: alt.Chart | alt.ConcatChart) -> str:
    """Return a plot as an svg element, its text escaped, as a notebook shows it."""
    import vl_convert

    drawn: str = vl_convert.vegalite_to_svg(plot.to_dict())
    return drawn


def save_plot(plot: alt.Chart | alt.ConcatChart, path: Path) -> None:
    """Write a plot in the format of the file's suffix; raises Error for one that is none."""
    match path.suffix.lower():
        case ".html":
            plot.save(str(path), format="html", inline=True)  # its scripts inside it
        case ".png":
            plot.save(str(path), format="png", ppi=144)
        case ".svg":
            plot.save(str(path), format="svg")
        case _:
            raise Error(f"{path} cannot be a plot: its name must end in .png, .svg or .html.")
