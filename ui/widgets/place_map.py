"""The map of places: a rectangle that is drawn on it filters."""

import streamlit as st

from search.collection import Collection
from ui.widgets.address import Address, write_address
from ui.widgets.brush import drawable, read_rectangle, rectangle_of
from ui.widgets.charts import place_map
from ui.widgets.text import count


def show_places(collection: Collection, address: Address, key: str, height: int) -> None:
    """Show where the images that pass the filters were taken."""
    places = collection.places(address.filters)
    if not len(places.images) and not address.near:
        st.caption("No image here has coordinates (decimalLatitude, decimalLongitude).")
        return
    drawable(
        place_map(places, rectangle_of(address.near)),
        key,
        address.near,
        read_rectangle,
        lambda words: write_address(near=words),
        height=height,
        alt=f"Map of {count(len(places.images), 'place')}",
    )
    said = [f"{count(places.unplaced, 'image')} without coordinates."] if places.unplaced else []
    if places.generalised:
        said.append("Threatened species are shown to 0.1°.")
    st.caption(" ".join(["The rectangle at the top right of the map filters.", *said]))
