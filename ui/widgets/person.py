"""Who is labelling: asked once a session."""

import streamlit as st

_NAME = "person"


def person() -> str:
    """Show the field for one's name and return it; "" until somebody has given it."""
    given = st.text_input(
        "Your name",
        key=_NAME,
        persist_state="session",
        placeholder="kept with each label that you give",
    )
    return (given or "").strip()


def person_given() -> str:
    """Return the name that was given, without showing the field."""
    return str(st.session_state.get(_NAME) or "").strip()
