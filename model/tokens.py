"""CLIP's tokens without torch: the `tokenizers` library and open_clip's vocabulary."""

import gzip
import html
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path

import ftfy
import numpy as np
import numpy.typing as npt
import regex
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from model.once import once

Tokens = npt.NDArray[np.int64]
"""(n, length): start, the words, end, zeros."""

NAME = "SimpleTokenizer"  # as open_clip calls it
_START, _END = "<start_of_text>", "<end_of_text>"
_WORDS = regex.compile(  # the same library as open_clip's: others know fewer letters
    rf"(?i){_START}|{_END}|'s|'t|'re|'ve|'m|'ll|'d|[\p{{L}}]+|[\p{{N}}]|[^\s\p{{L}}\p{{N}}]+"
)
_MERGES = 49152 - 256 - 2


class ClipTokenizer:
    """Byte-pair tokens of cleaned, lower-case text: start, words, end, zeros (Radford 2021)."""

    def __init__(self, context_length: int) -> None:
        self.context_length = context_length

    def __call__(self, texts: Sequence[str]) -> Tokens:
        """Return the ids, (n, context_length) int64; a text that is too long keeps its end mark."""
        words = [_WORDS.findall(_clean(text)) for text in texts]
        found = self._words.encode_batch(words, is_pretokenized=True)
        start, end = self._marks
        ids = np.zeros((len(texts), self.context_length), np.int64)
        for row, each in zip(ids, found, strict=True):
            kept = [start, *each.ids[: self.context_length - 2], end]
            row[: len(kept)] = kept
        return ids

    @once
    def _marks(self) -> list[int]:
        return [self._words.encode(mark).ids[0] for mark in (_START, _END)]

    @once
    def _words(self) -> Tokenizer:
        letters = sorted(ByteLevel.alphabet(), key=_as_open_clip_sorts)
        merges = [(first, second) for first, second in map(str.split, _merge_lines())]
        words = [*letters, *(letter + "</w>" for letter in letters)]
        words += ["".join(pair) for pair in merges] + [_START, _END]
        vocabulary = {word: number for number, word in enumerate(words)}
        words_of = Tokenizer(BPE(vocabulary, merges, end_of_word_suffix="</w>"))
        words_of.pre_tokenizer = ByteLevel(add_prefix_space=False, use_regex=False)
        words_of.add_special_tokens([_START, _END])
        return words_of


def _clean(text: str) -> str:
    text = html.unescape(html.unescape(ftfy.fix_text(text)))
    return " ".join(text.split()).lower()


def _as_open_clip_sorts(letter: str) -> tuple[bool, int]:
    """Bytes that print stand for themselves and come first; the others are moved beyond 255."""
    return ord(letter) > 255, ord(letter)


def _merge_lines() -> list[str]:
    spec = find_spec("open_clip")  # found, not imported: that would import torch
    folder = Path(spec.origin or "").parent if spec else Path()
    with gzip.open(folder / "bpe_simple_vocab_16e6.txt.gz", "rt", encoding="utf-8") as file:
        return file.read().split("\n")[1 : _MERGES + 1]
