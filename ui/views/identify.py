"""Identify: photographs dropped here, each answered to the deepest rank that is sure enough."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
import streamlit as st
from pyarrow import csv

from indexer.inputs.decoding import SUFFIXES, decode
from model.errors import BadInput, Error
from model.taxon import RANKS
from search.collection import Collection
from search.identify.identifications import Identification, Identifications
from ui.wall.wall import tile_of, wall
from ui.widgets.lineage import ladder
from ui.widgets.name_field import name_field, name_typed
from ui.widgets.text import count, plain

if TYPE_CHECKING:
    from PIL import Image
    from streamlit.runtime.uploaded_file_manager import UploadedFile

    from search.classify.backoff import Backoff

TITLE = "Identify"
ORDER = 1
SIZE = 20  # photographs of a page
_PICTURES, _ANSWERS, _OWN = "identify-pictures", "identify-answers", "identify-own"


def page(collection: Collection) -> None:
    """Show the page."""
    files = st.file_uploader(
        "Drop photographs here", type=sorted(SUFFIXES), accept_multiple_files=True, key=_PICTURES
    )
    if not files:
        st.markdown(
            "Each gets one answer, to the deepest rank that is sure enough, with the labelled "
            "images that speak for it."
        )
        return
    precision = st.slider(
        "Precision: the share of answers that are right",
        0.5,
        0.99,
        0.9,
        0.01,
        key="identify-precision",
        persist_state="session",
    )
    try:
        found = _identified(collection, files).at(precision)
    except Error as error:
        st.error(plain(str(error)))
        return
    st.caption(plain(found.notes[-1]))
    own: dict[int, str] = st.session_state.setdefault(_OWN, {})
    _summary(found, own)
    pages = -(-len(found) // SIZE)
    shown = st.pagination(pages, key="identify-page") if pages > 1 else 1
    for place in range((shown - 1) * SIZE, min(len(found), shown * SIZE)):
        _answer(collection, place, found[place], files[place], precision, own)


def _identified(collection: Collection, files: "Sequence[UploadedFile]") -> Identifications:
    """Return the answers to what was dropped; the evidence is the same at every precision."""
    key = (collection.snapshot.manifest.generation, *(file.file_id for file in files))
    kept = st.session_state.get(_ANSWERS)
    if kept is None or kept[0] != key:
        st.session_state[_OWN] = {}
        with st.spinner("Identifying …"), tempfile.TemporaryDirectory() as folder:
            paths = []
            for number, file in enumerate(files):
                # The name it had elsewhere may be no name for a file here.
                path = Path(folder, f"{number:05}{Path(file.name).suffix.lower()}")
                path.write_bytes(file.getvalue())
                paths.append(path)
            found = collection.identify(paths)
        named = {str(path): file.name for path, file in zip(paths, files, strict=True)}
        items = tuple(
            replace(each, file=named.get(each.file, each.file), path=None) for each in found
        )
        kept = st.session_state[_ANSWERS] = (key, replace(found, items=items))
    answers: Identifications = kept[1]
    return answers


def _summary(found: Identifications, own: dict[int, str]) -> None:
    named = sum(each.taxon is not None for each in found)
    with st.container(horizontal=True, vertical_alignment="center"):
        st.subheader(f"{count(len(found), 'photograph')} · {named:,} named", anchor=False)
        st.download_button(
            "CSV", _csv(found, own), "identifications.csv", "text/csv", on_click="ignore"
        )
    if found.calibration:
        _reliability(found.calibration)


def _csv(found: Identifications, own: dict[int, str]) -> bytes:
    """Return the answers as the command line writes them, with what a person says beside them."""
    table = found.to_arrow()
    said = [own.get(place, "") for place in range(len(found))]
    made = table.append_column("accepted", [said])
    sink = pa.BufferOutputStream()
    csv.write_csv(made, sink)
    content: bytes = sink.getvalue().to_pybytes()
    return content


def _reliability(calibration: "Backoff") -> None:
    """Show how often answers are right, by confidence, on labelled images that were left out."""
    shown = st.expander("Reliability", key="identify-reliability", on_change="rerun")
    if not shown.open:
        return
    with shown:
        for line in calibration.describe(st.session_state["identify-precision"], len(RANKS) - 1):
            st.markdown(plain(line))
        about = "Reliability diagram of each rank: the share that is right by confidence"
        st.altair_chart(calibration.reliability.plot(), key="identify-diagram", alt=about)


def _answer(
    collection: Collection,
    place: int,
    answer: Identification,
    file: "UploadedFile",
    precision: float,
    own: dict[int, str],
) -> None:
    with st.container(border=True, key=f"answer-{place}"):
        left, middle, right = st.columns([2, 4, 3])
        with left:
            try:
                st.image(_picture(file), width="stretch", alt=file.name)
            except BadInput as error:
                st.warning(plain(str(error)))
            st.caption(plain(file.name))
        with middle:
            if answer.problem:
                st.warning(plain(answer.problem))
                return
            sure = f" · {answer.rank}, confidence {answer.confidence:.2f}" if answer.taxon else ""
            st.markdown(f"**{plain(answer.name)}**{sure}")
            if answer.lineage:
                depth = answer.taxon.lineage if answer.taxon else ()
                ladder(answer.lineage, answer.confidences, depth=sum(map(bool, depth)))
        with right:
            _decide(collection, place, answer, own)
        _evidence(collection, place, answer)


def _picture(file: "UploadedFile") -> "Image.Image":
    return decode(file.getvalue(), name=file.name).image


def _decide(
    collection: Collection, place: int, answer: Identification, own: dict[int, str]
) -> None:
    if said := own.get(place):
        st.success(plain(said))
    # As callbacks: a run that the next event cuts short may never come to the button.
    say = own.__setitem__
    if answer.taxon:
        st.button("Accept", key=f"accept-{place}", on_click=say, args=(place, answer.name))
    words = name_field(collection, "Or correct it", f"correct-{place}")
    if words and words != own.get(place):
        st.button("Take this", key=f"take-{place}", on_click=_take, args=(place, own))
    if answer.calibrated and not any(answer.confidences):
        st.caption("Unlike all that is labelled here: perhaps new to this collection.")


def _take(place: int, own: dict[int, str]) -> None:
    """Take the correction as it is typed by now."""
    own[place] = name_typed(f"correct-{place}")


def _evidence(collection: Collection, place: int, answer: Identification) -> None:
    tiles = [
        tile_of(collection[each.image_id], (f"cosine {each.score:.3f}",))
        for each in answer.neighbours
        if each.image_id in collection
    ]
    if tiles:
        with st.expander("The labelled images that speak for it"):
            wall(tiles, key=f"evidence-{place}", side=96)
