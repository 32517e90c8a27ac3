"""Label: a review loop by keys, from likely wrong labels over uncertain ones to new images."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial

import streamlit as st

from model.errors import Error
from search.audit.cohorts import ReviewItem, by_machine, likely_wrong, to_label_next, to_name
from search.browse.facets import MACHINE, WHO
from search.browse.listing import LEAST_SURE
from search.collection import Collection
from search.label.review import Act
from search.query.filters import Filters
from ui.wall import wall as wall_of
from ui.wall.wall import Tile, acts_done, tile_of, wall
from ui.widgets.lightbox import open_image
from ui.widgets.name_field import name_field, name_typed
from ui.widgets.person import person, person_given
from ui.widgets.text import count, plain

TITLE = "Label"
ORDER = 2
GIVES_LABELS = True
SIZE = 60  # tiles of the wall at once
_MOST = 500  # images of a queue
_QUEUES: dict[str, Callable[[Collection], tuple[ReviewItem, ...]]] = {
    "likely wrong": lambda it: likely_wrong(it.audit("labels", _MOST)),
    "machine unsure": lambda it: by_machine(
        it.browse(LEAST_SURE, Filters(where=WHO[MACHINE]), _MOST)
    ),
    "label next": lambda it: to_label_next(it.suggest(_MOST)),
    "new species": lambda it: to_name(it.morphospecies()[:_MOST]),
}
_VERIFY, _MAJORITY, _UNKNOWN, _UNCERTAIN, _NOTHING, _UNDO, _OTHER, _LEGEND = "vmunbzl?"
_KEYS = {
    _VERIFY: "verify the label that it has, or a machine's",
    _MAJORITY: "set to what it looks like",
    _OTHER: "relabel: type a name",
    _UNKNOWN: "unknown",
    _UNCERTAIN: "uncertain: keep the label with that remark",
    _NOTHING: "blank: not an organism",
    "1-9": "a label of your own",
    _UNDO: "undo, as often as you like",
    "a": "select the cohort",
    "x": "select or deselect",
    "arrows, shift": "move, select as you go",
    "space": "zoom",
    "enter": "open",
    _LEGEND: "this legend",
}
_CONFIRMING = {_VERIFY: "verified", _UNCERTAIN: "uncertain"}
_GIVING = {_UNKNOWN: "unknown", _NOTHING: "blank"}
_LEAVING = _VERIFY + _MAJORITY + _UNKNOWN + _UNCERTAIN + _NOTHING + "123456789"
_REVIEW, _QUEUE, _OWN, _TYPED = "label-review", "label-queue", "label-own", "label-typed"
_WALL = "label-wall"


@dataclass(slots=True)
class _Review:
    """What a session has done, and what keys have asked for.

    It is changed in place: a run that the next key cuts short can change nothing in Streamlit's
    own state any more.
    """

    acts: list[Act] = field(default_factory=list)
    relabelled: tuple[str, ...] = ()
    """the images whose label is being typed"""
    legend: bool = False
    error: str = ""
    error_shown: bool = False
    turn: int = 0
    """how many keys were obeyed"""

    @contextmanager
    def acting(self) -> Iterator[None]:
        """Forget an error that was shown; keep one that the act raises, to be shown."""
        if self.error_shown:
            self.error, self.error_shown = "", False
        try:
            yield
        except Error as error:
            self.error = str(error)


def page(collection: Collection) -> None:
    """Show the page."""
    review: _Review = st.session_state.setdefault(_REVIEW, _Review())
    with st.container(horizontal=True, vertical_alignment="bottom"):
        who = person()
        name = st.segmented_control(
            "To review", list(_QUEUES), default="likely wrong", required=True, key="label-kind"
        )
        # Callbacks, as below: a run that the next event cuts short may never come to a button.
        st.button(
            "Look again",
            help="Find what is to be reviewed anew, with all acts so far",
            on_click=_look_again,
            args=(collection, review),
        )
    if not who:
        st.info("Write your name: it is kept with each label that you give.")
        return
    queue, turn, so_far = _queue(collection, name), review.turn, acts_done(_WALL)
    done = {each.image_id for act in review.acts for each in act.statements}
    left = [item for item in queue if item.hit.image_id not in done]
    _bar(collection, review, len(left))
    if not left:
        st.success("Nothing is left to review here.")
    state = wall(
        [_tile(item) for item in left[:SIZE]],
        key=_WALL,
        stamp=name,
        done=so_far,
        keys=_LEAVING + _UNDO + _OTHER + _LEGEND,
        leave=_LEAVING,
    )
    looks = {item.hit.image_id: item.looks_like for item in queue}
    if state.acts:
        own = str(st.session_state.get(_OWN) or "").splitlines()
        for each in state.acts:
            each.settle(partial(_do, collection, who, review, looks, own))
    # A run that was told to stop may have obeyed a key while this one was drawn.
    if state.acts or review.turn != turn:
        st.rerun()
    if state.opened:
        open_image(collection, state.opened)


def _queue(collection: Collection, name: str) -> tuple[ReviewItem, ...]:
    """Return what is to review; it stays the same while one reviews, whatever is committed."""
    kept = st.session_state.get(_QUEUE)
    if kept is None or kept[0] != name:
        with st.spinner("Looking for what is to be reviewed …"):
            try:
                items = _QUEUES[name](collection)
            except Error as error:
                st.error(plain(str(error)))
                items = ()
        kept = st.session_state[_QUEUE] = (name, items)
    found: tuple[ReviewItem, ...] = kept[1]
    return found


def _tile(item: ReviewItem) -> Tile:
    looks = f"looks like {item.looks_like}" if item.looks_like else ""
    return tile_of(item.hit, (looks, item.reason), item.cohort)


def _do(
    collection: Collection,
    who: str,
    review: _Review,
    looks: Mapping[str, str],
    own: Sequence[str],
    act: wall_of.Act,
) -> None:
    """Do what a key says; each label is on disk before the next."""
    try:
        with review.acting():
            if act.key == _LEGEND:
                review.legend = not review.legend
            elif act.key == _OTHER:
                review.relabelled = act.ids
            else:
                _label(collection, who, review, looks, own, act)
    finally:
        review.turn += 1  # now, when what it changed can be seen


def _label(
    collection: Collection,
    who: str,
    review: _Review,
    looks: Mapping[str, str],
    own: Sequence[str],
    act: wall_of.Act,
) -> None:
    acts = review.acts
    if act.key == _UNDO:
        _undo(collection, acts)
    elif act.key in _CONFIRMING:
        _add(acts, collection.label_as(act.ids, None, who, _CONFIRMING[act.key]))
    elif act.key == _MAJORITY:
        wanted: dict[str, list[str]] = {}
        for image_id in act.ids:
            wanted.setdefault(looks.get(image_id, ""), []).append(image_id)
        for label, ids in wanted.items():
            if label:
                _add(acts, collection.label_as(ids, label, who))
    elif label := _GIVING.get(act.key) or _own(act.key, own):
        _add(acts, collection.label_as(act.ids, label, who))


def _undo_last(collection: Collection, review: _Review) -> None:
    with review.acting():
        _undo(collection, review.acts)


def _undo(collection: Collection, acts: list[Act]) -> None:
    if acts:
        last = acts[-1]  # a run that is told to stop may still add another
        collection.take_back(last)
        acts.remove(last)  # once that is on disk


def _add(acts: list[Act], act: Act) -> None:
    if act.statements:
        acts.append(act)


def _own(key: str, own: Sequence[str]) -> str:
    """Return the label of one's own that a digit gives; "" for none."""
    place = int(key) - 1 if key.isdecimal() else len(own)
    return own[place].strip() if place < len(own) else ""


