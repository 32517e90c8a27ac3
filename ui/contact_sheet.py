"""Draws hits as one picture: a grid of thumbnails with names and scores."""

from collections.abc import Sequence
from pathlib import Path

from PIL import Image, ImageDraw, ImageFont, ImageOps

from model.errors import BadInput
from search.hits import Hit

COLUMNS = 5
SIDE = 220  # pixels of a thumbnail
MARGIN = 12
CAPTION = 54


def write_contact_sheet(hits: Sequence[Hit], target: Path, title: str = "") -> None:
    """Write the grid, best hit first; a file that cannot be read any more shows as a grey square.

    Raises BadInput where the target cannot be written.
    """
    columns = min(COLUMNS, max(1, len(hits)))
    rows = -(-len(hits) // columns)
    width = MARGIN + columns * (SIDE + MARGIN)
    header = 40 if title else 0
    sheet = Image.new("RGB", (width, MARGIN + header + rows * (SIDE + CAPTION)), "white")
    draw = ImageDraw.Draw(sheet)
    draw.text((MARGIN, MARGIN), title, "black", ImageFont.load_default(18))
    for place, hit in enumerate(hits):
        left = MARGIN + (place % columns) * (SIDE + MARGIN)
        top = MARGIN + header + (place // columns) * (SIDE + CAPTION)
        sheet.paste(_thumbnail(hit), (left, top))
        _caption(draw, hit, left, top + SIDE + 4)
    try:
        sheet.save(target)
    except (OSError, ValueError) as error:
        raise BadInput(f"The contact sheet {target} cannot be written: {error}.") from error


def _thumbnail(hit: Hit) -> Image.Image:
    try:
        return ImageOps.pad(hit.image(), (SIDE, SIDE), color="white")
    except BadInput:
        return Image.new("RGB", (SIDE, SIDE), "#d0d0d0")


def _caption(draw: ImageDraw.ImageDraw, hit: Hit, left: int, top: int) -> None:
    font = ImageFont.load_default(14)
    common = hit.taxon.common_name if hit.taxon else ""
    for line, text in enumerate((hit.title, f"{common}  {hit.score:.2f}".strip())):
        while font.getlength(text) > SIDE and len(text) > 1:
            text = text[:-2] + "…"
        draw.text((left, top + 18 * line), text, "black" if line == 0 else "#606060", font)
