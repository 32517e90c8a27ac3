"""Taxa: the tree with the images of each clade, and the species that have few."""

from collections.abc import Sequence

import streamlit as st

from model.errors import UnknownName
from search.browse.children import Child
from search.collection import Collection
from ui.wall.wall import PERSON, Tile, wall
from ui.widgets.text import count, plain

TITLE = "Taxa"
ORDER = 3
SIZE = 120  # tiles of the wall


def page(collection: Collection) -> None:
    """Show the page."""
    shown = st.segmented_control(
        "Show",
        ["Tree", "Gaps"],
        default="Tree",
        required=True,
        key="taxa-shown",
        label_visibility="collapsed",
    )
    _tree(collection) if shown == "Tree" else _gaps(collection)


def _tree(collection: Collection) -> None:
    key = st.query_params.get("taxon", "")
    try:
        below = collection.children(key)
    except UnknownName as error:
        st.error(plain(str(error)))
        return
    with st.container(horizontal=True, gap="xsmall", key="taxon-path"):
        st.button("All taxa", on_click=_go, args=("",), type="tertiary", key="taxon-top")
        steps = key.split("|") if key else []
        for place, name in enumerate(steps):
            above = "|".join(steps[: place + 1])
            if name:
                label = plain(name.rpartition(" ")[2] if "+" in name else name)
                st.button(f"› {label}", on_click=_go, args=(above,), type="tertiary", key=above)
    if key and st.button("Show its images in Find", type="primary", key="taxon-find"):
        _find(key)
    if not below:
        st.markdown("Nothing stands below it here.")
        return
    opened = _wall(below, "taxa-wall")
    if opened:
        chosen = next(each for each in below if each.sample == opened)
        _go(chosen.key)
        st.rerun()
    st.caption("Enter or double click opens a taxon.")


def _gaps(collection: Collection) -> None:
    least = st.number_input("Species with fewer images than", 1, 10_000, 5, key="taxa-least")
    few = collection.species_with_few(int(least))
    st.markdown(f"**{count(len(few), 'taxon')}**".replace("taxons", "taxa"))
    if few:
        opened = _wall(few, "gaps-wall")
        if opened:
            _find(next(each.key for each in few if each.sample == opened))


def _wall(taxa: Sequence[Child], key: str) -> str:
    """Show taxa, each by one of its images; return the image of the one to open."""
    if len(taxa) > SIZE:
        st.caption(f"The first {SIZE} of {len(taxa):,}.")
    return wall([_tile(each) for each in taxa[:SIZE] if each.sample], key=key).opened


def _tile(taxon: Child) -> Tile:
    below = f"{taxon.species:,} species" if taxon.rank != "species" else ""
    lines = tuple(filter(None, (taxon.common_name, count(taxon.images, "image"), below)))
    said = f"{taxon.name}, {taxon.rank}, {', '.join(lines)}"
    italic = taxon.rank in ("genus", "species")
    return Tile(taxon.sample, taxon.name, PERSON, italic, lines, said, taxon.rank)


def _go(key: str) -> None:
    if key:
        st.query_params["taxon"] = key
    else:
        st.query_params.pop("taxon", None)


def _find(key: str) -> None:
    st.switch_page(st.session_state["pages"]["find"], query_params={"within": key})
