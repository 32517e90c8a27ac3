"""HEIC and raw files, read where their extras are installed."""

import io
import struct
from pathlib import Path

import numpy as np
import pytest
from pictures import run
from PIL import Image

from indexer.catalog.snapshot import open_snapshot
from indexer.inputs.decoding import SUFFIXES, decode
from model.errors import BadInput

pillow_heif = pytest.importorskip("pillow_heif", reason="the extra heic is not installed")
pytest.importorskip("rawpy", reason="the extra raw is not installed")

Tag = tuple[int, int, bytes]  # number, type and value, as TIFF 6.0 has them


def short(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}H", *values)


def long(*values: int) -> bytes:
    return struct.pack(f"<{len(values)}I", *values)


def dng(width: int = 64, height: int = 48) -> bytes:
    """A raw file as Adobe's DNG 1.4 specifies the least of it: dark on its left, light right."""
    pixels = np.full((height, width), 3500, "<u2")
    pixels[:, : width // 2] = 100
    unit = struct.pack(
        "<18i", *(part for row in np.eye(3, dtype=int) for v in row for part in (v, 1))
    )
    tags: list[Tag] = [
        *((254, 4, long(0)), (256, 4, long(width)), (257, 4, long(height)), (258, 3, short(16))),
        *((259, 3, short(1)), (262, 3, short(32803)), (271, 2, b"Maker\0"), (272, 2, b"Model\0")),
        *((273, 4, long(0)), (274, 3, short(1)), (277, 3, short(1)), (278, 4, long(height))),
        *((279, 4, long(width * height * 2)), (33421, 3, short(2, 2)), (33422, 1, b"\0\1\1\2")),
        *((50706, 1, b"\1\4\0\0"), (50708, 2, b"Model\0"), (50714, 3, short(0))),
        *((50717, 4, long(4000)), (50721, 10, unit), (50728, 5, long(1, 1) * 3)),
        (50778, 3, short(21)),
    ]
    sizes = {1: 1, 2: 1, 3: 2, 4: 4, 5: 8, 10: 8}
    after = 8 + 2 + 12 * len(tags) + 4
    strip = after + sum(len(value) for _, _, value in tags if len(value) > 4)
    entries, values = b"", b""
    for number, kind, value in tags:
        value = long(strip) if number == 273 else value
        count = len(value) // sizes[kind]
        if len(value) > 4:
            values, value = values + value, long(after + len(values))
        entries += struct.pack("<HHI", number, kind, count) + value.ljust(4, b"\0")
    head = b"II*\0" + long(8) + short(len(tags))
    return head + entries + long(0) + values + pixels.tobytes()


def heic(width: int = 64, height: int = 48) -> bytes:
    image = Image.new("RGB", (width, height), "red")
    buffer = io.BytesIO()
    pillow_heif.from_pillow(image).save(buffer, quality=90)
    return buffer.getvalue()


def test_heic_is_decoded() -> None:
    decoded = decode(heic())
    assert (decoded.width, decoded.height) == (64, 48)
    red, green, _ = decoded.image.getpixel((30, 20))
    assert red > 200 > 60 > green


def test_a_raw_file_without_a_preview_is_developed() -> None:
    pixels = np.asarray(decode(dng(), name="x.DNG").image, float)
    half = pixels.shape[1] // 2
    assert pixels[:, : half - 2].mean() + 50 < pixels[:, half + 2 :].mean()


def test_both_are_inputs_of_a_folder_and_damaged_ones_have_a_reason(tmp_path: Path) -> None:
    photos = tmp_path / "photos"
    photos.mkdir()
    (photos / "1.heic").write_bytes(heic())
    (photos / "2.dng").write_bytes(dng())
    (photos / "3.heic").write_bytes(heic()[:200])
    (photos / "4.cr2").write_bytes(b"no raw file")
    assert {".heic", ".dng", ".cr2"} <= SUFFIXES
    progress = run(photos, tmp_path / "c")
    assert (progress.embedded, progress.failed) == (2, 2)
    with open_snapshot(tmp_path / "c") as snapshot:
        reasons = snapshot.query("SELECT reason FROM inputs WHERE status = 'failed'")
    assert all(reason for (reason,) in reasons)


def test_the_box_of_another_film_is_no_picture() -> None:
    with pytest.raises(BadInput):
        decode(b"\0\0\0\x18ftypmp42" + bytes(100))
