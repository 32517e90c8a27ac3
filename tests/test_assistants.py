"""`taxalens mcp`, asked by the client of the protocol's own SDK; labels only where allowed."""

import base64
import io
import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pictures import write_picture
from PIL import Image

import taxalens

mcp = pytest.importorskip("mcp", reason="the extra mcp is not installed")

import anyio  # noqa: E402
from mcp import StdioServerParameters, stdio_client  # noqa: E402

READING = {"search", "identify", "complete", "taxon", "image", "health", "picture"}
Ask = Callable[..., list[Any]]


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = tmp_path_factory.mktemp("assistants")
    for name, colour in (("Panthera leo/1.png", "orange"), ("Panthera leo/2.png", "gold")):
        write_picture(place / "photos" / name, colour, (640, 480))
    write_picture(place / "photos" / "Pica pica/3.png", "black")
    write_picture(place / "photos" / "unsorted/4.png", "navy")
    taxalens.index(place / "photos", place / "c", encoder="starter")
    return place


def ask(place: Path, *calls: tuple[str, dict[str, Any]], write: bool = False) -> list[Any]:
    """Start the command, shake hands, and return the tools and the answers to calls."""
    words = ["-m", "ui.cli", "mcp", "-c", str(place / "c"), *(["--write"] if write else [])]

    async def asking() -> list[Any]:
        server = StdioServerParameters(command=sys.executable, args=words, cwd=Path.cwd())
        who = mcp.types.Implementation(name="a test", version="1")
        async with mcp.Client(stdio_client(server), client_info=who) as client:
            tools = (await client.list_tools()).tools
            return [tools, *[await client.call_tool(name, given) for name, given in calls]]

    return anyio.run(asking)


def test_the_read_routes_are_tools(place: Path) -> None:
    picture = str(place / "photos" / "Panthera leo" / "2.png")
    with taxalens.open(place / "c") as opened:
        lions = [hit.row() for hit in opened.search("lion", k=2)]
        alike = [hit.row() for hit in opened.search(image=picture, k=3)]
        one = lions[0]["image_id"]
    tools, *answers = ask(
        place,
        ("search", {"q": "lion", "k": 2}),
        ("search", {"image": [picture], "k": 3}),
        ("identify", {"image": [picture], "rank": "class"}),
        ("complete", {"q": "pan"}),
        ("taxon", {"key": "Panthera"}),
        ("image", {"id": one}),
        ("picture", {"id": one}),
        ("health", {}),
    )
    assert {tool.name for tool in tools} == READING
    assert all(tool.annotations.read_only_hint for tool in tools)
    assert not any(answer.is_error for answer in answers), answers
    searched, similar, identified, completed, taxon, image, shown, health = answers
    assert searched.structured_content["rows"] == lions
    assert searched.structured_content["said"]["meaning"] == "Panthera leo (species)"
    assert json.loads(searched.content[0].text) == searched.structured_content
    assert similar.structured_content["rows"] == alike
    assert identified.structured_content["rows"][0]["file_name"] == "2.png"
    assert completed.structured_content["rows"][0]["name"] == "Panthera"
    assert [row["relation"] for row in taxon.structured_content["rows"]][-2:] == ["itself", "below"]
    assert image.structured_content["rows"]["image_id"] == one
    assert health.structured_content["rows"]["images"] == 4
    with Image.open(io.BytesIO(base64.b64decode(shown.content[0].data))) as small:
        assert (small.format, small.size) == ("JPEG", (320, 240))


def test_an_error_is_a_sentence_that_the_assistant_reads(place: Path) -> None:
    (place / "note.png").write_text("no picture")
    calls = {
        ("search", ()): "exactly one of",
        ("search", (("q", "lion"), ("k", 0))): "k is integer",
        ("search", (("q", "lion"), ("k", "2"))): "k is integer",
        ("search", (("query", "lion"),)): "There is no parameter 'query'",
        ("search", (("q", "lion"), ("plus", (str(place / "photos/Pica pica/3.png"),)))): "a file",
        ("identify", ()): "image is missing",
        ("identify", (("image", (str(place / "none.png"),)),)): "No such file",
        ("search", (("image", (str(place / "note.png"),)),)): "not a picture",
        ("image", (("id", "nothing"),)): "no image with the id",
        ("picture", (("id", "nothing"),)): "no image with the id",
        ("taxon", (("key", "Nosuchtaxon"),)): "No taxon is called",
        ("serach", ()): "Did you mean search?",
        ("label", (("id", ("x",)), ("label", "lion"))): "There is no tool 'label'",
    }
    given = [
        (name, {key: list(each) if isinstance(each, tuple) else each for key, each in values})
        for name, values in calls
    ]
    _, *answers = ask(place, *given)
    for (call, said), answer in zip(calls.items(), answers, strict=True):
        assert answer.is_error, call
        assert said in answer.content[0].text, call


def test_an_assistant_labels_only_where_it_may(place: Path, tmp_path: Path) -> None:
    shutil.copytree(place / "c", tmp_path / "c")
    place = tmp_path
    with taxalens.open(place / "c") as opened:
        (unsorted,) = [each for each in opened if opened[each].file_name == "4.png"]
        lion = next(each for each in opened if opened[each].label == "Panthera leo")
    label = ("label", {"id": [unsorted, lion], "label": "Pica pica", "confidence": 0.75})
    tools, answer, unknown, found = ask(
        place,
        label,
        ("label", {"id": [unsorted, "nothing"], "label": "Pica pica"}),
        ("search", {"q": "Pica pica", "k": 2}),
        write=True,
    )
    assert {tool.name for tool in tools} == READING | {"label"}
    assert answer.structured_content == {"rows": {"labelled": 2}, "said": {}}
    assert "no image with the id 'nothing'" in unknown.content[0].text
    rows = found.structured_content["rows"]
    assert [(row["image_id"], row["match"]) for row in rows[1:]] == [(unsorted, "identified")]
    with taxalens.open(place / "c") as opened:
        hit = opened[unsorted]
        assert (hit.identification, hit.confidence) == ("Pica pica", 0.75)
        assert (opened[lion].label, opened[lion].title) == ("Panthera leo", "Panthera leo")
        said = opened.snapshot.query("SELECT identified_by, method FROM identifications")
        assert set(said) == {("a test", "assistant")}
    ask(place, ("label", {"id": [unsorted]}), write=True)
    with taxalens.open(place / "c") as opened:
        assert opened[unsorted].identification == ""


def test_stdout_is_the_protocols_alone(place: Path) -> None:
    words = [sys.executable, "-m", "ui.cli", "mcp", "-c", str(place / "c")]
    ended = subprocess.run(words, input="", capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "", "")


def test_an_assistant_of_no_collection_is_told(tmp_path: Path) -> None:
    words = [sys.executable, "-m", "ui.cli", "mcp", "-c", str(tmp_path / "none")]
    ended = subprocess.run(words, input="", capture_output=True, text=True, timeout=60)
    assert (ended.returncode, ended.stdout) == (1, "")
    assert "There is no collection" in ended.stderr
