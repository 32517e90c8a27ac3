"""Lists of URLs: each is one input, fetched only when asked, and looked at later without it."""

from pathlib import Path

import pytest
from colours import ColourEncoder
from pictures import run, write_picture

from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.run import How
from indexer.inputs.records import Record
from indexer.readers import reader_of, refuse
from indexer.readers.url_list import claims, read
from model.errors import BadInput
from search.collection import open_collection

LIST = """# from a museum

https://example.org/1.jpg
  https://example.org/2.jpg
https://example.org/1.jpg
not a URL
https://example.org/ü.jpg
"""


def test_each_url_is_one_record(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    path.write_text(LIST, encoding="utf-8")
    assert reader_of(str(path)).NOUN == "a list of URLs (txt)"
    urls = [f"https://example.org/{name}.jpg" for name in "12"]
    assert list(read(str(path), refuse)) == [
        *(Record(url, url=url) for url in urls),
        Record("not a URL", problem="is no URL"),
        Record("https://example.org/ü.jpg", url="https://example.org/ü.jpg"),
    ]


def test_nothing_is_fetched_unless_asked(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    path.write_text(LIST, encoding="utf-8")
    with pytest.raises(BadInput, match=r"https://example\.org/1\.jpg; pass fetch=True"):
        run(path, tmp_path / "c")
    assert not (tmp_path / "c").exists()


def test_what_was_fetched_is_looked_at_without_the_network(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    path.write_text(LIST, encoding="utf-8")
    red = write_picture(tmp_path / "red.png", "red").read_bytes()

    def fetch(url: str) -> bytes:
        if url.endswith("2.jpg"):
            raise BadInput("404 Not Found")
        return red

    progress = run(path, tmp_path / "c", how=How(fetch=fetch))
    assert (progress.embedded, progress.duplicates, progress.failed) == (1, 1, 2)
    with open_snapshot(tmp_path / "c") as snapshot:
        reasons = dict(snapshot.query("SELECT source_id, reason FROM inputs"))
    assert reasons["urls.txt/https://example.org/2.jpg"] == "404 Not Found"
    first, second = open_collection(tmp_path / "c", ColourEncoder()).search(text="red")
    assert {first.location, second.location} == {
        "https://example.org/1.jpg",
        "https://example.org/ü.jpg",
    }
    for hit in (first, second):  # the duplicate, too
        assert hit.read().startswith(b"\xff\xd8")
        assert hit.url == hit.location
    assert run(path, tmp_path / "c", how=How(fetch=fetch)).done == 0
    assert run(path, tmp_path / "c").done == 0  # for what is known nothing has to be fetched


def test_other_text_is_not_claimed(tmp_path: Path) -> None:
    for text in ("", "hello", "# https://example.org/1.jpg", "ftp://example.org/1.jpg"):
        (tmp_path / "x.txt").write_text(text)
        assert not claims(str(tmp_path / "x.txt"))
    assert not claims(str(tmp_path))


def test_a_list_may_be_in_the_encoding_of_windows(tmp_path: Path) -> None:
    for encoding in ("utf-16", "utf-8-sig", "cp1252"):
        path = tmp_path / "urls.txt"
        path.write_bytes("HTTPS://example.org/ü.jpg\r\n".encode(encoding))
        assert claims(str(path))
        assert [each.url for each in read(str(path), refuse)] == ["https://example.org/ü.jpg"]


def test_a_line_without_end_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "urls.txt"
    with path.open("wb") as file:
        file.write(b"https://example.org/")
        for _ in range(66):
            file.write(b"x" * (1 << 20))
    with pytest.raises(BadInput, match="a line of more than 64 MB"):
        list(read(str(path), refuse))
