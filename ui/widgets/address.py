"""The state of a page, kept in its address: a link, a reload and Back restore all of it."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

from search.browse.facets import all_of
from search.query.filters import Filters

_SEVERAL = ("within", "where", "plus", "minus", "sel")
_OF_PAGE = ("page", "sel", "lasso")  # of the images that were shown: others have others
_OF_LOOKS = ("colour",)  # changes no images


@dataclass(frozen=True, slots=True)
class Address:
    """All that the address says."""

    q: str
    """as it is typed: a space at its end is not the end of it"""
    like: str
    """the id of the image that hits resemble"""
    within: tuple[str, ...]
    where: tuple[str, ...]
    """SQL conditions, all of which must hold"""
    plus: tuple[str, ...]
    minus: tuple[str, ...]
    rank: str
    date: str
    near: str
    order: str
    group: str
    distinct: bool
    page: int
    sel: tuple[str, ...]
    colour: str
    """by which points are coloured"""
    layout: str
    """by which images are points of a plane"""
    lasso: str
    """the corners of what was drawn round points: "0,0;0.5,0;0.5,0.5" """

    @property
    def filters(self) -> Filters:
        """The filters as the library takes them."""
        where = all_of(self.where)
        return Filters(self.within, (), self.rank, where, self.date, self.near)


def read_address() -> Address:
    """Return what the address says now."""
    said = st.query_params
    several = {name: tuple(dict.fromkeys(filter(None, said.get_all(name)))) for name in _SEVERAL}
    page = said.get("page", "1")
    return Address(
        q=said.get("q", ""),
        like=said.get("like", ""),
        **several,
        rank=said.get("rank", ""),
        date=said.get("date", ""),
        near=said.get("near", ""),
        order=said.get("order", ""),
        group=said.get("group", ""),
        distinct=bool(said.get("distinct")),
        page=max(1, int(page)) if page.isdecimal() and len(page) < 7 else 1,
        colour=said.get("colour", ""),
        layout=said.get("layout", ""),
        lasso=said.get("lasso", ""),
    )


def write_address(**values: str | Sequence[str]) -> None:
    """Change some of it; "" or () takes it out. Another list begins at its first page."""
    if not set(values) <= {*_OF_PAGE, *_OF_LOOKS}:
        values = dict.fromkeys(_OF_PAGE, "") | values
    for name, value in values.items():
        if name in _SEVERAL and not isinstance(value, str):
            value = list(dict.fromkeys(filter(None, value)))
        current = st.query_params.get_all(name)
        wanted = [value] if isinstance(value, str) and value else list(value)
        if wanted == current:
            continue
        if wanted:
            st.query_params[name] = wanted
        else:
            del st.query_params[name]


def held(key: str, value: object) -> str:
    """Make the widget of a key show a value, which the address says; return the key.

    It is left alone where it shows that already: a person may be typing.
    """
    if st.session_state.get(key) != value:
        st.session_state[key] = value
    return key
