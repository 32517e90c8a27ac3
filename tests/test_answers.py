"""Every answer is a typed sequence: slices, tables, and a plain text that fits a screen."""

import importlib
import pkgutil
from dataclasses import FrozenInstanceError
from pathlib import Path

import pytest

import search
from search.answers import Answers
from search.audit.findings import Finding, Findings
from search.hits import SIMILAR, Hit, Hits
from search.text_table import text_table


def hit(number: int) -> Hit:
    return Hit(
        f"id{number}", f"photos/{number}.jpg", Path(f"/p/{number}.jpg"), "", 0.5, SIMILAR, "", None
    )


def hits(count: int) -> Hits:
    return Hits(tuple(map(hit, range(count))), "red fruit", floor=0.2, best=0.5)


def test_a_slice_is_an_answer_of_the_same_kind_with_all_else_kept() -> None:
    some = hits(5)[1:3]
    assert isinstance(some, Hits)
    assert [each.image_id for each in some] == ["id1", "id2"]
    assert (some.meaning, some.floor, some.best) == ("red fruit", 0.2, 0.5)
    assert hits(5)[-1] == hit(4)
    assert hits(5)[::-1][0] == hit(4)


def test_an_answer_does_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        hits(1).items = ()  # type: ignore[misc]


@pytest.mark.parametrize("count", [0, 1, 8, 9, 1000])
def test_the_plain_text_of_an_answer_is_about_ten_lines(count: int) -> None:
    lines = repr(hits(count)).splitlines()
    assert len(lines) <= 10 + 1
    assert lines[0] == f"Hits, {count:,}: red fruit"
    assert (lines[-1] == f"… {count - 8:,} more") == (count > 8)
    assert max(map(len, lines)) <= 180


def test_the_table_of_nothing_has_its_columns() -> None:
    assert hits(0).to_arrow().schema == hits(3).to_arrow().schema == Hits.SCHEMA
    assert list(hits(0).to_pandas().columns) == Hits.SCHEMA.names
    assert list(hits(3).to_pandas()["image_id"]) == ["id0", "id1", "id2"]


def test_findings_tell_their_hits_in_one_line_each() -> None:
    finding = Finding("outliers", "unlike all", hit(1), "", 9.0, (hit(2),))
    lines = repr(Findings((finding,), 7)).splitlines()
    assert lines[0] == "Findings, 1: 7 images: 1 outlier"
    assert len(lines) == 3
    assert "1.jpg" in lines[2]


def test_every_kind_of_answer_names_columns_that_it_has() -> None:
    for module in pkgutil.walk_packages(search.__path__, "search."):
        importlib.import_module(module.name)
    kinds = Answers.__subclasses__()
    assert len(kinds) >= 4
    for kind in kinds:
        assert set(kind.SHOWN) <= set(kind.SCHEMA.names), kind
        assert kind.__repr__ is Answers.__repr__, f"{kind}: say repr=False"


def test_missing_values_and_control_characters_of_a_text_table() -> None:
    text = text_table(("a", "b"), [{"a": None, "b": "x\x1b[31m"}, {"a": 0.12345, "b": ["u", "v"]}])
    assert text.splitlines() == ["a      b", "       x�[31m", "0.123  u v"]
