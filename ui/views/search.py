"""The search page: a box, an upload, and a grid of hits with their lineage."""

import io
import re
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import streamlit as st
from PIL import ImageOps

from indexer.inputs.decoding import SUFFIXES
from indexer.store.manifest import Manifest, read_manifest
from model.errors import BadInput, Error
from model.taxon import Rank
from search.collection import Collection, open_collection
from search.hits import LABELLED, Hit, Hits

if TYPE_CHECKING:
    from streamlit.runtime.uploaded_file_manager import UploadedFile

TITLE = "Search"
SIDE = 480  # pixels of a thumbnail: sharp on a fine screen, 20 kB
MAX_HITS = 200
HINT = (
    "Type a **taxon** of any rank (Felidae), a **common name** (lion) or a **description** "
    "(red fruit). Or upload a **picture** to find what looks like it."
)
_MARKS = re.compile(r"[\\`*_{}\[\]()<>#+\-.!|~$:&]")
# Streamlit looks for links, `:icons:` and arrows after Markdown's escapes are undone. What it
# would find there is taken apart by a word joiner, which is not seen.
_JOINED_MARKS = re.compile(r"(?<=:)(?=\S)|(?<=www)(?=\.)|(?=@)|(?<=[-<>~])(?=[-=>])", re.IGNORECASE)


def page(folder: Path) -> None:
    """Show the page."""
    try:
        collection = _collection(str(folder), read_manifest(folder))
        _head(f"{_count(len(collection), 'image')} in {folder.name}")
        words, upload, k = _question()
        if not words and not upload:
            st.markdown(HINT)
            return
        with st.spinner("Searching …"):
            if upload:
                hits = _search_upload(collection, upload, k)
            else:
                hits = collection.search(words, k=k)
        _answer(hits)
    except Error as error:
        st.error(plain(str(error)))


def plain(text: str) -> str:
    """Return text as Markdown that shows it as it is, with nothing formatted, linked or loaded."""
    line = "".join(each if each.isprintable() else "�" for each in " ".join(text.split()))
    return _MARKS.sub(r"\\\g<0>", _JOINED_MARKS.sub("\u2060", line))


@st.cache_resource(max_entries=2, show_spinner="Opening the collection …")
def _collection(folder: str, manifest: Manifest) -> Collection:
    return open_collection(folder)  # `manifest` makes a changed or replaced collection open anew


@st.cache_data(max_entries=2000, show_spinner=False)
def _thumbnail(image_id: str, modified: float, _hit: Hit) -> bytes:
    """Return a square JPEG with the whole picture; `modified` makes a changed file show anew."""
    square = ImageOps.pad(_hit.image(), (SIDE, SIDE), color="white")
    jpeg = io.BytesIO()
    square.save(jpeg, "JPEG", quality=85)
    return jpeg.getvalue()


def _head(about: str) -> None:
    # Streamlit leaves 6rem above for a tool bar that is not shown here.
    st.html("<style>[data-testid=stMainBlockContainer] {padding-top: 2.5rem}</style>")
    with st.container(horizontal=True, vertical_alignment="bottom"):
        st.header("taxalens", anchor=False, width="content")
        st.caption(plain(about))


def _question() -> "tuple[str, UploadedFile | None, int]":
    """Show the widgets; of a text and a picture only the one given last stays."""
    left, middle, right = st.columns([6, 5, 2])
    words = left.text_input(
        "Name or text",
        key="query",
        placeholder="Felidae, lion, red fruit …",
        bind="query-params",
        on_change=_forget_upload,
    )
    upload = middle.file_uploader(
        "Or a picture",
        type=sorted(SUFFIXES),
        key=f"upload-{st.session_state.get('uploads', 0)}",
        on_change=_forget_words,
    )
    k = right.number_input("Hits", min_value=1, max_value=MAX_HITS, value=10)
    return (words or "").strip(), upload, int(k)


def _forget_upload() -> None:
    # An uploader can only be emptied by putting a new one, with another key, in its place.
    st.session_state["uploads"] = st.session_state.get("uploads", 0) + 1


def _forget_words() -> None:
    st.session_state["query"] = ""


def _search_upload(collection: Collection, upload: "UploadedFile", k: int) -> Hits:
    with tempfile.TemporaryDirectory() as folder:
        # The name it had elsewhere may be no name for a file here; raw files need their suffix.
        suffix = Path(upload.name).suffix.lower()
        path = Path(folder, "upload").with_suffix(suffix if suffix in SUFFIXES else "")
        path.write_bytes(upload.getvalue())
        try:
            hits = collection.search(image=path, k=k)
        except BadInput as error:
            raise BadInput(str(error).replace(str(path), upload.name)) from error
    return Hits(hits.items, f"images that look like {upload.name}")


def _answer(hits: Hits) -> None:
    if hits.absence:
        st.info(hits.absence)
    labelled = [hit for hit in hits if hit.match == LABELLED]
    similar = [hit for hit in hits if hit.match != LABELLED]
    _grid(hits.meaning, labelled or similar)
    if labelled and similar:
        _grid("not labelled so, but alike", similar)


def _grid(heading: str, hits: Sequence[Hit]) -> None:
    heading = f"{heading[:1].upper()}{heading[1:]} · {_count(len(hits), 'hit')}"
    st.subheader(plain(heading), anchor=False)
    grid = st.grid(5, border=True)
    for hit in hits:
        with grid.cell(), st.container(gap="xsmall"):
            _card(hit)


def _card(hit: Hit) -> None:
    try:
        file = hit.thumbnail.file if hit.thumbnail else hit.path
        modified = file.stat().st_mtime if file else 0.0
        picture = _thumbnail(hit.image_id, modified, hit)
        st.image(picture, width="stretch", alt=hit.title)
    except (BadInput, OSError):
        st.warning("This picture cannot be read any more.")
    st.markdown(_name(hit))
    lineage = " › ".join(name for name in hit.taxon.lineage[:-1] if name) if hit.taxon else ""
    where = f"score {hit.score:.3f} · {hit.file_name}"
    st.caption("  \n".join(plain(line) for line in (lineage, where) if line))


def _name(hit: Hit) -> str:
    """Return its name in Markdown, genus and species in italics as taxonomists write them."""
    italic = hit.taxon and hit.taxon.rank in (Rank.GENUS, Rank.SPECIES)
    stars = "***" if italic else "**"
    common = f" · {plain(hit.taxon.common_name)}" if hit.taxon and hit.taxon.common_name else ""
    return f"{stars}{plain(hit.title)}{stars}{common}"


def _count(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
