"""A lineage as a ladder, with the confidence of each rung where there is one."""

from collections.abc import Sequence

import streamlit as st

from model.taxon import RANKS, Rank, Taxon
from ui.widgets.text import plain


def ladder(taxon: Taxon, confidences: Sequence[float] = (), depth: int = len(RANKS)) -> None:
    """Show a lineage, kingdom first; rungs below the first `depth` ones are greyed."""
    lines: list[str] = []
    for place, (rank, name) in enumerate(zip(RANKS, taxon.lineage, strict=True)):
        if not name:
            continue
        shown = f"*{plain(name)}*" if rank in (Rank.GENUS, Rank.SPECIES) else plain(name)
        if confidences:
            sure = confidences[place]
            bar = "▮" * round(10 * sure) + "▯" * (10 - round(10 * sure))
            shown = f"`{bar}` {sure:.2f} {shown}"
            if len(lines) >= depth:
                shown = f":gray[{shown}, not sure enough]"
        lines.append(f"- {rank}: {shown}")
    st.markdown("\n".join(lines))
