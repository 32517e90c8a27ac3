"""names.md: what biologists write, and what it means."""

import re
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from indexer.taxonomy.draft import TAXA, Draft
from indexer.taxonomy.resolver import resolve
from indexer.taxonomy.tables import write_tables

LINE = re.compile(r"^\| (.+) \| ([^|]+) \|$", re.M)
PAGE = (Path(__file__).parent / "names.md").read_text(encoding="utf-8")
NAMES = [(name.replace(r"\|", "|"), means) for name, means in LINE.findall(PAGE)]
NAMES = [(name, means) for name, means in NAMES if means != "means"]
RANKS = ("genus", "species", "subspecies")
# The subspecies that would answer "Panthera leo|Panthera tigris", if its last part alone counted.
BESIDE = ("Panthera tigris tigris", "Panthera leo tigris")


@pytest.fixture(scope="module")
def taxonomy() -> duckdb.DuckDBPyConnection:
    taxa = {"k": ("k", "", "kingdom", "Kingdom")}
    meant = [means.removeprefix("only ") for _, means in NAMES if means != "nothing"]
    for name in (*meant, *BESIDE):
        above = "k"
        for depth, rank in enumerate(RANKS[: len(name.split())], 1):
            part = " ".join(name.split()[:depth])
            above = taxa.setdefault(part, (part, above, rank, part))[0]
    lines = [(row, *each) for row, each in enumerate(taxa.values(), 1)]
    connection = duckdb.connect()
    write_tables(connection, Draft(pa.table(list(map(list, zip(*lines, strict=True))), TAXA)))
    return connection


@pytest.mark.parametrize(("written", "means"), NAMES)
def test_a_name_means(written: str, means: str, taxonomy: duckdb.DuckDBPyConnection) -> None:
    found = resolve(taxonomy, written)
    said = "nothing"
    if found.clades:
        said = found.clades[0].name if found.whole else f"only {found.clades[0].name}"
    assert (said, len(found.clades) < 2, found.candidates) == (means, True, ())


def test_the_page_has_a_line_for_every_name_once() -> None:
    written = [name for name, _ in NAMES]
    assert len(NAMES) > 100
    assert len(set(written)) == len(written)
