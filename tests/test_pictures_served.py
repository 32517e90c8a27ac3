"""Pictures over HTTP: by image id alone, small or as they are, and what is no longer there."""

import io
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import ask, problem
from browser import served
from pictures import run, write_picture
from PIL import Image

import taxalens


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("pictures")
    write_picture(place / "photos" / "wide.jpg", "orange", (3000, 2000))
    write_picture(place / "photos" / "tall.png", "navy", (100, 400))
    write_picture(place / "photos" / "sheet.tif", "green", (2400, 1800))
    write_picture(place / "photos" / "gone.png", "black")
    write_picture(place / "photos" / "broken.png", "white")
    run(place / "photos", place / "c")
    (place / "photos" / "gone.png").unlink()
    (place / "photos" / "broken.png").write_text("<script>alert(1)</script>")
    return place


@pytest.fixture(scope="module")
def ids(place: Path) -> dict[str, str]:
    with taxalens.open(place / "c") as opened:
        return {opened[each].file_name: each for each in opened}


@pytest.fixture(scope="module")
def url(place: Path) -> Iterator[str]:
    with served(place / "c", place / "log.txt") as address:
        yield address


def size_of(jpeg: bytes) -> tuple[int, int]:
    with Image.open(io.BytesIO(jpeg)) as opened:
        assert opened.format == "JPEG"
        opened.load()
        return opened.size


@pytest.mark.parametrize(
    ("name", "query", "size"),
    [
        ("wide.jpg", "", (320, 213)),
        ("wide.jpg", "?size=96", (96, 64)),
        ("wide.jpg", "?size=1024", (1024, 683)),
        ("tall.png", "?size=200", (50, 200)),
        ("tall.png", "?size=1024", (100, 400)),
        ("sheet.tif", "", (320, 240)),
    ],
)
def test_a_thumbnail_has_the_longest_side_that_was_asked_for(
    url: str, ids: dict[str, str], name: str, query: str, size: tuple[int, int]
) -> None:
    answer = ask(url, f"/thumb/{ids[name]}{query}")
    assert (answer.status, answer.type) == (200, "image/jpeg")
    assert size_of(answer.body) == size


def test_an_original_is_its_file_byte_for_byte(url: str, ids: dict[str, str], place: Path) -> None:
    for name, kind in (("wide.jpg", "image/jpeg"), ("tall.png", "image/png")):
        answer = ask(url, f"/original/{ids[name]}")
        assert (answer.status, answer.type) == (200, kind)
        assert answer.body == (place / "photos" / name).read_bytes()
    part = ask(url, f"/original/{ids['tall.png']}", headers={"Range": "bytes=1-3"})
    assert (part.status, part.body) == (206, b"PNG")


def test_an_original_that_browsers_do_not_show_is_converted_at_its_size(
    url: str, ids: dict[str, str]
) -> None:
    answer = ask(url, f"/original/{ids['sheet.tif']}")
    assert answer.type == "image/jpeg"
    assert size_of(answer.body) == (2400, 1800)


@pytest.mark.parametrize("route", ["thumb", "original"])
def test_a_picture_that_the_browser_has_is_not_sent_again(
    url: str, ids: dict[str, str], route: str
) -> None:
    first = ask(url, f"/{route}/{ids['wide.jpg']}")
    assert first.headers["cache-control"] == "private, max-age=86400"
    tag = first.headers["etag"]
    for given in (tag, f'"other", W/{tag}', "*"):
        again = ask(url, f"/{route}/{ids['wide.jpg']}", headers={"If-None-Match": given})
        assert (again.status, again.body, again.headers["etag"]) == (304, b"", tag)
    other = ask(url, f"/{route}/{ids['tall.png']}", headers={"If-None-Match": tag})
    assert other.status == 200


