"""The Streamlit app: `streamlit run` starts this file; each file in ui/views/ is one page."""

import sys
from functools import partial
from pathlib import Path
from typing import Any

import streamlit as st
from PIL import Image, ImageDraw

from model.plugins import load_plugin, plugin_names


def main(collection: Path) -> None:
    """Show the pages over one collection."""
    st.set_page_config(page_title="taxalens", page_icon=_icon(), layout="wide")
    pages = []
    for name in plugin_names("ui.views"):
        view: Any = load_plugin("ui.views", name, noun="page")
        pages.append(st.Page(partial(view.page, collection), title=view.TITLE, url_path=name))
    st.navigation(pages).run()


def _icon() -> Image.Image:
    """Draw a lens; an icon by name (`:material/search:`) would be loaded from a Google server."""
    icon = Image.new("RGBA", (64, 64))
    draw = ImageDraw.Draw(icon)
    draw.line((40, 40, 58, 58), fill="#2e7d32", width=12)
    draw.ellipse((4, 4, 48, 48), outline="#2e7d32", width=8)
    return icon


if __name__ == "__main__":
    main(Path(sys.argv[1]))
