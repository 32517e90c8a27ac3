"""The search page: a box, an upload, and a grid of hits with their lineage."""

import re
import tempfile
from pathlib import Path

import streamlit as st
from PIL import Image

from indexer.decoding import decode_file
from indexer.manifest import read_manifest
from model.errors import BadInput, Error
from search.collection import Collection, open_collection
from search.hits import LABELLED, Hit, Hits

TITLE = "Search"
COLUMNS = 5
SIDE = 320  # pixels of a thumbnail


def page(folder: Path) -> None:
    """Show the page."""
    try:
        collection = _collection(str(folder), read_manifest(folder).generation)
        st.title("taxalens")
        st.caption(plain(f"{len(collection):,} images in {folder.name}"))
        words, upload, k = _question()
        if upload is not None:
            hits = _search_upload(collection, upload.getvalue(), upload.name, k)
        elif words:
            hits = collection.search(words, k=k)
        else:
            st.info("Type a name or a text, or upload a picture.")
            return
    except Error as error:
        st.error(plain(str(error)))
        return
    st.subheader(plain(f"{hits.meaning}: {len(hits)} images"))
    _grid(hits)


def plain(text: str) -> str:
    """Return text with everything escaped that Markdown would format, link or load."""
    return re.sub(r"([\\`*_{}\[\]()<>#+\-.!|~$:&])", r"\\\1", text.replace("\n", " "))


@st.cache_resource(max_entries=2, show_spinner="Opening the collection …")
def _collection(folder: str, generation: int) -> Collection:
    return open_collection(folder)  # `generation` makes a changed collection open anew


@st.cache_data(max_entries=2000, show_spinner=False)
def _thumbnail(path: str, modified: float) -> Image.Image:
    image = decode_file(Path(path))  # `modified` makes a changed file show anew
    image.thumbnail((SIDE, SIDE))
    return image


def _question() -> tuple[str, "st.runtime.uploaded_file_manager.UploadedFile | None", int]:
    left, middle, right = st.columns([4, 3, 1], vertical_alignment="bottom")
    words = left.text_input(
        "Name or text", key="query", placeholder="Felidae, lion, a bird in flight …", bind="query-params"
    )
    upload = middle.file_uploader("or a picture", type=["jpg", "jpeg", "png", "webp", "tif", "tiff"])
    k = right.number_input("Hits", min_value=1, max_value=200, value=10)
    return (words or "").strip(), upload, int(k)


def _search_upload(collection: Collection, data: bytes, name: str, k: int) -> Hits:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"upload{Path(name).suffix}"
        path.write_bytes(data)
        return collection.search(image=path, k=k)


def _grid(hits: Hits) -> None:
    for start in range(0, len(hits), COLUMNS):
        for column, hit in zip(st.columns(COLUMNS), hits[start : start + COLUMNS], strict=False):
            with column:
                _card(hit)


def _card(hit: Hit) -> None:
    try:
        st.image(_thumbnail(str(hit.path), hit.path.stat().st_mtime), width="stretch")
    except (BadInput, OSError):
        st.warning("This picture cannot be read any more.")
    common = f" · {hit.taxon.common_name}" if hit.taxon and hit.taxon.common_name else ""
    st.markdown(f"**{plain(hit.title)}**{plain(common)}")
    lineage = " › ".join(name for name in hit.taxon.lineage[:-1] if name) if hit.taxon else ""
    how = "" if hit.match == LABELLED else " · by its look"
    st.caption(plain(lineage) + ("  \n" if lineage else "") + plain(f"{hit.score:.3f}{how}"))