def _bar(collection: Collection, review: _Review, left: int) -> None:
    """Show how far the review is, the last act with its undo, and the keys."""
    acts = review.acts
    if review.error:
        st.error(plain(review.error))
        review.error_shown = True  # it stays until the next act, whatever cuts this run short
    with st.container(horizontal=True, vertical_alignment="center", key="label-bar"):
        st.markdown(f"**{left:,}** to review · {count(sum(map(len, acts)), 'image')} done")
        st.button(
            f"Undo {_words(acts[-1])}" if acts else "Undo",
            key="label-undo",
            disabled=not acts,
            on_click=_undo_last,
            args=(collection, review),
        )
        with st.popover("Own labels"):
            st.text_area("One a line; the keys 1 to 9 give them", key=_OWN, persist_state="session")
        with st.popover("Accuracy"):
            _accuracy(collection, review)
        about = "Commit the labels, so that searches know them"
        st.button("Finish", help=about, on_click=_keep, args=(collection, review))
    if review.legend:
        lines = [f"- `{key}` {what}" for key, what in _KEYS.items()]
        st.markdown("\n".join(lines))
    else:
        st.caption("v verify · m set to what it looks like · l relabel · z undo · ? all keys")
    if review.relabelled:
        _relabel(collection, review)


def _relabel(collection: Collection, review: _Review) -> None:
    ids = review.relabelled
    with st.container(border=True):
        words = name_field(collection, f"Label of {count(len(ids), 'image')}", _TYPED)
        with st.container(horizontal=True):
            st.button(
                "Give it",
                type="primary",
                disabled=not words,
                on_click=_give,
                args=(collection, review),
            )
            st.button("Leave it", on_click=_leave, args=(review,))


def _give(collection: Collection, review: _Review) -> None:
    with review.acting():
        words = name_typed(_TYPED)
        _add(review.acts, collection.label_as(review.relabelled, words, person_given()))
    _leave(review)


def _leave(review: _Review) -> None:
    review.relabelled = ()
    st.session_state.pop(_TYPED, None)


def _look_again(collection: Collection, review: _Review) -> None:
    _keep(collection, review)
    st.session_state.pop(_QUEUE, None)


def _words(act: Act) -> str:
    labels = sorted({each.label for each in act.statements})
    about = labels[0] if len(labels) == 1 else count(len(labels), "label")
    return plain(f"{about} of {count(len(act), 'image')}")


def _keep(collection: Collection, review: _Review) -> None:
    with review.acting():  # where another run writes, the acts are on disk and wait
        collection.keep_labels()


def _accuracy(collection: Collection, review: _Review) -> None:
    """Measure leave-one-out accuracy; the first measurement of the session is the one before."""
    if st.button("Measure, each example left out"):
        _keep(collection, review)
        try:
            left = collection.label().learner.left_out
        except Error as error:
            st.error(plain(str(error)))
            return
        if left:
            st.session_state.setdefault("label-accuracy", []).append(left.accuracy)
    for number, accuracy in enumerate(st.session_state.get("label-accuracy", [])):
        st.markdown(f"{'before' if number == 0 else 'then'}: **{accuracy:.3f}** top-1")
