"""Tokens: open_clip's tokenizer gives the ids that BioCLIP was trained on."""

import json
from pathlib import Path

import open_clip
import pytest

from model.encoders import starter

GOLDEN = json.loads((Path(__file__).parent / "golden" / "text_types.json").read_text())["tokens"]
START, END = 49406, 49407
STARTER_CONTEXT = starter.config()["model_cfg"]["text_cfg"]["context_length"]


@pytest.mark.parametrize("context_length", [STARTER_CONTEXT, 77])
@pytest.mark.parametrize("text", GOLDEN)
def test_golden_strings_have_the_reference_ids(text: str, context_length: int) -> None:
    tokenizer = open_clip.get_tokenizer("ViT-B-32", context_length=context_length)
    (ids,) = tokenizer([text]).tolist()
    padding = [0] * (context_length - len(GOLDEN[text]) - 2)
    assert ids == [START, *GOLDEN[text], END, *padding]


def test_there_are_39_golden_strings_and_the_starter_has_room_for_64_ids() -> None:
    assert len(GOLDEN) == 39
    assert STARTER_CONTEXT == 64


def test_a_text_that_is_too_long_keeps_its_end() -> None:
    tokenizer = open_clip.get_tokenizer("ViT-B-32", context_length=STARTER_CONTEXT)
    (ids,) = tokenizer(["magpie " * 100]).tolist()
    assert (ids[0], ids[-1], len(ids)) == (START, END, STARTER_CONTEXT)
