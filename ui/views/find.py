"""Find: the collection to look through, one box to ask it, filters, and work on a selection."""

from contextlib import suppress
from dataclasses import replace

import streamlit as st

from model.errors import Error
from search.browse.colours import BY_WHO
from search.browse.listing import ORDERS
from search.collection import Collection
from search.hits import IDENTIFIED, LABELLED, SIMILAR, Hit, Hits
from ui.options import WEIGHTED
from ui.wall.wall import Picture, Tile, match_lines, tile_of, wall
from ui.widgets.address import Address, held, write_address
from ui.widgets.filter_bar import filter_bar
from ui.widgets.lightbox import open_image
from ui.widgets.query_bar import ask_picture, query_bar, read_query
from ui.widgets.selection import selection_bar
from ui.widgets.text import count, plain

TITLE = "Find"
ORDER = 0
SIZE = 60  # images of a page
_MOST_PAGES = 200  # of an answer: each costs a search as deep
_SECTIONS = {LABELLED: "Labelled so", IDENTIFIED: "Identified so by a machine"}
_SHOWN_ORDERS = {
    "newest": "newest first",
    "taxon": "by taxon",
    "random": "at random",
    "least sure": "machine least sure",
}


def page(collection: Collection) -> None:
    """Show the page."""
    address = read_query()
    picture = query_bar(collection, address)
    try:
        total = collection.count(address.filters)
        hits = _ask(collection, address, picture)
    except Error as error:
        st.error(plain(str(error)))
        with suppress(Error):  # which was said
            filter_bar(collection, address)
        return
    asked = bool(address.q.strip() or address.like or picture)
    total = hits.total if asked else total
    _heading(collection, address, hits, total, asked)
    if hits.absence:
        st.info(plain(hits.absence))
    mixed = not address.group and any(hit.match != SIMILAR for hit in hits)
    tiles = [_tile(hit, asked, mixed) for hit in hits]
    state = wall(
        tiles,
        key="find-wall",
        stamp=repr(
            (
                address.q.strip(),
                address.like,
                address.filters,
                address.page,
                picture and id(picture),
            )
        ),
        selected=address.sel,
        pictures=True,
    )
    if not tiles:
        is_beyond = total and address.page > 1  # as in a link of a day when more passed
        st.info(
            f"There is no page {address.page}; turn to one below."
            if is_beyond
            else "No image passes all filters; take one out."
        )
    chosen = address.sel if state.selected is None else state.selected
    if chosen != address.sel:
        write_address(sel=chosen)
    if state.picture:
        ask_picture(state.picture)
        st.rerun()
    pages = min(_MOST_PAGES, max(1, -(-total // SIZE)))
    if pages > 1 and not address.group:
        here = min(address.page, pages)
        key = f"find-page-{here}-of-{pages}"
        st.pagination(pages, default=here, key=key, on_change=_turn_page, args=(key,))
    selection_bar(collection, chosen, address.filters, total)
    if state.opened:
        open_image(collection, state.opened)
    filter_bar(collection, address)  # last: counts of a large collection take longer than hits


def _ask(collection: Collection, address: Address, picture: Picture | None) -> Hits:
    filters, skip = address.filters, (address.page - 1) * SIZE
    if not (address.q.strip() or address.like or picture):
        return collection.browse(address.order or ORDERS[0], filters, SIZE, skip)
    with st.spinner("Searching …"):
        try:
            hits = collection.search(
                None if picture or address.like else address.q.strip(),
                image=picture.content if picture else None,
                image_id=address.like or None,
                k=SIZE,
                skip=skip,
                within=filters.within,
                rank=filters.rank or None,
                where=filters.where or None,
                date=filters.date or None,
                near=address.near or None,
                plus=_terms(address.plus),
                minus=_terms(address.minus),
                group_by=address.group or None,
                distinct=address.distinct,
            )
        except Error as error:
            if picture:
                raise type(error)(f"{picture.name}: {error}") from error
            raise
    if picture:
        return replace(hits, meaning=f"images that look like {picture.name}")
    return hits


def _terms(written: tuple[str, ...]) -> list[tuple[str, float]]:
    return [WEIGHTED.convert(each, None, None) for each in written]


def _heading(collection: Collection, address: Address, hits: Hits, total: int, asked: bool) -> None:
    meaning = f"{hits.meaning[:1].upper()}{hits.meaning[1:]}"
    with st.container(horizontal=True, vertical_alignment="bottom", key="heading"):
        if asked:
            labelled = f" · {hits.labelled:,} labelled so" if hits.labelled else ""
            heading = f"{meaning}{labelled} · {count(total, 'image')} ranked"
            st.subheader(plain(heading), anchor=False)
            st.checkbox(
                "Fold near-duplicates",
                key=held("find-distinct", address.distinct),
                on_change=_fold,
            )
            columns = [each for each in collection.colourings if each != BY_WHO]
            st.selectbox(
                "One of each",
                ["", *columns],
                key=held("find-group", address.group if address.group in columns else ""),
                format_func=lambda column: f"one of each {column}" if column else "all images",
                label_visibility="collapsed",
                width=220,
                on_change=_group,
            )
        else:
            st.subheader(count(total, "image"), anchor=False)
            st.segmented_control(
                "Order",
                list(ORDERS),
                key=held("find-order", address.order or ORDERS[0]),
                format_func=_SHOWN_ORDERS.__getitem__,
                label_visibility="collapsed",
                on_change=_order,
            )


def _tile(hit: Hit, asked: bool, mixed: bool) -> Tile:
    if not asked:
        return tile_of(hit, (hit.file_name,))
    lines = (hit.group, *match_lines(hit))  # of each group the best hit alone
    if not mixed:
        return tile_of(hit, lines)
    return tile_of(hit, lines, _SECTIONS.get(hit.match, "Not labelled so, but alike"))


def _turn_page(key: str) -> None:
    write_address(page=str(st.session_state[key]), sel="")


def _fold() -> None:
    write_address(distinct="1" if st.session_state["find-distinct"] else "")


def _group() -> None:
    write_address(group=st.session_state["find-group"] or "")


def _order() -> None:
    chosen = st.session_state["find-order"]
    write_address(order="" if chosen in (None, ORDERS[0]) else chosen)
