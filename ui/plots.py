"""Plots: pictures of what was measured, as PNG, SVG or a page of HTML that needs no network."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import altair as alt

from model.errors import Error
from search.classify.backoff import Backoff
from search.html import Dot
from search.label.methods import FittedMethod, LeftOutScores

MOST_CLASSES = 40  # in one plot: more cannot be read
_CELL = 18  # pixels
_WIDE = 180


def plot_confusion(fitted: FittedMethod, path: Path) -> str:
    """Draw which examples, left out, were taken for what; return what was done.

    Raises Error for a file of another suffix.
    """
    if fitted.left_out is None:
        return "no plot: with one example of each class none can be left out"
    labels = [each.label for each in fitted.examples.said]
    title = f"leave-one-out top-1 {fitted.left_out.accuracy:.3f}, {fitted}"
    save_plot(confusion_plot(labels, fitted.left_out, title), path)
    return f"plot: {path}"


def plot_reliability(backoff: Backoff | None, path: Path) -> str:
    """Draw how often answers are right by how sure they are; return what was done.

    Raises Error for a file of another suffix.
    """
    if backoff is None:
        return "no plot: confidence is uncalibrated, so nothing tells how often answers are right"
    title = f"right by confidence, {len(backoff.reliability):,} labelled images, each left out"
    save_plot(reliability_plot(backoff.reliability.bins(), title), path)
    return f"plot: {path}"


def reliability_plot(bins: Mapping[str, Sequence[Dot]], title: str) -> alt.ConcatChart:
    """Draw a reliability diagram for each rank: on its line is what is right as often as sure."""
    share = alt.Scale(domain=[0, 1])
    even = [{"confidence": 0, "right": 0}, {"confidence": 1, "right": 1}]
    line = alt.Chart(alt.InlineData(values=even)).mark_line(color="silver", strokeDash=[4, 4])
    line = line.encode(x=alt.X("confidence:Q", scale=share), y=alt.Y("right:Q", scale=share))
    plots = []
    for rank, dots in bins.items():
        values = alt.InlineData(values=[dot._asdict() for dot in dots])
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


def confusion_plot(labels: Sequence[str], left: LeftOutScores, title: str) -> alt.Chart:
    """Draw how often examples of each class (rows) got which answer (columns).

    Of more than MOST_CLASSES those are drawn that are confused most.
    """
    counts, shown = left.confusion, left.most_confused(MOST_CLASSES)
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
