"""Space: every image as a point beside images like it, with time and place; a lasso picks some."""

from datetime import date, timedelta

import streamlit as st

from model.errors import Error
from search.browse.colours import BY_WHO
from search.browse.space import LAYOUTS, PCA, UMAP, Points, can_lay_out
from search.browse.time_and_place import Times
from search.collection import Collection
from ui.wall.wall import tile_of, wall
from ui.widgets.address import Address, held, read_address, write_address
from ui.widgets.brush import drawable, lasso_of, read_lasso
from ui.widgets.charts import bars, scatter
from ui.widgets.filter_bar import filter_bar
from ui.widgets.job_panel import job_panel
from ui.widgets.jobs import jobs_of
from ui.widgets.lightbox import open_image
from ui.widgets.place_map import show_places
from ui.widgets.query_bar import chips
from ui.widgets.selection import selection_bar
from ui.widgets.text import count, plain

TITLE = "Space"
ORDER = 4
SIZE = 60  # tiles of the wall
_SHOWN_LAYOUTS = {PCA: "Principal components", UMAP: "UMAP"}
_WEEK = 7


def page(collection: Collection) -> None:
    """Show the page."""
    address = read_address()
    try:
        filter_bar(collection, address, with_map=False)
        chips(address)
        left, right = st.columns([3, 2], gap="medium")
        with left:
            points = _space(collection, address)
        with right:
            _time_and_place(collection, address)
        if points:
            _picked(collection, address, points)
    except Error as error:
        st.error(plain(str(error)))


def _space(collection: Collection, address: Address) -> Points | None:
    """Show the points; None where they are not laid out yet."""
    known = collection.colourings
    by = address.colour if address.colour in known else _first(known)
    layout = address.layout or PCA
    with st.container(horizontal=True, vertical_alignment="top"):
        st.selectbox("Colour by", known, key=held("space-colour", by), on_change=_colour)
        st.segmented_control(
            "Layout",
            LAYOUTS,
            key=held("space-layout", layout),
            format_func=lambda each: _SHOWN_LAYOUTS.get(each, each),
            on_change=_lay_out,
        )
    if layout == UMAP and not _is_ready(collection):
        return None
    points = collection.points(address.filters, layout)
    drawable(
        scatter(points, collection.groups(points, by), lasso_of(address.lasso)),
        f"space-{layout}",
        address.lasso,
        read_lasso,
        lambda words: write_address(lasso=words, page="", sel=""),
        height=540,
        alt=f"{count(len(points.rows), 'image')} as points, coloured by {by}",
    )
    if len(points.rows) < points.images:
        drawn = f"{len(points.rows):,} of {points.images:,} images, drawn at random."
    else:
        drawn = f"{count(points.images, 'image')}, those alike side by side."
    st.caption(f"{drawn} Choose the lasso at the top right and circle points to see them below.")
    return points


def _first(known: tuple[str, ...]) -> str:
    """Return what says most at first sight: families, or whatever rank there is."""
    return next((each for each in ("order", "family", "genus", "species") if each in known), BY_WHO)


def _is_ready(collection: Collection) -> bool:
    folder = collection.snapshot.folder
    busy = job_panel(folder)
    if collection.is_laid_out:
        return True
    if not can_lay_out():
        st.info('UMAP is an extra; install it with: pip install "taxalens[umap]"')
        return False
    st.markdown("The images are not laid out by UMAP yet. It takes minutes, once.")
    if st.button("Lay out by UMAP", type="primary", disabled=busy) and jobs_of(folder).start(
        "Laying out by UMAP", ["layout", "-c", str(folder)]
    ):
        st.rerun()
    return False


def _time_and_place(collection: Collection, address: Address) -> None:
    show_places(collection, address, "space-map", 300)
    times = collection.times(address.filters)
    if not times.years:
        st.caption("No image here has a date (eventDate).")
        return
    years, key = _years(times), f"space-years-{address.date}"

    def pick() -> None:
        for each in st.session_state[key]["selection"]["selected"]:
            write_address(date=years[each["data_indices"][0]][0])

    st.echarts_chart(
        bars(years, "Years: choose one"), key=key, on_select=pick, height=150, alt="Years"
    )
    if times.days:
        chart = bars(_weeks(times), "Weeks of the year")
        st.echarts_chart(chart, key="space-weeks", height=150, alt="Weeks of the year")
    if times.undated:
        st.caption(f"{count(times.undated, 'image')} without a date.")


def _years(times: Times) -> list[tuple[str, int]]:
    known = dict(times.years)
    span = range(min(known), max(known) + 1)
    return [(str(year), known.get(year, 0)) for year in (span if len(span) < 100 else known)]


def _weeks(times: Times) -> list[tuple[str, int]]:
    """Return the images of each seven days of a year, by the first of them."""
    weeks = [0] * (-(-366 // _WEEK))
    for day, images in times.days:
        weeks[(day - 1) // _WEEK] += images
    starts = (date(2024, 1, 1) + timedelta(days=_WEEK * place) for place in range(len(weeks)))
    return [
        (f"{start.day} {start:%b}", images) for start, images in zip(starts, weeks, strict=True)
    ]


def _picked(collection: Collection, address: Address, points: Points) -> None:
    """Show the images inside the lasso."""
    lasso = lasso_of(address.lasso)
    if not lasso:
        return
    rows = points.inside(lasso)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"{count(len(rows), 'image')} inside the lasso", anchor=False)
        st.button(
            "Clear the lasso", on_click=write_address, kwargs={"lasso": "", "page": "", "sel": ""}
        )
    if not len(rows):
        return
    pages = -(-len(rows) // SIZE)
    here = min(address.page, pages)
    hits = collection.shown(rows[(here - 1) * SIZE : here * SIZE])
    state = wall(
        [tile_of(hit, (hit.file_name,)) for hit in hits],
        key="space-wall",
        stamp=repr((address.lasso, address.layout, address.filters, here)),
        selected=address.sel,
    )
    chosen = address.sel if state.selected is None else state.selected
    if chosen != address.sel:
        write_address(sel=chosen)
    if pages > 1:
        key = f"space-page-{here}-of-{pages}"
        st.pagination(pages, default=here, key=key, on_change=_turn_page, args=(key,))
    every = dict(zip(points.rows.tolist(), points.image_ids, strict=True))
    ids = chosen or [every[row] for row in rows.tolist()]
    selection_bar(collection, ids, address.filters, len(rows))
    if state.opened:
        open_image(collection, state.opened)


def _colour() -> None:
    write_address(colour=st.session_state["space-colour"] or "")


def _lay_out() -> None:
    write_address(layout=st.session_state["space-layout"] or "")


def _turn_page(key: str) -> None:
    write_address(page=str(st.session_state[key]), sel="")
