"""The panel of a job: its progress while it runs, how it ended, and Cancel."""

from pathlib import Path

import streamlit as st

from ui.widgets.jobs import Job, jobs_of
from ui.widgets.text import plain


def job_panel(folder: Path) -> bool:
    """Show the job of a collection, if there was one; return whether it runs."""
    job = jobs_of(folder).last
    if job is None:
        return False
    if job.runs:
        _running(folder)
        return True
    told = job.told()
    shown = f"{job.name}: {job.outcome}. {told[-1] if told else ''}"
    (st.error if job.outcome == "failed" else st.info)(plain(shown))
    with st.expander("All that it said"):
        st.code("\n".join(told), language=None)
    return False


@st.fragment(run_every="1s")
def _running(folder: Path) -> None:
    job = jobs_of(folder).last
    if job is None or not job.runs:
        st.rerun()
        return
    _progress(job)
    if st.button("Cancel", key="job-cancel", disabled=job.cancelled):
        job.cancel()
        st.rerun(scope="fragment")


def _progress(job: Job) -> None:
    told = job.told()
    last = told[-1] if told else "starting"
    share = last.partition("%")[0].rpartition(" ")[2] if "%" in last else ""
    done = int(share) / 100 if share.isdecimal() else 0.0
    st.progress(
        min(1.0, done), text=plain(f"{job.name} · {'cancelling' if job.cancelled else last}")
    )
