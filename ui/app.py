"""The Streamlit app: the server starts this file for each run; a file in ui/views/ is one page."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image, ImageDraw

from indexer.store.manifest import MANIFEST
from model.errors import Error
from model.plugins import load_plugin, plugin_names
from ui.options import EXACT_PLACES
from ui.server.current import current_collection
from ui.widgets.text import count, plain

# Streamlit leaves 6rem above for a tool bar; its headings are of the size of a title, and its
# captions too pale to read (a contrast of 3.9), as white is on the green of the dark theme (2.4).
_STYLE = """
[data-testid=stMainBlockContainer] {padding: 4rem 1.5rem 2rem}
[data-testid=stHeading] h3 {font-size: 1.15rem; padding: 0.2rem 0}
[data-testid=stCaptionContainer] {color: inherit; opacity: 0.85}
[data-testid^=stBaseButton-primary] {color: light-dark(#fff, #0e1117) !important}
"""


def main(folder: Path, exact_places: bool = False) -> None:
    """Show the pages over the collection in a folder."""
    st.set_page_config(page_title="taxalens", page_icon=_icon(), layout="wide")
    st.html(f"<style>{_STYLE}</style>")
    views: dict[str, Any] = {
        name: load_plugin("ui.views", name, noun="page") for name in plugin_names("ui.views")
    }
    pages = {
        name: st.Page(partial(_show, folder, view, exact_places), title=view.TITLE, url_path=name)
        for name, view in sorted(views.items(), key=lambda each: each[1].ORDER)
    }
    st.session_state["pages"] = pages  # which one page needs to lead to another
    st.navigation(list(pages.values()), position="top").run()


def _show(folder: Path, view: Any, exact_places: bool) -> None:
    """Show one page; an error is a sentence on it. Without a collection, offer to make one."""
    try:
        if not (folder / MANIFEST).exists():
            load_plugin("ui.views", "collection", noun="page").start(folder)
            return
        current = current_collection(folder, exact_places)
        collection = current.get()
        if collection.has_acts and not getattr(view, "GIVES_LABELS", False):
            with st.spinner("Keeping the labels that were given …"):
                collection.keep_labels()
            collection = current.get()
        st.caption(plain(f"taxalens · {count(len(collection), 'image')} in {folder.name}"))
        view.page(collection)
    except Error as error:
        st.error(plain(str(error)))


def _icon() -> Image.Image:
    """Draw a lens; an icon by name (`:material/search:`) would be loaded from a Google server."""
    icon = Image.new("RGBA", (64, 64))
    draw = ImageDraw.Draw(icon)
    draw.line((40, 40, 58, 58), fill="#2e7d32", width=12)
    draw.ellipse((4, 4, 48, 48), outline="#2e7d32", width=8)
    return icon


if __name__ == "__main__":
    main(Path(sys.argv[1]), EXACT_PLACES in sys.argv[2:])
