"""Decoding: whatever people keep as pictures comes out upright and RGB, or is refused by name."""

import io
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageOps

from indexer.inputs import decoding, pixels
from indexer.inputs.decoding import (
    DRAFT,
    FORMATS,
    MAX_PIXELS,
    SIDE,
    SUFFIXES,
    decode,
    decode_file,
)
from indexer.inputs.extra_formats import HEIC, RAW
from model.errors import BadInput

WHITE, RED, BLUE = (255, 255, 255), (255, 0, 0), (0, 0, 255)


def encoded(image: Image.Image, image_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, image_format, **options)
    return buffer.getvalue()


def scene(width: int = 48, height: int = 32) -> Image.Image:
    """A picture of four corners in four colours, so that no turn of it is another."""
    image = Image.new("RGB", (width, height), "red")
    image.paste("lime", (width // 2, 0, width, height // 2))
    image.paste("blue", (0, height // 2, width // 2, height))
    image.paste("black", (width // 2, height // 2, width, height))
    return image


def noise(width: int = 64, height: int = 48) -> Image.Image:
    """A picture that does not compress, so that half of its bytes are half of its rows."""
    pixels = np.random.default_rng(0).integers(0, 256, (height, width, 3), np.uint8)
    return Image.fromarray(pixels)


def png_header(width: int, height: int) -> bytes:
    """A PNG file that says how large it is, and hardly holds a pixel."""
    chunks = [
        (b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)),
        (b"IDAT", zlib.compress(bytes(100))),
        (b"IEND", b""),
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
        for kind, data in chunks
    )


def picture_of(data: bytes) -> Image.Image:
    return decode(data).image


def reason(data: bytes) -> str:
    with pytest.raises(BadInput) as raised:
        picture_of(data)
    assert "\n" not in str(raised.value)
    return str(raised.value)


@pytest.mark.parametrize("image_format", FORMATS)
def test_every_format_of_the_list_is_decoded(image_format: str) -> None:
    picture = picture_of(encoded(scene(), image_format))
    assert (picture.mode, picture.size) == ("RGB", (48, 32))
    assert np.abs(np.asarray(picture, int) - np.asarray(scene(), int)).mean() < 6  # JPEG, WebP


def test_suffixes_are_those_of_the_formats() -> None:
    known = Image.registered_extensions()
    assert {known[suffix] for suffix in SUFFIXES - HEIC - RAW} - {"MPO"} == set(FORMATS)


@pytest.mark.parametrize("image_format", ["PPM", "ICO", "TGA", "PCX", "EPS", "PDF"])
def test_formats_outside_the_list_are_refused(image_format: str) -> None:
    assert "not a picture (none of JPEG, PNG" in reason(encoded(scene(), image_format))


@pytest.mark.parametrize("image_format", ["PNG", "WEBP", "TIFF", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.05, 0.5, 0.9])
def test_a_picture_that_is_cut_short_is_refused(image_format: str, share: float) -> None:
    whole = encoded(noise(), image_format)
    assert picture_of(whole).size == (64, 48)
    assert reason(whole[: int(len(whole) * share)]).startswith(("damaged picture", "not a picture"))


@pytest.mark.parametrize("progressive", [False, True])
def test_of_a_jpeg_that_is_cut_short_the_beginning_is_shown(progressive: bool) -> None:
    whole = encoded(noise(), "JPEG", progressive=progressive)
    decoded = decode(whole[: len(whole) // 2])
    assert decoded.note.startswith("cut short: ")
    assert (decoded.width, decoded.height) == (64, 48)
    shown, true = (np.asarray(each, int)[:16] for each in (decoded.image, picture_of(whole)))
    assert np.abs(shown - true).mean() < (60 if progressive else 8)
    assert decode(whole).note == ""


@pytest.mark.parametrize("share", [0.05, 0.3])
def test_of_a_jpeg_with_hardly_a_row_nothing_is_shown(share: float) -> None:
    whole = encoded(noise(256, 256), "JPEG")
    if share < 0.1:
        assert reason(whole[: int(len(whole) * share)]).startswith("damaged picture")
    else:
        assert decode(whole[: int(len(whole) * share)]).note


def tiff_of_12_bits(values: np.ndarray) -> bytes:
    """A TIFF of grey in 12 bits: two values in three bytes."""
    height, width = values.shape
    flat = values.reshape(-1, 2).astype(int)
    packed = np.stack(
        [flat[:, 0] >> 4, ((flat[:, 0] & 15) << 4) | (flat[:, 1] >> 8), flat[:, 1] & 255], 1
    )
    data = packed.astype(np.uint8).tobytes()
    tags = [(256, 4, width), (257, 4, height), (258, 3, 12), (259, 3, 1), (262, 3, 1)]
    tags += [(273, 4, 8), (277, 3, 1), (278, 4, height), (279, 4, len(data))]
    entries = b"".join(struct.pack("<HHII", tag, kind, 1, value) for tag, kind, value in tags)
    end = struct.pack("<I", 0)
    return (
        struct.pack("<2sHI", b"II", 42, 8 + len(data))
        + data
        + struct.pack("<H", len(tags))
        + entries
        + end
    )


def test_grey_of_12_bits_is_as_bright_as_it_is() -> None:
    values = np.full((64, 64), 4095)
    values[:, :32] = 2048
    pixels = np.asarray(picture_of(tiff_of_12_bits(values)))
    assert (pixels[0, 0, 0], pixels[0, 63, 0]) == (128, 255)


@pytest.mark.parametrize(
    ("kind", "white"),
    [
        *((np.float32, white) for white in (1, 255, 4095, 65535, 1e6)),
        (np.int32, 255),
        (np.int32, 1e6),
    ],
)
def test_grey_of_32_bits_is_as_bright_as_it_is(kind: type, white: float) -> None:
    values = (np.linspace(0, white, 64)[None].repeat(8, 0)).astype(kind)
    if kind is np.float32:
        values[0, 0] = np.nan
    grey = np.asarray(picture_of(encoded(Image.fromarray(values), "TIFF")).convert("L"), np.int16)
    assert np.abs(grey - np.linspace(0, 255, 64)).max() <= 1


def test_a_picture_in_which_nothing_can_be_seen_is_noted() -> None:
    dark = Image.fromarray(np.full((8, 8), 2000, np.uint16))
    assert decode(encoded(dark, "PNG")).note.startswith("nearly black: its brightest value is 7")
    assert decode(encoded(Image.new("I;16", (8, 8)), "PNG")).note == ""  # black as it is


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "L", "P", "1", "LA", "I;16"])
def test_a_large_picture_is_shrunk_to_what_it_shows(
    mode: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    image = scene(600, 400)
    image = image.convert("L").convert("I;16") if mode == "I;16" else image.convert(mode)
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    data = encoded(image, "PNG", exif=exif)
    whole = picture_of(data)
    monkeypatch.setattr(pixels, "LARGE", 1000)
    monkeypatch.setattr(decoding, "SIDE", 100)
    small = decode(data)
    assert (small.width, small.height, small.image.size) == (400, 600, (67, 100))
    near = np.asarray(whole.resize((67, 100)), int) - np.asarray(small.image, int)
    assert np.abs(near).mean() < 6


def test_libtiff_is_silent(capfd: pytest.CaptureFixture[str]) -> None:
    data = bytearray(encoded(noise(), "TIFF", compression="tiff_lzw"))
    data[len(data) // 2 : len(data) // 2 + 200] = bytes(200)
    assert reason(bytes(data)) == "damaged picture: its data cannot be unpacked"
    assert capfd.readouterr().err == ""


def test_no_bytes_are_an_empty_file() -> None:
    assert reason(b"") == "empty file"


@pytest.mark.parametrize(
    "data",
    [b"\0", b"<!doctype html><html><body>404 Not Found</body></html>", b"\xff\xd8", b"II*\0"],
)
def test_what_is_no_picture_is_refused(data: bytes) -> None:
    assert reason(data).startswith(("damaged picture", "not a picture"))


@pytest.mark.parametrize(
    ("image", "options"),
    [
        (Image.new("RGBA", (6, 4), (255, 0, 0, 0)), {}),
        (Image.new("LA", (6, 4), (0, 0)), {}),
        (Image.new("L", (6, 4), 7), {"transparency": 7}),
        (Image.new("RGB", (6, 4), (1, 2, 3)), {"transparency": (1, 2, 3)}),
        (Image.new("1", (6, 4), 0), {"transparency": 0}),
        (Image.new("P", (6, 4), 0), {"transparency": 0}),
    ],
    ids=["RGBA", "LA", "grey", "RGB", "1-bit", "palette"],
)
def test_transparent_parts_become_white(image: Image.Image, options: dict[str, object]) -> None:
    assert picture_of(encoded(image, "PNG", **options)).getcolors() == [(24, WHITE)]


def test_half_transparent_parts_are_mixed_with_white() -> None:
    grey = picture_of(encoded(Image.new("RGBA", (6, 4), (0, 0, 0, 128)), "PNG")).getpixel((0, 0))
    assert grey == (127, 127, 127)


def test_only_the_transparent_colour_of_a_palette_becomes_white() -> None:
    image = Image.new("P", (6, 4), 0)
    image.putpalette([*BLUE, *RED])
    image.putpixel((5, 3), 1)
    for image_format in ("PNG", "GIF"):
        picture = picture_of(encoded(image, image_format, transparency=0))
        assert (picture.getpixel((0, 0)), picture.getpixel((5, 3))) == (WHITE, RED)
        opaque = picture_of(encoded(image, image_format))
        assert (opaque.getpixel((0, 0)), opaque.getpixel((5, 3))) == (BLUE, RED)


@pytest.mark.parametrize("image_format", ["JPEG", "TIFF"])
def test_cmyk_becomes_rgb(image_format: str) -> None:
    picture = picture_of(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), image_format))
    assert np.abs(np.asarray(picture, int) - RED).max() <= 3


@pytest.mark.parametrize("image_format", ["PNG", "TIFF", "big-endian TIFF", "32-bit TIFF"])
def test_16_bit_grey_keeps_its_brightness(image_format: str) -> None:
    levels = np.array([[0, 16384, 32768, 49152, 65535]], np.uint16)
    match image_format:
        case "big-endian TIFF":
            image = Image.frombytes("I;16B", (5, 1), levels.astype(">u2").tobytes())
        case "32-bit TIFF":
            image = Image.fromarray(levels.astype(np.int32))
        case _:
            image = Image.fromarray(levels)
    picture = picture_of(encoded(image, image_format.split()[-1]))
    assert np.asarray(picture)[0].tolist() == [[level] * 3 for level in (0, 64, 128, 192, 255)]


def test_1_bit_is_black_and_white() -> None:
    image = Image.new("1", (6, 4), 1)
    image.putpixel((0, 0), 0)
    for image_format in ("PNG", "TIFF", "BMP"):
        picture = picture_of(encoded(image, image_format))
        assert set(picture.getcolors() or ()) == {(1, (0, 0, 0)), (23, WHITE)}


@pytest.mark.parametrize("image_format", ["GIF", "WEBP", "TIFF", "PNG"])
def test_of_an_animation_the_first_picture_counts(image_format: str) -> None:
    frames = [Image.new("RGB", (8, 8), colour) for colour in ("red", "blue", "white")]
    data = encoded(frames[0], image_format, save_all=True, append_images=frames[1:])
    assert np.abs(np.asarray(picture_of(data), int) - RED).max() <= 3


# What a viewer must undo, by the EXIF 2.32 standard's table for tag 274 (orientation).
STORED = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,  # counter-clockwise, as Pillow turns
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


@pytest.mark.parametrize("image_format", ["JPEG", "PNG", "WEBP", "TIFF"])
@pytest.mark.parametrize("orientation", STORED)
def test_pictures_are_upright_whichever_way_the_camera_was_held(
    orientation: int, image_format: str
) -> None:
    turn = STORED[orientation]
    stored = scene() if turn is None else scene().transpose(turn)
    exif = Image.Exif()
    exif[274] = orientation
    options = {"lossless": True} if image_format == "WEBP" else {}
    picture = picture_of(encoded(stored, image_format, exif=exif, **options))
    assert picture.size == scene().size
    assert np.abs(np.asarray(picture, int) - np.asarray(scene(), int)).mean() < 6


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0garbage",
        b"Exif\0\0II*\0\xff\xff\xff\xff",
        b"Exif\0\0MM\0*\0\0\0\x08\0\x01\x01\x12",
    ],
)
def test_broken_exif_does_not_cost_the_picture(exif: bytes) -> None:
    assert picture_of(encoded(scene(), "JPEG", exif=exif)).size == (48, 32)


@pytest.mark.parametrize(
    ("width", "height"),
    [(MAX_PIXELS // 1000 + 1, 1000), (100_000, 100_000), (2**31 - 1, 2**31 - 1)],
)
def test_a_picture_beyond_the_limit_is_refused_by_its_header(width: int, height: int) -> None:
    assert reason(png_header(width, height)) == f"has more than {MAX_PIXELS:,} pixels"


def test_the_limit_counts_pixels_and_looks_at_none(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decoding, "MAX_PIXELS", 99)
    assert reason(png_header(10, 10)) == "has more than 99 pixels"
    assert picture_of(encoded(Image.new("RGB", (9, 11)), "PNG")).size == (9, 11)


@pytest.mark.parametrize("image_format", FORMATS)
def test_any_damage_ends_as_a_picture_or_as_bad_input(image_format: str) -> None:
    rng = random.Random(0)
    whole = encoded(scene(), image_format)
    reasons = []
    for _ in range(500):
        data = bytearray(whole)
        for _ in range(rng.randint(1, 4)):
            data[rng.randrange(len(data))] = rng.randrange(256)
        length = rng.choice([len(data), rng.randrange(len(data))])
        try:
            assert picture_of(bytes(data[:length])).mode == "RGB"
        except BadInput as error:
            reasons.append(str(error))
    assert 0 < len(reasons) < 500
    assert all(reasons)


def test_a_file_is_named_with_what_is_wrong_with_it(tmp_path: Path) -> None:
    (tmp_path / "page.jpg").write_text("<html></html>")
    for name, why in [
        ("page.jpg", "cannot be used as a picture: not a picture"),
        ("none.jpg", "cannot be read: No such file or directory."),
        ("", "cannot be read: Is a directory."),
    ]:
        with pytest.raises(BadInput) as raised:
            decode_file(tmp_path / name)
        assert str(tmp_path / name) in str(raised.value)
        assert why in str(raised.value)


def test_a_file_is_known_by_its_content_not_by_its_suffix(tmp_path: Path) -> None:
    (tmp_path / "scene.jpg").write_bytes(encoded(scene(), "PNG"))
    assert np.array_equal(np.asarray(decode_file(tmp_path / "scene.jpg")), np.asarray(scene()))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize(("width", "height"), [(2400, 1800), (1800, 2401), (600, 500)])
def test_a_small_picture_is_upright_and_knows_its_whole_size(
    orientation: int, width: int, height: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(scene(width, height), "JPEG", exif=exif, quality=95)
    small, whole = decode(data), ImageOps.exif_transpose(Image.open(io.BytesIO(data)))
    assert (small.width, small.height) == whole.size
    assert max(small.image.size) <= SIDE
    assert min(small.image.size) >= min(DRAFT, width, height)
    expected = whole.resize(small.image.size, Image.Resampling.BOX)
    off = np.abs(np.asarray(small.image, int) - np.asarray(expected, int))
    assert off.mean() < 2  # of 255


@pytest.mark.parametrize("mode", ["L", "CMYK", "RGB"])
def test_every_mode_of_jpeg_can_be_made_small(mode: str) -> None:
    data = encoded(scene(2400, 1800).convert(mode), "JPEG")
    small = decode(data).image
    assert small.mode == "RGB"
    whole = Image.open(io.BytesIO(data)).convert("RGB").resize(small.size, Image.Resampling.BOX)
    assert np.abs(np.asarray(small, int) - np.asarray(whole, int)).mean() < 2


def test_a_picture_is_as_large_as_it_is_asked_for() -> None:
    photograph = io.BytesIO()
    Image.linear_gradient("L").resize((3000, 2000)).convert("RGB").save(photograph, "JPEG")
    for side, size in ((96, (96, 64)), (2400, (2400, 1600)), (4096, (3000, 2000))):
        decoded = decode(photograph.getvalue(), side=side)
        assert (decoded.image.size, decoded.width, decoded.height) == (size, 3000, 2000)
        small = np.asarray(decoded.image.convert("L"), np.float32)
        rows = small.mean(axis=1)
        np.testing.assert_allclose(rows, np.linspace(0, 255, len(rows)), atol=4)
