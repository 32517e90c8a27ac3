"""Collection: its status with Retry, its sources, a folder to add, optimize, encoder, promises."""

from pathlib import Path

import streamlit as st

from indexer.inputs.status import FAILED
from model.errors import CollectionError
from search.collection import Collection
from search.statuses import status_counts
from ui.widgets.job_panel import job_panel
from ui.widgets.jobs import jobs_of
from ui.widgets.text import plain

TITLE = "Collection"
ORDER = 5
_CAVEATS = """
- It assists biologists and does not replace them: look before you rely on a name.
- It knows pictures, not places: an answer may be a taxon that does not occur where you are.
- Scores are similarities; only `identify` and `label` say how sure they are.
- Vectors of two encoders never meet: another encoder is another collection.
"""
_PROMISES = """
- Originals are read, never changed; labels of people are kept as they were given.
- This page is on this machine alone and asks no other machine for anything.
- Work that is killed at any moment leaves the last committed generation whole.
"""


def page(collection: Collection) -> None:
    """Show the page."""
    folder = collection.snapshot.folder
    busy = job_panel(folder)
    add, inputs, about = st.tabs(["Add and update", "Status", "About"])
    with add:
        _add(folder, busy)
        _sources(collection, busy)
        _optimize(folder, busy)
    with inputs:
        _status(collection, busy)
    with about:
        facts = collection.info()
        rows = [{"fact": name, "value": value} for name, value in facts.items()]
        st.dataframe(rows, hide_index=True, height="content", alt="Facts about the collection")
        st.subheader("Encoder", anchor=False)
        st.markdown(plain(facts["encoder"]))
        st.markdown(_CAVEATS)
        st.subheader("Promises", anchor=False)
        st.markdown(_PROMISES)


def start(folder: Path) -> None:
    """Show what there is to do where no collection is yet."""
    st.title("taxalens", anchor=False)
    st.markdown("There is no collection here yet. Make one from a folder of pictures.")
    busy = job_panel(folder)
    _add(folder, busy, first=True)
    st.markdown("Or look at one first: photographs of Debian and PyPI, some 200 MB, fetched once.")
    if st.button("Make the demo", disabled=busy):
        _begin(folder, "Making the demo", ["demo", "-c", str(folder)])
    job = jobs_of(folder).last
    if job and not job.runs and job.outcome == "done":
        st.rerun()


def _add(folder: Path, busy: bool, first: bool = False) -> None:
    with st.form("add", border=True):
        source = st.text_input("Folder, archive or table of pictures", key="add-source")
        labels = st.text_input("Label file (optional)", key="add-labels")
        encoder = "starter"
        if first:
            encoder = st.selectbox(
                "Encoder", ["bioclip", "bioclip-2", "bioclip-2.5", "biocap", "starter"]
            )
        if st.form_submit_button("Index" if first else "Add", type="primary", disabled=busy):
            arguments = ["index", source.strip(), "-c", str(folder)]
            arguments += ["--labels", labels.strip()] if labels.strip() else []
            arguments += ["--encoder", encoder] if first else []
            if source.strip():
                _begin(folder, f"Indexing {source.strip()}", arguments)
            else:
                st.warning("Name a folder.")


def _sources(collection: Collection, busy: bool) -> None:
    folder, manifest = collection.snapshot.folder, collection.snapshot.manifest
    st.subheader("Sources", anchor=False)
    for source in manifest.sources:
        st.markdown(plain(source))
    if st.button("Update all", disabled=busy, help="Read again what is new, changed or gone"):
        _begin(folder, "Updating", ["update", "-c", str(folder)])
    with st.popover("Relocate", disabled=busy):
        root = st.selectbox("Root", list(manifest.roots), key="relocate-root")
        target = st.text_input("Lies now in", key="relocate-target")
        if st.button("Relocate it", disabled=not target.strip()):
            _begin(folder, "Relocating", ["relocate", str(root), target.strip(), "-c", str(folder)])


def _optimize(folder: Path, busy: bool) -> None:
    st.subheader("Index", anchor=False)
    if st.button("Optimize", disabled=busy, help="Sort by taxon and build lists of short codes"):
        _begin(folder, "Optimizing", ["optimize", "-c", str(folder)])


def _status(collection: Collection, busy: bool) -> None:
    folder, counts = collection.snapshot.folder, status_counts(collection.snapshot)
    rows = [{"status": name, "reason": reason, "inputs": number} for name, reason, number in counts]
    st.dataframe(rows, hide_index=True, alt="Inputs by status and reason")
    if any(name == FAILED for name, *_ in counts) and st.button("Retry", disabled=busy):
        _begin(folder, "Retrying", ["retry", "-c", str(folder)])


def _begin(folder: Path, name: str, arguments: list[str]) -> None:
    if not jobs_of(folder).start(name, arguments):
        raise CollectionError("Another job works on this collection; wait until it has ended.")
    st.rerun()
