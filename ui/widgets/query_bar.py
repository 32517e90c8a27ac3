"""The one box: names as they are typed, texts, pictures, and more or less of something."""

import time
from contextlib import suppress

import streamlit as st

from indexer.inputs.decoding import SUFFIXES, decode
from model.errors import BadInput
from search.collection import Collection
from ui.wall.wall import Picture
from ui.widgets.address import Address, read_address, write_address
from ui.widgets.text import plain

_WORDS, _PICTURE = "find-words", "find-picture"
_SHOWN = "find-shown"  # the words that are in the address, too
_ASKED = "find-asked"
_TERM, _WEIGHT = "find-term", "find-weight"
_PAUSE = 0.25  # seconds in which nothing is typed
_NARROWING = ("within", "where", "plus", "minus", "rank", "date", "near", "like")


def read_query() -> Address:
    """Return what the address says, and the box; the last of them that changed counts."""
    address, state = read_address(), st.session_state
    if state.get(_SHOWN) != address.q or _WORDS not in state:
        state[_SHOWN] = state[_WORDS] = address.q
    elif (typed := state[_WORDS] or "") != address.q:
        _ask(typed)
        state[_SHOWN] = typed
        return read_address()
    return address


def query_bar(collection: Collection, address: Address) -> Picture | None:
    """Show the box; what it says is in the address. Return the picture to search with, if any."""
    st.session_state.pop(_ASKED, None)  # what it asked for is answered by this run
    _box(collection, address)
    picture = st.session_state.get(_PICTURE)
    chips(address, picture)
    return picture if isinstance(picture, Picture) else None


@st.fragment
def _box(collection: Collection, address: Address) -> None:
    """Offer names as one types; the page is asked for hits when one pauses."""
    with st.container(horizontal=True, vertical_alignment="bottom"):
        typed = st.text_input(
            "Name or text",
            key=_WORDS,
            type="search",
            placeholder="Felidae, lion, red fruit … or paste a picture",
            live="20ms",
        )
        with st.popover("Picture"):
            # An uploader can only be emptied by putting a new one, with another key, in its place.
            upload = st.file_uploader(
                "Drop a picture here, or choose one",
                type=sorted(SUFFIXES),
                key=f"find-upload-{st.session_state.get('find-uploads', 0)}",
            )
            if upload and upload.file_id != st.session_state.get("find-upload-seen"):
                st.session_state["find-upload-seen"] = upload.file_id
                ask_picture(Picture(upload.name, upload.getvalue()))
        with st.popover("More or less like"):
            _terms(address)
    _completions(collection, typed or "")
    # What the browser says of its address may be older than what was typed: it is not looked at.
    if st.session_state.get(_ASKED):
        st.rerun()
    if (typed or "") != st.session_state[_SHOWN]:
        _pause(time.monotonic())


@st.fragment(run_every=_PAUSE)
def _pause(since: float) -> None:
    if time.monotonic() - since >= _PAUSE:
        st.rerun()


def ask_picture(picture: Picture | None) -> None:
    """Search with a picture from the next run on; of words and a picture the last one counts."""
    _ask(picture=picture)


def ask_image(image_id: str) -> None:
    """Search with an image of the collection from the next run on."""
    _ask(like=image_id)


def _ask(q: str = "", like: str = "", picture: Picture | None = None) -> None:
    st.session_state[_PICTURE] = picture
    st.session_state[_ASKED] = True
    st.session_state[_SHOWN] = None  # so that the box follows
    write_address(q=q, like=like)


def _completions(collection: Collection, typed: str) -> None:
    found = [each for each in collection.complete(typed) if each.name != typed.strip()]
    if not found:
        return
    with st.container(horizontal=True, gap="xsmall", key="completions"):
        for each in found:
            of = f" · {plain(each.taxon)}" if each.kind in ("common", "synonym") else ""
            rank = f" · {each.rank}" if each.rank and each.kind == "scientific" else ""
            label = f"{plain(each.name)}{of}{rank} · {each.images:,}"
            st.button(label, key=f"name-{each.name}", on_click=_ask, args=(each.name,))


def _terms(address: Address) -> None:
    st.text_input("More or less of", key=_TERM, placeholder="snow, camera flash, Corvidae …")
    st.slider("Weight", 0.25, 3.0, 1.0, 0.25, key=_WEIGHT)
    with st.container(horizontal=True):
        st.button("More like it", on_click=_add_term, args=("plus", address.plus))
        st.button("Less like it", on_click=_add_term, args=("minus", address.minus))


def _add_term(sign: str, before: tuple[str, ...]) -> None:
    words = str(st.session_state.get(_TERM) or "").strip()
    weight = float(st.session_state.get(_WEIGHT, 1.0))
    if words:
        write_address(**{sign: (*before, words if weight == 1 else f"{weight:g}*{words}")})
        st.session_state[_TERM] = ""
        st.session_state[_ASKED] = True


def chips(address: Address, picture: object = None) -> None:
    """Show what narrows the answer, each with the way to take it out."""
    chips = _narrowed(address)
    if not chips and not isinstance(picture, Picture):
        return
    with st.container(horizontal=True, gap="xsmall", key="chips"):
        if isinstance(picture, Picture):
            with suppress(BadInput):  # which the search says
                st.image(decode(picture.content).image, width=48, alt=picture.name)
            st.button(f"✕ {plain(picture.name)}", on_click=ask_picture, args=(None,))
        for text, name, rest in chips:
            st.button(
                f"✕ {plain(text)}",
                key=f"chip-{name}-{text}",
                help="Take this out",
                on_click=write_address,
                kwargs={name: rest},
            )
        if len(chips) > 1:
            empty = dict.fromkeys(_NARROWING, "")
            st.button(
                "Clear all",
                on_click=write_address,
                kwargs=empty,
                type="tertiary",
                key="chips-clear",
            )


def _narrowed(address: Address) -> list[tuple[str, str, tuple[str, ...]]]:
    """Return each term and filter in words, its name in the address, and the others of that."""
    found: list[tuple[str, str, tuple[str, ...]]] = []
    words = {"plus": "more like ", "minus": "less like ", "within": "within ", "where": ""}
    for name, word in words.items():
        values: tuple[str, ...] = getattr(address, name)
        for each in values:
            text = each.rpartition("|")[2] if name == "within" else each
            found.append((word + text, name, tuple(other for other in values if other != each)))
    said = {"rank": address.rank, "date": address.date, "near": address.near}
    said["like image"] = address.like
    found += [(f"{word} {each}", word.partition(" ")[0], ()) for word, each in said.items() if each]
    return found
