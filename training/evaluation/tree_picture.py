"""The recursive picture of BioCLIP's paper (section 4.6): images in a plane, clade by clade.

From all images downwards: those of a clade are laid out by t-SNE and coloured by the taxa of the
next rank, then the largest of these is the clade. Encoders stand side by side, each with a layout
of its own. t-SNE is the paper's method and comes with scikit-learn; UMAP would be one more package.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from model.errors import BadInput
from model.progress import OnStep, Step, ignore
from model.taxon import RANKS
from training.evaluation.intervals import Floats
from training.evaluation.labelled_images import UNNAMED, Embedded, LabelledImages, Numbers, embed

if TYPE_CHECKING:
    import altair as alt

# Okabe and Ito's, which all eyes tell apart.
_COLOURS = ("#0072b2", "#e69f00", "#009e73", "#d55e00", "#cc79a7", "#56b4e9")
COLOURS = len(_COLOURS)  # taxa of a panel that have one, as in the paper; the others are grey
FEWEST = 10  # images of a panel
MOST = 1500  # images of a panel; of more a random sample, seed 0
OTHERS = "others"
_PERPLEXITY = 30.0  # of van der Maaten and Hinton 2008, scikit-learn's default
_COMPONENTS = 50  # before t-SNE, as there
_WIDE = 260  # pixels
_COLUMNS = 3  # of clades, where they are seen by one encoder


@dataclass(frozen=True, slots=True, eq=False)
class Level:
    """One clade: its images and the taxa of the next rank by which they are coloured."""

    clade: str
    """"" for all images"""
    rank: str
    """of the taxa"""
    names: tuple[str, ...]
    """of the taxa, the largest first"""
    places: Numbers
    """(n,) the images, of which each has a name at the rank"""
    of: Numbers
    """(n,) the number of each image's name"""


def levels(images: LabelledImages) -> Iterator[Level]:
    """Yield the clades from the highest rank down, each the largest taxon of the one before.

    A rank at which a clade has a single taxon is passed over; of equally large taxa the one that
    comes first among the images is taken. Ends where fewer than FEWEST images are left.
    """
    clade, inside = "", np.arange(len(images))
    for rank in RANKS:
        names, numbers = images.names_at(rank)
        inside = inside if not names else inside[numbers[inside] != UNNAMED]
        if len(inside) < FEWEST:
            return
        if not names:
            continue
        sizes = np.bincount(numbers[inside], minlength=len(names))
        order = np.argsort(-sizes, kind="stable")[: np.count_nonzero(sizes)]
        if len(order) > 1:
            place_of = np.empty(len(names), np.int64)
            place_of[order] = np.arange(len(order))
            ordered = tuple(names[each] for each in order)
            yield Level(clade, str(rank), ordered, inside, place_of[numbers[inside]])
        clade = names[order[0]]
        inside = inside[numbers[inside] == order[0]]


def layout(vectors: npt.NDArray[np.floating]) -> Floats:
    """Return the positions of unit vectors (n, dim) in a plane by t-SNE, (n, 2); the same again."""
    from sklearn.decomposition import PCA
    from sklearn.manifold import TSNE

    few = min(_COMPONENTS, *vectors.shape)
    with np.errstate(invalid="ignore"):  # shares of a variance that is 0: images all alike
        reduced = PCA(few, random_state=0).fit_transform(vectors.astype(np.float64))
    start = reduced[:, :2] * (1e-4 / max(float(reduced[:, 0].std()), 1e-12))
    perplexity = min(_PERPLEXITY, (len(vectors) - 1) / 3)
    tsne = TSNE(perplexity=perplexity, init=start.astype(np.float32), random_state=0)
    found: Floats = tsne.fit_transform(reduced)
    return found


def tree_picture(
    source: Path | str | None = None,
    encoders: str | Sequence[str] = (),
    *,
    collection: Path | str = "taxalens.collection",
    fetch: bool = False,
    progress: OnStep | None = None,
) -> "alt.ConcatChart":
    """Draw labelled images in a plane, a row for each clade and a column for each encoder.

    The images and `encoders` are those of `taxalens.evaluate`. Raises BadInput where no clade has
    FEWEST images of two taxa.
    """
    images, embedded, _ = embed(source, collection, encoders, fetch=fetch, progress=progress)
    found = list(levels(images))
    if not found:
        raise BadInput(
            f"{images.name} has no clade with {FEWEST} images of two taxa; a picture of the tree "
            "needs labels that name taxa."
        )
    return drawn(found, embedded, progress)


def drawn(
    found: Sequence[Level], embedded: Sequence[Embedded], progress: OnStep | None = None
) -> "alt.ConcatChart":
    """Draw levels as several encoders see them; the same images for each."""
    import altair as alt

    report, total = progress or ignore, len(found) * len(embedded)
    rows: list[alt.HConcatChart] = []
    for level in found:
        some = _sample(len(level.places))
        panels: list[alt.Chart] = []
        for each in embedded:
            done = len(rows) * len(embedded) + len(panels)
            report(Step("layouts of clades", "layouts", done, total))
            places = layout(each.vectors[level.places[some]])
            panels.append(_panel(level, level.of[some], places, each.spec))
        rows.append(alt.hconcat(*panels, title=_title(level, len(some))))
    report(Step("layouts of clades", "layouts", total, total))
    columns = _COLUMNS if len(embedded) == 1 else 1
    picture: alt.ConcatChart = alt.concat(*rows, columns=columns)
    picture = picture.resolve_scale(color="independent")
    return picture


def _sample(many: int) -> Numbers:
    if many <= MOST:
        return np.arange(many)
    return np.sort(np.random.default_rng(0).choice(many, MOST, replace=False))


def _title(level: Level, drawn_images: int) -> str:
    many = len(level.places)
    shown = f"{many:,} images" if drawn_images == many else f"{drawn_images:,} of {many:,} images"
    return f"{level.clade or 'all'} by {level.rank}: {shown}, {len(level.names):,} taxa"


def _panel(level: Level, of: Numbers, places: Floats, spec: str) -> "alt.Chart":
    import altair as alt

    named = list(level.names[:COLOURS])
    domain = [*named, OTHERS] if len(level.names) > COLOURS else named
    colours = [*_COLOURS[: len(named)], "#c8c8c8"][: len(domain)]
    values: list[dict[str, Any]] = [
        {"x": round(float(x), 3), "y": round(float(y), 3), "taxon": level.names[number]}
        for (x, y), number in zip(places, of, strict=True)
    ]
    for value in values:
        value["colour"] = value["taxon"] if value["taxon"] in named else OTHERS
    # Those in grey first: the coloured ones lie above them.
    values.sort(key=lambda value: value["colour"] != OTHERS)
    plain = alt.Axis(labels=False, ticks=False, title=None, grid=False, domain=False)
    around = alt.Scale(zero=False, padding=8)
    panel: alt.Chart = (
        alt.Chart(alt.InlineData(values=values), title=spec)
        .mark_circle(size=14, opacity=0.8)
        .encode(
            x=alt.X("x:Q", axis=plain, scale=around),
            y=alt.Y("y:Q", axis=plain, scale=around),
            color=alt.Color(
                "colour:N", scale=alt.Scale(domain=domain, range=colours), title=level.rank
            ),
            tooltip=["taxon:N"],
        )
        .properties(width=_WIDE, height=_WIDE)
    )
    return panel
