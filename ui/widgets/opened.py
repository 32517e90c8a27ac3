"""The collection that a page shows, opened once and shared by all sessions."""

import streamlit as st

from indexer.store.manifest import Manifest, read_manifest
from search.collection import Collection, open_collection


def opened(folder: str) -> Collection:
    """Return the current generation of the collection in a folder; raises CollectionError."""
    return _opened(folder, read_manifest_of(folder))


def read_manifest_of(folder: str) -> Manifest:
    """Return the manifest of the current generation; raises CollectionError."""
    from pathlib import Path

    return read_manifest(Path(folder))


@st.cache_resource(max_entries=2, show_spinner="Opening the collection …")
def _opened(folder: str, manifest: Manifest) -> Collection:
    return open_collection(folder)  # `manifest` makes a changed or replaced collection open anew
