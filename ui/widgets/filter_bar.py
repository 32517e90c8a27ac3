"""The filters: clade, rank, date, place, who said it, and every column with live counts."""

from functools import partial

import streamlit as st

from model.errors import UnknownName
from model.taxon import RANKS
from search.browse.facets import WHO, all_of, condition_of
from search.collection import Collection
from ui.widgets.address import Address, held, write_address
from ui.widgets.place_map import show_places
from ui.widgets.text import plain

_SQL = "filter-sql"


def filter_bar(collection: Collection, address: Address, with_map: bool = True) -> None:
    """Show the filters in the side bar; they take effect through the address.

    `with_map` offers a map to draw a rectangle on, where the page does not show one itself.
    """
    with st.sidebar:
        _clades(collection, address)
        st.selectbox(
            "At least as precise as",
            ["", *map(str, RANKS)],
            key=held("filter-rank", address.rank),
            on_change=_from_widget,
            args=("rank", "filter-rank"),
            format_func=lambda rank: rank or "any rank",
        )
        st.pills(
            "Labelled by",
            list(WHO),
            key=held(
                "filter-who", next((w for w, sql in WHO.items() if sql in address.where), None)
            ),
            on_change=_who,
            args=(address,),
        )
        st.text_input(
            "Date",
            key=held("filter-date", address.date),
            placeholder="2021, 2021-05 or 2021-05/2022",
            on_change=_from_widget,
            args=("date", "filter-date"),
        )
        st.text_input(
            "Near",
            key=held("filter-near", address.near),
            placeholder="latitude,longitude,km",
            help="52.5,13.4,20 is 20 km around; 52,13,53,14 is between two corners.",
            on_change=_from_widget,
            args=("near", "filter-near"),
        )
        if with_map:
            _map(collection, address)
        _columns(collection, address)
        _sql(address)


def _clades(collection: Collection, address: Address) -> None:
    """A tree walked down one taxon at a time, with the number of images of each."""
    key = address.within[0] if address.within else ""
    try:
        below = collection.children(key)
    except UnknownName:  # a name in the address that is not a key filters all the same
        below = ()
    if key:
        steps = key.split("|")
        up = "|".join(steps[:-1]).rstrip("|")
        st.button(
            f"↑ {plain(steps[-1])}",
            key="clade-up",
            help="Up to the taxon above",
            on_click=write_address,
            kwargs={"within": (up,)},
        )
    named = {each.key: each for each in below}
    if not named:
        return
    st.selectbox(
        "Clade",
        ["", *named],
        key=held("filter-clade", ""),
        format_func=lambda each: (
            f"{named[each].name} ({named[each].images:,})" if each else "all of it"
        ),
        on_change=_into_clade,
    )


def _map(collection: Collection, address: Address) -> None:
    shown = st.expander("Map", key="filter-map-shown", on_change="rerun")
    if shown.open:
        with shown:
            show_places(collection, address, "filter-map", 220)


def _columns(collection: Collection, address: Address) -> None:
    for facet in collection.facets(address.filters):
        values = dict(facet.values)
        with st.expander(plain(facet.column)):
            st.pills(
                facet.column,
                list(values),
                key=held(f"facet-{facet.column}", None),
                format_func=partial(_counted, values),
                label_visibility="collapsed",
                on_change=_add_value,
                args=(facet.column, address),
            )


def _counted(values: dict[str, int], value: str) -> str:
    return f"{plain(value)} · {values[value]:,}"


def _sql(address: Address) -> None:
    with st.expander("SQL"):
        st.text_input("Add a condition", key=_SQL, on_change=_add_sql, args=(address,))
        if address.where:
            st.caption("These images, in SQL:")
            st.code(all_of(address.where), language="sql", wrap_lines=True)


def _from_widget(name: str, key: str) -> None:
    write_address(**{name: str(st.session_state[key] or "").strip()})


def _into_clade() -> None:
    if key := st.session_state["filter-clade"]:
        write_address(within=(key,))


def _who(address: Address) -> None:
    others = tuple(each for each in address.where if each not in WHO.values())
    chosen = st.session_state["filter-who"]
    write_address(where=(*others, WHO[chosen]) if chosen else others)


def _add_value(column: str, address: Address) -> None:
    if (value := st.session_state[f"facet-{column}"]) is not None:
        write_address(where=(*address.where, condition_of(column, value)))


def _add_sql(address: Address) -> None:
    if sql := str(st.session_state[_SQL] or "").strip():
        write_address(where=(*address.where, sql))
        st.session_state[_SQL] = ""
