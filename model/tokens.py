"""CLIP's tokens without torch: the `tokenizers` library and CLIP's vocabulary."""

import html
from collections.abc import Sequence
from functools import cached_property
from pathlib import Path

import ftfy
import numpy as np
import numpy.typing as npt
import regex
from tokenizers import Tokenizer

Tokens = npt.NDArray[np.int64]
"""(n, length): start, the words, end, zeros."""

NAME = "SimpleTokenizer"  # as open_clip calls it
VOCABULARY = Path(__file__).with_name("clip_tokenizer.json")
"""the 49,408 tokens and their merges that CLIP was published with (Radford 2021, MIT licence)"""
_WORDS = regex.compile(  # the same library as open_clip's: others know fewer letters
    r"(?i)<start_of_text>|<end_of_text>"
    r"|'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"
)


class ClipTokenizer:
    """Byte-pair tokens of cleaned, lower-case text: start, words, end, zeros (Radford 2021)."""

    def __init__(self, context_length: int) -> None:
        self.context_length = context_length

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Return the ids, (n, context_length) int64; a text that is too long keeps its end mark."""
        words = [_WORDS.findall(_clean(text)) for text in texts]
        found = self._tokenizer.encode_batch(words, is_pretokenized=True)
        ids = np.zeros((len(texts), self.context_length), np.int64)
        for row, each in zip(ids, found, strict=True):
            row[: len(each.ids)] = each.ids
        return ids

    @cached_property
    def _tokenizer(self) -> Tokenizer:
        tokenizer = Tokenizer.from_file(str(VOCABULARY))
        tokenizer.enable_truncation(self.context_length)
        return tokenizer


def _clean(text: str) -> str:
    text = html.unescape(html.unescape(ftfy.fix_text(text)))
    return " ".join(text.split()).lower()
