"""One image with all that is known of it: lineage, metadata, neighbours, who said it and when."""

import streamlit as st

from indexer.ingest.journal import Statement
from model.errors import BadInput, Error
from search.collection import Collection
from search.hits import Hit
from ui.wall.wall import match_lines, tile_of, wall
from ui.widgets.lineage import ladder
from ui.widgets.query_bar import ask_image
from ui.widgets.text import plain

_NEIGHBOURS = 12


def open_image(collection: Collection, image_id: str) -> None:
    """Open an image over the page."""
    if image_id in collection:
        _dialog(collection, collection[image_id])


@st.dialog("Image", width="large")
def _dialog(collection: Collection, hit: Hit) -> None:
    common = f" · {plain(hit.taxon.common_name)}" if hit.taxon and hit.taxon.common_name else ""
    st.subheader(f"{plain(hit.title)}{common}", anchor=False)
    left, right = st.columns([3, 2])
    with left:
        try:
            st.image(hit.image(), width="stretch", alt=tile_of(hit).alt)
        except BadInput as error:
            st.warning(plain(str(error)))
        with st.container(horizontal=True):
            if st.button("Search with this", type="primary", key="lightbox-search"):
                ask_image(hit.image_id)
                st.rerun()
        st.caption(plain(hit.location))
    with right:
        if hit.taxon:
            ladder(hit.taxon)
        if hit.metadata:
            rows = [{"column": name, "value": value} for name, value in hit.metadata.items()]
            st.dataframe(rows, hide_index=True, alt="Metadata of the image")
        st.markdown("**Who said what**")
        for line in dict.fromkeys(map(_told, collection.history(hit.image_id))):
            st.caption(plain(line))
    st.markdown("**Neighbours**")
    try:
        near = collection.search(image_id=hit.image_id, k=_NEIGHBOURS)
    except Error as error:
        st.error(plain(str(error)))
        return
    state = wall([tile_of(each, match_lines(each)) for each in near], key="neighbours", side=110)
    if state.opened:
        ask_image(state.opened)
        st.rerun()


def _told(said: Statement) -> str:
    who = said.labelled_by or "a file or folder"
    return " · ".join(
        filter(None, (said.label or "nothing", who, said.date_labelled, said.remarks))
    )
