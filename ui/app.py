"""The Streamlit app: `streamlit run` starts this file; each file in ui/views/ is one page."""

import sys
from pathlib import Path
from typing import Any

import streamlit as st

from model.plugins import load_plugin, plugin_names


def main(collection: Path) -> None:
    """Show the pages over one collection."""
    st.set_page_config(page_title="taxalens", page_icon=":material/search:", layout="wide")
    pages = []
    for name in plugin_names("ui.views"):
        view: Any = load_plugin("ui.views", name, noun="page")
        pages.append(
            st.Page(lambda view=view: view.page(collection), title=view.TITLE, url_path=name)
        )
    st.navigation(pages).run()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