def test_a_file_that_was_changed_gets_another_tag(
    url: str, ids: dict[str, str], place: Path
) -> None:
    before = ask(url, f"/thumb/{ids['tall.png']}?size=64")
    shutil.copy(place / "photos" / "tall.png", place / "kept.png")
    try:
        write_picture(place / "photos" / "tall.png", "red", (400, 100))
        after = ask(url, f"/thumb/{ids['tall.png']}?size=64")
    finally:
        shutil.copy2(place / "kept.png", place / "photos" / "tall.png")
    assert before.headers["etag"] != after.headers["etag"]
    assert (size_of(before.body), size_of(after.body)) == ((16, 64), (64, 16))


@pytest.mark.parametrize("route", ["thumb", "original"])
@pytest.mark.parametrize(
    "name", ["nonsense", "..%2F..%2Fetc%2Fpasswd", "%2Fetc%2Fpasswd", "a/b", "%00", "wide.jpg", ""]
)
def test_only_an_image_id_opens_a_picture(url: str, route: str, name: str) -> None:
    assert problem(ask(url, f"/{route}/{name}"), 404)


@pytest.mark.parametrize("route", ["thumb", "original"])
@pytest.mark.parametrize("name", ["gone.png", "broken.png"])
def test_a_picture_that_cannot_be_read_any_more_is_gone(
    url: str, ids: dict[str, str], route: str, name: str
) -> None:
    assert name in problem(ask(url, f"/{route}/{ids[name]}"), 410)


def test_the_api_lies_beside_the_page(url: str, ids: dict[str, str]) -> None:
    assert ask(url, "/api/health").json["images"] == len(ids)
    assert ask(url, "/").type.startswith("text/html")
    for path in ("/api/nothing", "/api/..%2Fx", "/api/a%0Ab", "/thumb/a%0Ab", "/api", "/original"):
        assert problem(ask(url, path), 404)


@pytest.mark.parametrize("size", ["0", "15", "1025", "-1", "x", "", "1e3", "²", "9" * 5000])
def test_a_size_that_is_none_is_refused(url: str, ids: dict[str, str], size: str) -> None:
    from urllib.parse import quote

    answer = ask(url, f"/thumb/{ids['wide.jpg']}?size={quote(size)}")
    assert "16 to 1024 pixels" in problem(answer, 400)


def test_pictures_are_data_that_no_other_site_shows(url: str, ids: dict[str, str]) -> None:
    for route in ("thumb", "original"):
        headers = ask(url, f"/{route}/{ids['wide.jpg']}").headers
        assert headers["x-content-type-options"] == "nosniff"
        assert headers["cross-origin-resource-policy"] == "same-origin"
        assert "sandbox" in headers["content-security-policy"]
        assert "access-control-allow-origin" not in headers
    assert "POST" not in ask(url, f"/thumb/{ids['wide.jpg']}", "POST").body.decode()


@pytest.mark.parametrize(
    ("host", "origin"),
    [
        ("evil.example:{port}", None),
        ("127.0.0.1.evil.example:{port}", None),
        ("127.0.0.1:{port}@evil.example", None),
        ("", None),
        ("127.0.0.1:x", None),
        ("127.0.0.1:{port}", "http://evil.example"),
        ("127.0.0.1:{port}", "null"),
        ("127.0.0.1:{port}", "http://127.0.0.1:1"),
        ("evil.example:{port}", "http://evil.example:{port}"),
    ],
)
def test_a_foreign_host_or_origin_is_refused_everywhere(
    url: str, ids: dict[str, str], host: str, origin: str | None
) -> None:
    port = url.rpartition(":")[2]
    headers = {"Host": host.format(port=port)}
    if origin:
        headers["Origin"] = origin.format(port=port)
    for path in ("/", f"/thumb/{ids['wide.jpg']}", "/_stcore/health"):
        assert problem(ask(url, path, headers=headers), 403)
    for name in ("127.0.0.1", "localhost"):
        own = {"Host": f"{name}:{port}", "Origin": f"http://{name}:{port}"}
        assert ask(url, "/_stcore/health", headers=own).status == 200
