"""The encoding of a text file, decided from all of its bytes, not from a sample."""

import codecs
import re
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from model.errors import BadInput

MOST_LINE = 64 << 20  # bytes; a longer line is no table, and would have to be held in memory
_HEAD = 1 << 16
_CHUNK = 1 << 20
_SAMPLED = 1000  # lines
_BEGIN = 64  # bytes that tell UTF-16: those of the header
_MARKS = (
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_BINARY = bytes([*range(9), *range(14, 27), *range(28, 32)])
_BAD = re.compile("[\udc80-\udcff]")
_GOOD = re.compile("[^\x00-\x7f\udc80-\udcff]")
_UNDEFINED = re.compile(rb"[\x81\x8d\x8f\x90\x9d]")  # in Windows-1252
_NAMES = {
    **{"cp1252": "Windows-1252", "latin-1": "Latin-1", "cp932": "Shift-JIS", "gb18030": "GBK"},
    **{"cp1251": "Windows-1251", "cp1253": "Windows-1253", "koi8_r": "KOI8-R", "euc_jp": "EUC-JP"},
    **{"euc_kr": "EUC-KR", "big5": "Big5"},
}
# Latin letters with accents stand alone; in other scripts whole words are bytes above 127.
_WORDS = re.compile(rb"[\x80-\xff]{3,}|(?:[\x81-\xfe][\x40-\x7e\x80-\xfe]){2,}")
_ABOVE = re.compile(rb"[\x80-\xff]")
_SINGLE = ("cp1251", "koi8_r", "cp1253")
_FREQUENT = {
    "cp932": rb"[\x82\x83\x88-\x97].",
    "gb18030": rb"[\xb0-\xd7][\xa1-\xfe]",
    "big5": rb"[\xa4-\xc6].",
    "euc_kr": rb"[\xb0-\xc8][\xa1-\xfe]",
    "euc_jp": rb"[\xa4\xa5\xb0-\xcf][\xa1-\xfe]",
}
"""two bytes of the characters that most texts are made of, by encoding"""
_LEAST_FREQUENT = 0.8


@dataclass(frozen=True, slots=True)
class Encoding:
    """How the bytes of a text become characters."""

    name: str
    mixed: bool = False
    """UTF-8 with single bytes of Windows-1252 in it, see `mended`"""
    note: str = ""
    """a sentence for people where it is not UTF-8, "" elsewhere"""

    plain: bool = False
    """UTF-8 without a mark, a NUL, or a CR that is no end of a line with an LF"""
    quotes: bool = True
    """whether there is a quotation mark in it"""

    @property
    def errors(self) -> str:
        """How Python decodes it."""
        return "surrogateescape" if self.mixed else "strict"


UTF_8 = Encoding("utf-8")


def peek(path: Path) -> Encoding:
    """Return the likely encoding by the beginning of a file; raises OSError, or BadInput."""
    with path.open("rb") as file:
        head = file.read(_HEAD)
    if name := _declared(path, head):
        return Encoding(name)
    try:
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return Encoding("cp1252" if not _UNDEFINED.search(head) else "latin-1")
    return Encoding("utf-8")


def survey(path: Path) -> Encoding:
    """Return the encoding of a whole file: a mark, else UTF-8, else one that its bytes tell.

    That is Windows-1252 or Latin-1 unless whole words are written in another script.

    Raises BadInput for binary files and for lines of more than MOST_LINE bytes, OSError for files
    that cannot be read.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    line, run, first_bad, name = 1, 0, 0, ""
    plain, quotes = True, False
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(_CHUNK), b""):
            if line == 1 and not run:
                name = _declared(path, chunk[:_HEAD])
            end = max(chunk.rfind(b"\n"), chunk.rfind(b"\r"))
            run = len(chunk) - end - 1 if end >= 0 else run + len(chunk)
            if run > MOST_LINE:
                raise BadInput(
                    f"{path} has a line of more than {MOST_LINE >> 20} MB (line {line}), which no "
                    "table or list has; check the file."
                )
            if not (name or first_bad):
                try:
                    decoder.decode(chunk)
                except UnicodeDecodeError as error:
                    first_bad = line + chunk.count(b"\n", 0, error.start)
            line += chunk.count(b"\n")
            quotes = quotes or b'"' in chunk
            plain = plain and chunk.count(b"\r") == chunk.count(b"\r\n") and b"\0" not in chunk
    if name or not first_bad:
        try:
            decoder.decode(b"", final=not name)
        except UnicodeDecodeError:
            first_bad = line
    if first_bad and not name:
        return _other(path, first_bad)
    return Encoding(name or "utf-8", plain=plain and not name, quotes=quotes)


def read_text(path: Path) -> str:
    """Return a whole file as text, in the encoding that its bytes tell; raises as `survey`."""
    encoding = survey(path)
    text = path.read_text(encoding.name, encoding.errors)
    return mended(text) if encoding.mixed else text


def mended(text: str) -> str:
    """Return a text of a `mixed` encoding with its odd bytes read as Windows-1252."""
    return _BAD.sub(_as_windows, text)


def _as_windows(bad: re.Match[str]) -> str:
    byte = bytes([ord(bad.group()) - 0xDC00])
    return byte.decode("latin-1" if _UNDEFINED.match(byte) else "cp1252")


def _declared(path: Path, head: bytes) -> str:
    """Return the encoding that a file's first bytes declare, "" where they declare none."""
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    if head.startswith((b"PK\3\4", b"\xd0\xcf\x11\xe0", b"\x1f\x8b")):
        raise BadInput(
            f"{path} cannot be read as a table: it is a spreadsheet or an archive under another "
            "name; call it .xlsx, .ods or .xls, or unpack it."
        )
    begin = head[:_BEGIN]
    even, odd = begin[::2].count(0), begin[1::2].count(0)
    if max(even, odd) * 3 > len(begin):  # Latin text in UTF-16 without a mark: each second byte
        return "utf-16-be" if even > odd else "utf-16-le"
    header = re.split(rb"[\r\n]", head, maxsplit=1)[0]
    if len(header.translate(None, _BINARY)) < len(header):
        raise BadInput(f"{path} cannot be read as a table: it is no text; check its encoding.")
    return ""


def _other(path: Path, line: int) -> Encoding:
    """Return the encoding of a text that is not UTF-8, first so in a line."""
    good = bad = 0
    undefined = False
    decoder = codecs.getincrementaldecoder("utf-8")("surrogateescape")
    with path.open("rb") as file:
        for chunk in iter(lambda: file.read(_CHUNK), b""):
            text = decoder.decode(chunk)
            good, bad = good + len(_GOOD.findall(text)), bad + len(_BAD.findall(text))
            undefined = undefined or bool(_UNDEFINED.search(chunk))
    if good > bad:
        return Encoding(
            "utf-8",
            mixed=True,
            note=f"{path} is UTF-8 but for {bad or 1} bytes, the first in line {line}, which are "
            "read as Windows-1252; check the letters there, and save it as UTF-8.",
        )
    name = _of_words(path) or ("latin-1" if undefined else "cp1252")
    return Encoding(
        name,
        note=f"{path} is not in the encoding UTF-8 (line {line}); it is read as {_NAMES[name]}. "
        "Check its letters, and save it as UTF-8 if any is wrong.",
    )


def _of_words(path: Path) -> str:
    """Return the encoding of a text in another than Latin script, "" of Latin."""
    with path.open("rb") as file:
        lines = (line for line in file if _ABOVE.search(line))
        sample = b"".join(islice(lines, _SAMPLED))[:_CHUNK]
    words = b" ".join(_WORDS.findall(sample))
    if 2 * len(_ABOVE.findall(words)) < len(_ABOVE.findall(sample)):
        return ""
    shares = {name: _frequent(name, sample) for name in _FREQUENT}
    likely = [
        name for name in shares if shares[name] > max(_LEAST_FREQUENT, max(shares.values()) - 0.1)
    ]
    from charset_normalizer import from_bytes  # most files are UTF-8

    found = from_bytes(sample, cp_isolation=likely or [*_SINGLE]).best()
    return found.encoding if found else next(iter(likely), "")


def _frequent(name: str, text: bytes) -> float:
    """Return the share of frequent characters above ASCII; 0 where it cannot be read."""
    try:
        letters = [each.encode(name) for each in text.decode(name) if not each.isascii()]
    except UnicodeError:
        return 0.0
    pattern = re.compile(_FREQUENT[name], re.DOTALL)
    return sum(bool(pattern.fullmatch(each)) for each in letters) / max(len(letters), 1)
