"""Answers in a notebook: pictures inside, names escaped, and no request to anywhere."""

import base64
import io
import re
from dataclasses import replace
from pathlib import Path

from colours import ColourEncoder
from hypothesis import given
from hypothesis import strategies as st
from pictures import write_picture
from PIL import Image

from search.collection import open_collection
from search.html import MOST_ROWS, SIDE, Picture, table


def pictures_in(html: str) -> list[Image.Image]:
    data = re.findall(r'<img src="data:image/jpeg;base64,([^"]+)"', html)
    return [Image.open(io.BytesIO(base64.b64decode(each))) for each in data]


def test_hits_show_as_pictures(collection: Path) -> None:
    hits = open_collection(collection, ColourEncoder()).search(text="red", k=3)
    html = hits._repr_html_()
    shown = pictures_in(html)
    assert len(shown) == 3
    red, green, _ = shown[0].convert("RGB").getpixel((5, 5))
    assert red > 200 > 100 > green
    assert "red.png" in html
    assert html.count("src=") == 3
    assert "http" not in html


def test_what_is_gone_has_no_picture_but_its_line(collection: Path, photos: Path) -> None:
    hits = open_collection(collection, ColourEncoder()).search(text="red", k=2)
    (photos / "red.png").unlink()
    html = hits._repr_html_()
    assert len(pictures_in(html)) == 1
    assert "red.png" in html


def test_a_large_picture_is_made_small(tmp_path: Path) -> None:
    path = write_picture(tmp_path / "large.png", "red", (900, 300))
    (small,) = pictures_in(table("", ("",), [(Picture(path.read_bytes, "large.png"),)]))
    assert small.size == (SIDE, SIDE // 3)


def test_names_are_text_and_never_markup(collection: Path) -> None:
    hits = open_collection(collection, ColourEncoder()).search(text="red", k=1)
    evil = '"><img src=x onerror=alert(1)>'
    named = replace(hits[0], label=evil, taxon=None, scientific_name="", source_id=f"r/{evil}.png")
    html = replace(hits, items=(named,), meaning=evil)._repr_html_()
    assert html.count("<img") == len(pictures_in(html)) == 1
    assert html.count("&lt;img src=x onerror") == 4


@given(st.lists(st.text(), min_size=1, max_size=4))
def test_any_text_is_escaped(texts: list[str]) -> None:
    html = table(texts[0], texts, [texts])
    ours = r"</?(table|caption|thead|tr|th|tbody|td)>"
    assert not set("<>") & set(re.sub(ours, "", html))


def test_a_long_answer_is_cut_and_says_so() -> None:
    html = table("numbers", ("n",), [(number,) for number in range(MOST_ROWS + 7)])
    assert html.count("<tr>") == MOST_ROWS + 1
    assert html.endswith("<p>and 7 more</p>")
