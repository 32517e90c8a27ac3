"""A field for a name that the collection's names complete."""

import streamlit as st

from search.collection import Collection
from ui.widgets.text import plain


def name_field(collection: Collection, label: str, key: str) -> str:
    """Show the field and, as one types, the names that begin so; return what it says."""
    typed = st.text_input(label, key=key, placeholder="any name, or your own words", live="100ms")
    words = (typed or "").strip()
    found = [each for each in collection.complete(words, 5) if each.name != words]
    if found:
        with st.container(horizontal=True, gap="xsmall"):
            for each in found:
                of = f" · {plain(each.taxon)}" if each.kind in ("common", "synonym") else ""
                st.button(
                    f"{plain(each.name)}{of}",
                    key=f"{key}-{each.name}",
                    on_click=_take,
                    args=(key, each.taxon or each.name),
                )
    return words


def name_typed(key: str) -> str:
    """Return what the field of a key says by now, without showing it, as a callback needs it."""
    return str(st.session_state.get(key) or "").strip()


def _take(key: str, name: str) -> None:
    st.session_state[key] = name
