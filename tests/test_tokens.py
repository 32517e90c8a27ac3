"""Tokens: the ids that BioCLIP was trained on. That they are open_clip's: test_runtimes.py."""

import json
from pathlib import Path

import pytest

from model.encoders import starter
from model.tokens import ClipTokenizer

GOLDEN = json.loads((Path(__file__).parent / "golden" / "text_types.json").read_text())["tokens"]
START, END = 49406, 49407
STARTER_CONTEXT = starter.config()["model_cfg"]["text_cfg"]["context_length"]


@pytest.mark.parametrize("context_length", [STARTER_CONTEXT, 77])
def test_golden_strings_have_the_reference_ids(context_length: int) -> None:
    found = ClipTokenizer(context_length)(list(GOLDEN)).tolist()
    for ids, golden in zip(found, GOLDEN.values(), strict=True):
        assert ids == [START, *golden, END, *[0] * (context_length - len(golden) - 2)]


def test_there_are_39_golden_strings_and_the_starter_has_room_for_64_ids() -> None:
    assert len(GOLDEN) == 39
    assert STARTER_CONTEXT == 64


def test_a_text_that_is_too_long_keeps_its_end() -> None:
    (ids,) = ClipTokenizer(STARTER_CONTEXT)(["magpie " * 100]).tolist()
    assert (ids[0], ids[-1], len(ids)) == (START, END, STARTER_CONTEXT)


def test_no_texts_are_no_rows() -> None:
    assert ClipTokenizer(77)([]).shape == (0, 77)
