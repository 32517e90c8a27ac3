"""The HTTP API: the command line's JSON over HTTP, a problem for every error, for many at once."""

import json
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Event
from urllib.parse import quote, unquote, urlencode

import pytest
from asking import Answer, ask, post, problem
from browser import served
from click.testing import CliRunner
from pictures import write_picture
from starlette.testclient import TestClient

import taxalens
from ui.cli import main
from ui.server import problems
from ui.server.alone import application
from ui.server.api import Api
from ui.server.current import CurrentCollection
from ui.server.guard import Access
from ui.server.limits import Limits, Rate
from ui.server.operations import Operation, Reply

PHOTOS = {
    "Panthera leo/1.png": "orange",
    "Panthera leo/2.png": "gold",
    "Panthera leo/3.png": "darkorange",
    "Panthera tigris/4.png": "tomato",
    "Pica hudsonia/5.png": "black",
    "Pica hudsonia/6.png": "navy",
    "Pica pica/7.png": "midnightblue",
    "blank/8.png": "white",
    "unsorted/9.png": "green",
}


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A collection of nine pictures with sites, dates and places."""
    place = tmp_path_factory.mktemp("api")
    lines = ["file_name,taxon,site,eventDate,decimalLatitude,decimalLongitude"]
    for number, (name, colour) in enumerate(PHOTOS.items(), 1):
        write_picture(place / "photos" / name, colour, (48, 40 + 3 * number))
        taxon = name.partition("/")[0]
        lines.append(f"{name},{taxon},{'AB'[number % 2]},2021-0{number}-01,{50 + number},13.5")
    (place / "labels.csv").write_text("\n".join(lines))
    (place / "query.png").write_bytes((place / "photos/Panthera leo/2.png").read_bytes())
    taxalens.index(place / "photos", place / "c", encoder="starter", labels=place / "labels.csv")
    return place


@pytest.fixture(scope="module")
def url(place: Path) -> Iterator[str]:
    with served(place / "c", place / "serve.txt", "serve") as address:
        yield address


def get(url: str, path: str, *given: tuple[str, object]) -> Answer:
    query = urlencode([(name, str(value)) for name, value in given])
    return ask(url, f"/api/{path}?{query}")


def command_line(*words: object) -> object:
    ran = CliRunner().invoke(main, [*map(str, words), "--format", "json"])
    assert ran.exit_code == 0, ran.stderr
    return json.loads(ran.stdout)


# --- Answers are the command line's --------------------------------------------------------------


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ([("q", "Felidae")], ["Felidae"]),
        ([("q", "lion"), ("k", 2)], ["lion", "-k", "2"]),
        ([("q", "a dark bird"), ("k", 5), ("skip", 2)], ["a dark bird", "-k", "5", "--skip", "2"]),
        ([("taxon", "Pica")], ["--taxon", "Pica"]),
        ([("text", "lion"), ("k", 3)], ["--text", "lion", "-k", "3"]),
        ([("q", "blank")], ["blank"]),
        ([("q", "Aves"), ("exclude", "Pica pica")], ["Aves", "--exclude", "Pica pica"]),
        (
            [("q", "bird"), ("within", "Pica"), ("within", "Felidae")],
            ["bird", "--within", "Pica", "--within", "Felidae"],
        ),
        ([("q", "cat"), ("rank", "species")], ["cat", "--rank", "species"]),
        ([("q", "cat"), ("where", "site = 'A'")], ["cat", "--where", "site = 'A'"]),
        ([("q", "cat"), ("date", "2021-02/2021-05")], ["cat", "--date", "2021-02/2021-05"]),
        ([("q", "cat"), ("near", "52.5,13.4,200")], ["cat", "--near", "52.5,13.4,200"]),
        (
            [("q", "Felidae"), ("plus", "2*snow"), ("minus", "night")],
            ["Felidae", "--plus", "2*snow", "--minus", "night"],
        ),
        ([("q", "cat"), ("group_by", "folder")], ["cat", "--group-by", "folder"]),
        ([("q", "cat"), ("sequence", 60)], ["cat", "--sequence", "60s"]),
        (
            [("q", "cat"), ("distinct", "true"), ("diverse", "true")],
            ["cat", "--distinct", "--diverse"],
        ),
    ],
)
def test_a_search_answers_as_the_command_line_does(
    url: str, place: Path, given: list[tuple[str, object]], words: list[str]
) -> None:
    answer = get(url, "search", *given)
    assert (answer.status, answer.type) == (200, "application/json"), answer.body
    assert answer.json == command_line("search", *words, "-c", place / "c")
    assert answer.json


def test_a_picture_searches_as_on_the_command_line(url: str, place: Path) -> None:
    answer = post(url, "/api/search?k=4", {"query.png": (place / "query.png").read_bytes()})
    shown = command_line("search", "--image", place / "query.png", "-k", 4, "-c", place / "c")
    assert answer.json == shown
    assert answer.headers["taxalens-meaning"] == "images that look like query.png"
    assert answer.json[0]["score"] == 1.0


def test_an_image_searches_by_its_id(url: str, place: Path) -> None:
    with taxalens.open(place / "c") as opened:
        image_id = next(iter(opened))
    answer = get(url, "search", ("id", image_id))
    assert answer.json == command_line("search", "--id", image_id, "-c", place / "c")


@pytest.mark.parametrize(
    "query", ["", "?precision=0.5", "?k=3", "?within=Felidae&rank=genus", "?novel=0.5"]
)
def test_pictures_are_identified_as_on_the_command_line(
    url: str, place: Path, monkeypatch: pytest.MonkeyPatch, query: str
) -> None:
    names = ["query.png", "other.png", "note.jpg"]
    write_picture(place / "other.png", "purple")
    (place / "note.jpg").write_text("no picture")
    monkeypatch.chdir(place)
    words = query.replace("?", "--").replace("&", " --").replace("=", " ").split()
    pictures = {name: (place / name).read_bytes() for name in names}
    answer = post(url, f"/api/identify{query}", pictures)
    assert answer.status == 200, answer.body
    assert answer.json == command_line("identify", *names, *words, "-c", "c")
    assert "confidence is" in unquote(answer.headers["taxalens-notes"])


def test_an_upload_is_a_picture_whatever_it_is_called(url: str, place: Path) -> None:
    picture = (place / "query.png").read_bytes()
    names = ["../../etc/passwd", "C:\\photos\\a.png", "list.csv", "a.tar", "*.png", ""]
    answer = post(url, "/api/identify", {name: picture for name in names[:-1]})
    assert [row["file_name"] for row in answer.json] == [
        "passwd",
        "a.png",
        "list.csv",
        "a.tar",
        "*.png",
    ]
    assert {row["problem"] for row in answer.json} == {""}
    table = f"file_name\n{place / 'photos/Panthera leo/1.png'}\n".encode()
    (row,) = post(url, "/api/identify", {"list.csv": table}).json
    assert row["problem"].startswith("not a picture")


def test_a_taxon_is_shown_as_on_the_command_line(url: str, place: Path) -> None:
    key = "Animalia|Chordata|Mammalia|Carnivora|Felidae|Panthera"
    for name in (key, "Panthera", "lion"):
        answer = ask(url, f"/api/taxa/{quote(name)}")
        assert answer.json == command_line("taxonomy", "show", name, "-c", place / "c")


def test_completions_and_images_are_the_librarys(url: str, place: Path) -> None:
    with taxalens.open(place / "c") as opened:
        for image_id in opened:
            assert ask(url, f"/api/images/{image_id}").json == opened[image_id].row()
        found = get(url, "complete", ("q", "pan"), ("k", 5)).json
        assert [each["name"] for each in found] == [each.name for each in opened.complete("pan", 5)]
    assert found[0] == {
        "name": "Panthera",
        "kind": "scientific",
        "rank": "genus",
        "taxon": "Panthera",
        "images": 4,
    }


def test_pages_follow_each_other_to_the_end(url: str) -> None:
    whole = get(url, "search", ("q", "Felidae"), ("k", 50)).json
    path, rows = "/api/search?q=Felidae&k=4", []
    while path:
        page = ask(url, path)
        rows += page.json
        link = page.headers.get("link", "")
        assert not link or link.endswith('; rel="next"')
        path = link.partition("<")[2].partition(">")[0]
    assert rows == whole
    assert len(rows) == 6  # four labelled so, and two that no label excludes


def test_the_query_is_explained_beside_the_answer(url: str) -> None:
    named = get(url, "search", ("q", "Felidae")).headers
    assert (named["taxalens-meaning"], named["taxalens-labelled"]) == ("Felidae (family)", "4")
    absent = get(url, "search", ("q", "Canis lupus")).headers
    assert unquote(absent["taxalens-absence"]).startswith("Nothing like that here")
    written = get(url, "search", ("text", "été 夏\n")).headers["taxalens-meaning"]
    assert written.isascii()
    assert "été 夏" in unquote(written)


def test_health_tells_the_generation(url: str) -> None:
    assert ask(url, "/api/health").json["images"] == len(PHOTOS)


# --- Errors are problems -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "status", "said"),
    [
        ("/", 404, "/api/openapi.json"),
        ("/api", 404, "/api/openapi.json"),
        ("/api/", 404, "/api/openapi.json"),
        ("/api/nothing", 404, "/api/openapi.json"),
        ("/api/search", 400, "exactly one of"),
        ("/api/search?q=a&text=b", 400, "exactly one of"),
        ("/api/search?q=", 400, "q is a text"),
        ("/api/search?q=%00", 400, "q is a text"),
        ("/api/search?q=a&q=b", 400, "give it once"),
        (f"/api/search?q={'a' * 2001}", 400, "q is a text of 1 to 2000"),
        ("/api/search?q=a&k=0", 400, "k is integer, 1 to 1000, not '0'"),
        ("/api/search?q=a&k=1001", 400, "1 to 1000"),
        ("/api/search?q=a&k=1.5", 400, "k is integer"),
        ("/api/search?q=a&k=%D9%A1", 400, "k is integer"),
        ("/api/search?q=a&skip=-1", 400, "skip"),
        ("/api/search?q=a&distinct=yes", 400, "true or false"),
        ("/api/search?q=a&wihtin=Aves", 400, "Did you mean within?"),
        ("/api/search?taxon=Panthera%20leoo", 400, "Did you mean"),
        ("/api/search?q=a&within=Nosuchtaxon", 400, "Nosuchtaxon"),
        ("/api/search?q=a&where=nothing%20%3D%201", 400, "nothing"),
        ("/api/search?q=a&where=1%3B%20DROP%20TABLE%20images", 400, "where"),
        ("/api/search?q=a&rank=tribe", 400, "tribe"),
        ("/api/search?q=a&date=2021-13", 400, "2021-13"),
        ("/api/search?q=a&near=1,2", 400, "near"),
        ("/api/search?q=a&near=91,2,5", 400, "91"),
        ("/api/search?q=a&group_by=nothing", 400, "nothing"),
        ("/api/search?id=nothing", 400, "nothing"),
        ("/api/complete", 400, "q is missing"),
        ("/api/complete?q=pan&k=x", 400, "k is integer"),
        ("/api/taxa/Nosuchtaxon", 404, "Nosuchtaxon"),
        ("/api/taxa/", 404, "openapi"),
        ("/api/images/nothing", 404, "nothing"),
        ("/api/images/..%2Fmanifest.json", 404, "openapi"),
        ("/api/health?x=1", 400, "There is no parameter 'x'; there are none."),
        ("/api/identify", 405, "method"),
    ],
)
def test_bad_input_is_a_problem(url: str, path: str, status: int, said: str) -> None:
    assert said.lower() in problem(ask(url, path), status).lower()


def test_no_client_reads_a_file_of_this_machine(url: str, place: Path) -> None:
    secret = place / "photos" / "Panthera leo" / "1.png"
    for name in ("plus", "minus"):
        for written in (secret, f"2*{secret}", f" 2 * 3 * {secret} ", f"{secret}/"):
            answer = get(url, "search", ("q", "lion"), (name, written))
            assert "called like a file" in problem(answer, 400)
    for sql in (
        "(SELECT count(*) FROM read_text('/etc/passwd')) > 0",
        "(SELECT count(*) FROM read_csv('/etc/passwd')) > 0",
        "(SELECT count(*) FROM glob('/*')) > 0",
        "true; COPY images TO '/tmp/x'",
    ):
        assert problem(get(url, "search", ("q", "lion"), ("where", sql)), 400)


def test_what_is_sent_is_checked(url: str, place: Path) -> None:
    picture = (place / "query.png").read_bytes()
    assert "not a picture" in problem(post(url, "/api/search", {"a.png": b"text"}), 400)
    assert "fields called image" in problem(post(url, "/api/search", {"a": picture}, "file"), 400)
    assert "fields called image" in problem(post(url, "/api/identify", {}), 400)
    many = {f"{number}.png": picture for number in range(33)}
    assert problem(post(url, "/api/identify", many), 400)
    raw = ask(url, "/api/identify", "POST", {"Content-Type": "image/png"}, picture)
    assert "multipart/form-data" in problem(raw, 415)
    cut = {"Content-Type": "multipart/form-data; boundary=x"}
    assert problem(ask(url, "/api/identify", "POST", cut, b"--y\r\nnonsense"), 400)
    assert problem(ask(url, "/api/identify", "POST", {"Content-Type": "multipart/form-data"}), 400)
    assert problem(post(url, "/api/search?q=lion", {"a.png": picture}), 400)


def test_a_bomb_is_no_picture(url: str) -> None:
    import io

    from PIL import Image

    bomb = io.BytesIO()
    Image.new("1", (30_000, 30_000)).save(bomb, "PNG")
    detail = problem(post(url, "/api/search", {"bomb.png": bomb.getvalue()}), 400)
    assert "pixels" in detail


def test_other_ways_of_asking_are_refused(url: str) -> None:
    for method in ("POST", "PUT", "DELETE", "PATCH", "OPTIONS"):
        answer = ask(url, "/api/health", method)
        assert problem(answer, 405)
        assert set(answer.headers["allow"].split(", ")) == {"GET", "HEAD"}
    assert ask(url, "/api/health", "HEAD").body == b""


# --- Many at once, and a collection that changes -------------------------------------------------

QUESTIONS = ("lion", "Pica", "a dark bird", "Felidae", "blank", "snow", "Pica pica", "red fruit")


def test_everybody_gets_the_answer_to_their_own_question(url: str, place: Path) -> None:
    with taxalens.open(place / "c") as opened:
        expected = {each: [hit.row() for hit in opened.search(each, k=5)] for each in QUESTIONS}
    asked = [QUESTIONS[(user + turn) % 8] for user in range(20) for turn in range(8)]
    with ThreadPoolExecutor(20) as pool:
        answers = list(pool.map(lambda each: get(url, "search", ("q", each), ("k", 5)), asked))
    assert {answer.status for answer in answers} == {200}
    assert [answer.json for answer in answers] == [expected[each] for each in asked]
    assert len({json.dumps(rows) for rows in expected.values()}) == 8


def test_a_collection_that_grew_is_answered_from(tmp_path: Path) -> None:
    write_picture(tmp_path / "photos" / "Pica pica" / "1.png", "black")
    taxalens.index(tmp_path / "photos", tmp_path / "c", encoder="starter")
    with served(tmp_path / "c", tmp_path / "log.txt", "serve") as url:
        before = ask(url, "/api/health").json
        assert len(get(url, "search", ("q", "Pica")).json) == 1
        write_picture(tmp_path / "photos" / "Pica pica" / "2.png", "navy")
        taxalens.index(tmp_path / "photos", tmp_path / "c", encoder="starter")
        after = ask(url, "/api/health").json
        assert (before["images"], after["images"]) == (1, 2)
        assert after["generation"] > before["generation"]
        assert len(get(url, "search", ("q", "Pica")).json) == 2


def test_the_encoder_is_loaded_once_for_all_generations(tmp_path: Path) -> None:
    write_picture(tmp_path / "photos" / "Pica pica" / "1.png", "black")
    taxalens.index(tmp_path / "photos", tmp_path / "c", encoder="starter")
    current = CurrentCollection(tmp_path / "c")
    first = current.get()
    assert current.get() is first
    encoder = first.encoder
    write_picture(tmp_path / "photos" / "Pica pica" / "2.png", "navy")
    taxalens.index(tmp_path / "photos", tmp_path / "c", encoder="starter")
    second = current.get()
    assert second is not first
    assert second.encoder is encoder
    assert len(first) == 1  # who still uses it keeps it
    current.close()


def test_a_server_whose_collection_is_gone_says_so(tmp_path: Path) -> None:
    with TestClient(application(CurrentCollection(tmp_path), ANYBODY)) as client:
        answer = client.get("/api/health")
        assert answer.status_code == 503
        assert "There is no collection" in answer.json()["detail"]


# --- Limits --------------------------------------------------------------------------------------

ANYBODY = Access(("testserver",))


def test_requests_come_at_a_rate() -> None:
    now = 0.0
    rate = Rate(60, clock=lambda: now)
    assert [rate.seconds_to_wait("a") for _ in range(60)] == [0] * 60
    assert rate.seconds_to_wait("a") == pytest.approx(1)
    assert rate.seconds_to_wait("b") == 0
    now = 1.0
    assert rate.seconds_to_wait("a") == 0
    assert rate.seconds_to_wait("a") > 0
    now = 1000.0
    assert [rate.seconds_to_wait("a") for _ in range(60)] == [0] * 60


def test_one_request_too_many_says_when_to_ask_again(place: Path) -> None:
    limits = Limits(requests=3)
    with TestClient(application(CurrentCollection(place / "c"), ANYBODY, limits)) as client:
        answers = [client.get("/api/health") for _ in range(4)]
    assert [each.status_code for each in answers] == [200, 200, 200, 429]
    assert 1 <= int(answers[3].headers["retry-after"]) <= 21
    assert answers[3].headers["content-type"] == "application/problem+json"


def test_an_address_that_is_too_long_is_refused_as_a_problem(url: str) -> None:
    longest = "&exclude=" + "a" * 1990
    assert "aaa" in problem(ask(url, f"/api/search?q=lion{longest * 32}"), 400)
    assert "65,536 bytes" in problem(ask(url, f"/api/search?q=lion{longest * 33}"), 414)
    assert "65,536 bytes" in problem(ask(url, f"/api/search?q={'%F0%9F%A6%81' * 50_000}"), 414)


@pytest.mark.parametrize("is_counted", [True, False])
def test_a_request_that_brings_too_much_is_refused(place: Path, is_counted: bool) -> None:
    limits = Limits(upload=20_000)

    def parts() -> Iterator[bytes]:
        yield b'--e\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
        for _ in range(30):
            yield os.urandom(1000)
        yield b"\r\n--e--\r\n"

    with TestClient(application(CurrentCollection(place / "c"), ANYBODY, limits)) as client:
        body = b"".join(parts()) if is_counted else parts()
        kind = {"Content-Type": "multipart/form-data; boundary=e"}
        answer = client.post("/api/identify", content=body, headers=kind)
    assert answer.status_code == 413
    assert "20,000 bytes" in answer.json()["detail"]


def test_a_question_too_many_is_refused_while_the_others_wait() -> None:
    working, done = Event(), Event()

    def slowly(_values: object, _pictures: object) -> Reply:
        working.set()
        assert done.wait(60)
        return Reply([])

    operation = Operation("slow", "/slow", "Wait.", (), slowly, {"type": "array"})
    routes = Api([operation], Limits(at_once=1, waiting=0)).routes()
    with TestClient(problems.application(routes)) as client, ThreadPoolExecutor(1) as pool:
        first = pool.submit(client.get, "/api/slow")
        assert working.wait(60)
        refused = client.get("/api/slow")
        done.set()
        assert first.result().status_code == 200
        assert client.get("/api/slow").status_code == 200
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "1")


# --- Beyond this machine -------------------------------------------------------------------------

TOKEN = "0123456789abcdef-0123"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--host", "0.0.0.0"], "pass a file with a token"),
        (["--host", "::"], "pass a file with a token"),
        (["--host", "192.0.2.1"], "pass a file with a token"),
        (["--host", "127.0.0.1.example"], "pass a file with a token"),
        (["--host", "0.0.0.0", "--token-file", "short.txt"], "16 ASCII characters"),
        (["--token-file", "empty.txt"], "is empty"),
        (["--token-file", "none.txt"], "cannot be read"),
    ],
)
def test_no_other_machine_without_a_token(
    place: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, words: list[str], said: str
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TAXALENS_TOKEN", raising=False)
    Path("short.txt").write_text("secret")
    Path("empty.txt").write_text("\n")
    ran = CliRunner().invoke(main, ["serve", "-c", str(place / "c"), *words])
    assert ran.exit_code == 1
    assert said in ran.stderr


@pytest.fixture(scope="module")
def guarded(place: Path) -> Iterator[str]:
    words = ("serve", "--host", "0.0.0.0", "--allow-host", "museum.example")
    known = {"TAXALENS_TOKEN": TOKEN}
    with served(place / "c", place / "guarded.txt", *words, environment=known) as address:
        yield address


@pytest.mark.parametrize(
    "authorization",
    [
        None,
        "",
        TOKEN,
        f"Basic {TOKEN}",
        f"Bearer {TOKEN}x",
        f"Bearer {TOKEN[:-1]}",
        "Bearer",
        "Bearer é",
    ],
)
def test_every_route_asks_for_the_token(
    guarded: str, place: Path, authorization: str | None
) -> None:
    headers = {} if authorization is None else {"Authorization": authorization.encode("latin-1")}
    for path in ("/api/health", "/api/openapi.json", "/thumb/x", "/original/x", "/"):
        answer = ask(guarded, path, headers=headers)
        assert problem(answer, 401)
        assert answer.headers["www-authenticate"] == "Bearer"


@pytest.mark.parametrize(
    ("host", "status"),
    [
        ("192.0.2.7:8502", 200),
        ("[2001:db8::1]:8502", 200),
        ("museum.example", 200),
        ("MUSEUM.example:80", 200),
        ("localhost", 200),
        ("evil.example", 403),
        ("192.0.2.7.evil.example", 403),
    ],
)
def test_the_token_opens_it_under_its_own_names(guarded: str, host: str, status: int) -> None:
    headers = {"Host": host, "Authorization": f"bearer {TOKEN}"}
    assert ask(guarded, "/api/health", headers=headers).status == status


def test_no_other_site_reads_an_answer(url: str) -> None:
    port = url.rpartition(":")[2]
    for origin in ("http://evil.example", "null", f"http://localhost:{int(port) + 1}"):
        assert problem(ask(url, "/api/health", headers={"Origin": origin}), 403)
    own = ask(url, "/api/health", headers={"Origin": url})
    assert own.status == 200
    assert not [name for name in own.headers if name.startswith("access-control")]
