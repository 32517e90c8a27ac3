"""The selected images: label them, search with them, list them, export them."""

import io
import tempfile
import zipfile
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

import streamlit as st

from indexer.catalog.sensitive_places import hides_place
from indexer.catalog.snapshot import Snapshot
from indexer.exports.export import formats
from model.errors import Error
from search.browse.facets import is_one_of
from search.collection import Collection
from search.hits import Hit
from search.query.filters import Filters
from ui.server.pictures import converted
from ui.widgets.name_field import name_field
from ui.widgets.person import person
from ui.widgets.query_bar import ask_image
from ui.widgets.text import count, plain


def selection_bar(collection: Collection, ids: Sequence[str], filters: Filters, total: int) -> None:
    """Show what can be done with the selected images, or with all that pass the filters."""
    with st.container(horizontal=True, vertical_alignment="center", key="selection"):
        st.markdown(f"**{len(ids):,}** selected" if ids else "Nothing selected")
        if ids:
            with st.popover("Label"):
                _label(collection, ids)
            if len(ids) == 1:
                st.button("Search with this", on_click=ask_image, args=(ids[0],))
            with st.popover("List"):
                _list(collection, ids)
        with st.popover("Export"):
            _export(collection, ids, filters, total)


def _label(collection: Collection, ids: Sequence[str]) -> None:
    who = person()
    words = name_field(collection, "Label", "selection-label")
    act = st.button(f"Label {count(len(ids), 'image')}", disabled=not (who and words))
    if act:
        try:
            collection.label_as(ids, words, who)
            collection.keep_labels()
        except Error as error:
            st.error(plain(str(error)))
            return
        st.toast(plain(f"{count(len(ids), 'image')} labelled {words} by {who}."))
        st.rerun()


def _list(collection: Collection, ids: Sequence[str]) -> None:
    hits = [collection[each] for each in ids if each in collection]
    st.code("\n".join(hit.location for hit in hits), language=None)
    files = [hit for hit in hits if hit.path and hit.path.is_file()]
    if st.button("Pack the files", disabled=not files):
        st.download_button(
            f"Download {count(len(files), 'file')}",
            _packed(files, collection.snapshot),
            "pictures.zip",
            "application/zip",
            on_click="ignore",
        )


def _packed(hits: Sequence[Hit], snapshot: Snapshot) -> bytes:
    """Return the files of hits in an archive; of threatened species without their EXIF place."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_STORED) as archive:
        for number, hit in enumerate(hits, 1):
            assert hit.path
            name = f"{number:04}-{hit.path.name}"
            if hides_place(snapshot, hit.metadata):
                made = converted(hit.path.read_bytes(), hit.path.name)
                archive.writestr(f"{name.removesuffix(hit.path.suffix)}.jpg", made)
            else:
                archive.write(hit.path, name)
    return packed.getvalue()


def _export(collection: Collection, ids: Sequence[str], filters: Filters, total: int) -> None:
    known = formats()
    about = count(len(ids), "selected image") if ids else count(total, "image")
    name = st.selectbox(
        "Format", list(known), format_func=lambda each: f"{each}: {known[each].NOUN}"
    )
    if not st.button(f"Export {about}", key="export-make"):
        return
    asked = Filters(where=is_one_of(ids)) if ids else filters
    try:
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder, f"taxalens{known[name].SUFFIX or ''}")
            account = collection.export(target, name, **asdict(asked))
            data, suffix = _as_one_file(target)
    except Error as error:
        st.error(plain(str(error)))
        return
    for line in str(account).splitlines():
        st.caption(plain(line))
    st.download_button(
        f"Download {name}", data, f"taxalens-{name}{suffix}", on_click="ignore", type="primary"
    )


def _as_one_file(target: Path) -> tuple[bytes, str]:
    """Return an export as it is downloaded: a folder is packed."""
    if target.is_file():
        content = target.read_bytes()
        return content, target.suffix or (".zip" if content[:2] == b"PK" else ".csv")
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(target.rglob("*")):
            archive.write(path, path.relative_to(target))
    return packed.getvalue(), ".zip"
