"""The API as its OpenAPI document describes it: requests made from that break nothing."""

import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from asking import ask
from browser import served
from pictures import write_picture

import taxalens

EXAMPLES = 25  # requests for each way of asking
REFUSED = [400, 401, 403, 404, 405, 413, 414, 415, 429]


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    place = tmp_path_factory.mktemp("schema")
    for name, colour in (("Panthera leo/1.png", "orange"), ("Pica pica/2.png", "black")):
        write_picture(place / "photos" / name, colour, (48, 40))
    taxalens.index(place / "photos", place / "c", encoder="starter")
    with served(place / "c", place / "log.txt", "serve") as address:
        yield address


@pytest.mark.parametrize("known", [False, True], ids=["any id", "an id of an image"])
def test_requests_made_from_the_document_break_nothing(
    url: str, tmp_path: Path, known: bool
) -> None:
    """Schemathesis sends what the document allows and what it forbids.

    No answer may be a 5xx, have a status, type or body that is not documented, or accept what is
    forbidden. What is allowed may be refused: a name may be unknown, two queries are one too many.
    """
    with (tmp_path / "schemathesis.toml").open("w") as file:
        file.write(f"[checks]\nnegative_data_rejection.expected-statuses = {REFUSED}\n")
        if known:
            image_id = ask(url, "/api/search?q=lion&k=1").json[0]["image_id"]
            file.write(f'[parameters]\n"path.id" = "{image_id}"\n"path.key" = "Panthera leo"\n')
    command = [sys.executable, "-m", "schemathesis.cli", "run", f"{url}/api/openapi.json"]
    command += ["--exclude-checks", "positive_data_acceptance", "--no-color", "--seed", "1"]
    command += ["--max-examples", str(EXAMPLES)]
    ended = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert ended.returncode == 0, ended.stdout[-6000:] + ended.stderr[-2000:]
    generated = re.search(r"(\d+) generated, \1 passed", ended.stdout)
    assert generated, ended.stdout[-2000:]
    assert int(generated[1]) > 9 * EXAMPLES / 2


def test_the_document_names_every_route(url: str) -> None:
    document = ask(url, "/api/openapi.json").json
    assert sorted(document["paths"]) == [
        "/api/complete",
        "/api/health",
        "/api/identify",
        "/api/images/{id}",
        "/api/search",
        "/api/taxa/{key}",
        "/original/{id}",
        "/thumb/{id}",
    ]
