"""Plots: pictures of what was measured, as PNG, SVG or a page of HTML that needs no network."""

from collections.abc import Sequence
from pathlib import Path

import altair as alt
import numpy as np
import numpy.typing as npt

from model.errors import Error
from search.labelling.learning import Learnt

MOST_CLASSES = 40  # in one plot: more cannot be read
_CELL = 18  # pixels


def plot_confusion(learnt: Learnt, path: Path) -> str:
    """Draw which examples, left out, were taken for what; return what was done.

    Raises Error for a file of another suffix.
    """
    if learnt.left_out is None:
        return "no plot: with one example of each class none can be left out"
    labels = [each.label for each in learnt.examples.said]
    title = f"leave-one-out top-1 {learnt.left_out.accuracy:.3f}, {learnt}"
    save_plot(confusion_plot(labels, learnt.left_out.confusion, title), path)
    return f"plot: {path}"


def confusion_plot(labels: Sequence[str], counts: npt.NDArray[np.int64], title: str) -> alt.Chart:
    """Draw how often examples of each class (rows) got which answer (columns).

    `counts` (classes, classes). Of more than MOST_CLASSES those are drawn that are confused most.
    """
    wrong = counts.sum(axis=0) + counts.sum(axis=1) - 2 * counts.diagonal()
    shown = np.sort(np.argsort(-wrong, kind="stable")[:MOST_CLASSES]).tolist()
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


def save_plot(plot: alt.Chart, path: Path) -> None:
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
