"""Fetching: from public addresses alone, politely, whole or with a reason.

`localhost.pem` is the certificate and key of the server in these tests, and of no other.
"""

import ipaddress
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from indexer.inputs import fetching
from indexer.inputs.fetching import Fetcher, is_public
from model.errors import BadInput

PEM = Path(__file__).parent / "localhost.pem"
BODY = bytes(range(256)) * 40
HOST = "pictures.example"  # never looked up outside: see `resolve`


class Handler(BaseHTTPRequestHandler):
    """Answers by the path; notes what was asked."""

    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        name = self.path.strip("/")
        times = self.server.asked.count(self.path)
        if name.startswith("to/"):
            self.reply(302, b"", Location=name.removeprefix("to/"))
        elif name == "busy" and times == 1:
            self.reply(503, b"")
        elif name == "wait" and times == 1:
            self.reply(429, b"", **{"Retry-After": "1"})
        elif name == "always-busy":
            self.reply(503, b"")
        elif name == "gone":
            self.reply(404, b"")
        elif name == "short":
            self.reply(200, BODY, length=len(BODY) + 5)
            self.close_connection = True
        elif name == "large":
            self.reply(200, BODY, length=1 << 40)
            self.close_connection = True
        elif name == "drip":
            self.drip()
        elif name == "headers":
            self.headers_for_ever()
        else:
            self.reply(200, BODY)

    def reply(self, status: int, body: bytes, length: int | None = None, **headers: str) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        self.send_header("Content-Length", str(len(body) if length is None else length))
        self.end_headers()
        self.wfile.write(body)

    def drip(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.close_connection = True
        try:
            for _ in range(100):
                self.wfile.write(b"x")
                time.sleep(0.05)
        except OSError:
            return

    def headers_for_ever(self) -> None:
        self.close_connection = True
        try:
            self.wfile.write(b"HTTP/1.1 200 OK\r\n")
            for number in range(2000):
                self.wfile.write(b"X-%d: x\r\n" % number)
                time.sleep(0.02)
        except OSError:
            return

    def log_message(self, *_: object) -> None:
        return


class Server(ThreadingHTTPServer):
    """A server of pictures on this machine."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[str] = []
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(PEM)
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def handle_error(self, *_: object) -> None:
        return

    def url(self, path: str) -> str:
        return f"https://{HOST}:{self.server_port}/{path}"


@pytest.fixture
def server() -> Iterator[Server]:
    server = Server()
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}).start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture(autouse=True)
def closing(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Close every fetcher that a test makes, at its end."""
    with ExitStack() as stack:
        made = Fetcher.__init__

        def init(self: Fetcher, *arguments: object) -> None:
            made(self, *arguments)
            stack.enter_context(self)

        monkeypatch.setattr(Fetcher, "__init__", init)
        yield


def fetcher(
    resolve: Callable[[str, int], list[str]] = lambda host, port: ["127.0.0.1"],
    patience: float = 5,
    allows: bool = True,
    per_second: float = 1000,
) -> Fetcher:
    context = ssl.create_default_context(cafile=PEM)
    is_allowed = (lambda address: True) if allows else is_public
    return Fetcher(is_allowed, resolve, context, patience, per_second)


def test_what_is_at_a_url_comes_whole(server: Server) -> None:
    fetch = fetcher()
    assert fetch(server.url("1.jpg")) == BODY
    assert fetch(server.url("to//1.jpg")) == BODY
    assert fetch(server.url("ü 1.jpg?a=b c#part")) == BODY
    assert server.asked[-1] == "/%C3%BC%201.jpg?a=b%20c"


def test_http_is_tried_as_https(server: Server) -> None:
    assert fetcher()(server.url("1.jpg").replace("https:", "http:")) == BODY


@pytest.mark.parametrize("address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "::1"])
def test_addresses_that_are_not_public_are_not_connected_to(server: Server, address: str) -> None:
    for answer in ([address], ["93.184.216.34", address]):
        fetch = fetcher(lambda host, port, answer=answer: answer, allows=False)
        with pytest.raises(BadInput, match=f"leads to {address}, which is not public"):
            fetch(server.url("1.jpg"))
    with pytest.raises(BadInput, match="which is not public"):
        Fetcher()(f"https://127.0.0.1:{server.server_port}/1.jpg")
    assert server.asked == []


def test_the_address_that_was_checked_is_the_one_that_is_used(server: Server) -> None:
    asked = []

    def rebinding(host: str, port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.0.0.1"]

    fetch = Fetcher(
        lambda address: str(address) == "127.0.0.1",
        rebinding,
        ssl.create_default_context(cafile=PEM),
    )
    assert fetch(server.url("1.jpg")) == BODY
    assert asked == [HOST]


def test_a_redirect_is_checked_like_any_address(server: Server) -> None:
    def resolve(host: str, port: int) -> list[str]:
        return ["127.0.0.1"] if host == HOST else ["192.168.0.1"]

    fetch = Fetcher(
        lambda address: str(address) == "127.0.0.1",
        resolve,
        ssl.create_default_context(cafile=PEM),
    )
    with pytest.raises(BadInput, match=r"inside\.example leads to 192\.168\.0\.1"):
        fetch(server.url("to/https://inside.example/1.jpg"))
    with pytest.raises(BadInput, match="is no https URL"):
        fetch(server.url("to/file:///etc/passwd"))


def test_redirects_end(server: Server) -> None:
    with pytest.raises(BadInput, match="more than 3 redirects"):
        fetcher()(server.url("to//to//to//to//1.jpg"))
    server.asked.clear()
    assert fetcher()(server.url("to//to//to//1.jpg")) == BODY


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("file:///etc/passwd", "is no https URL"),
        ("ftp://example.org/1.jpg", "is no https URL"),
        ("https:///1.jpg", "is no https URL"),
        ("https://user:word@example.org/1.jpg", "holds a password"),
        ("https://exa mple.org/1.jpg", "not fetched"),
        ("https://[::1/1.jpg", "not fetched"),
        ("https://example.org:99999/1.jpg", "not fetched"),
    ],
)
def test_what_is_no_public_url_is_refused(url: str, why: str) -> None:
    with pytest.raises(BadInput, match=why):
        fetcher(allows=False, patience=0.1)(url)


def test_a_name_that_cannot_be_looked_up_is_a_reason() -> None:
    def fails(host: str, port: int) -> list[str]:
        raise OSError("no such name")

    with pytest.raises(BadInput, match=r"example\.org cannot be looked up"):
        fetcher(fails, patience=0.1)("https://example.org/1.jpg")


def test_what_is_busy_is_tried_again(server: Server) -> None:
    assert fetcher(patience=20)(server.url("busy")) == BODY
    started = time.monotonic()
    assert fetcher(patience=20)(server.url("wait")) == BODY
    assert time.monotonic() - started > 1  # as long as the server asked for
    with pytest.raises(BadInput, match="not fetched: 503 Service Unavailable"):
        fetcher(patience=20)(server.url("always-busy"))
    assert server.asked.count("/always-busy") == fetching.TRIES


def test_what_is_gone_is_not_tried_again(server: Server) -> None:
    with pytest.raises(BadInput, match="not fetched: 404 Not Found"):
        fetcher()(server.url("gone"))
    assert server.asked == ["/gone"]


def test_a_body_that_is_cut_short_is_no_picture(server: Server) -> None:
    with pytest.raises(BadInput, match="not fetched"):
        fetcher(patience=2)(server.url("short"))


def test_what_is_too_large_or_too_slow_is_given_up(
    server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(BadInput, match="more than 200 MB"):
        fetcher()(server.url("large"))
    monkeypatch.setattr(fetching, "MAX_BYTES", 20)
    with pytest.raises(BadInput, match="more than"):
        fetcher()(server.url("drip"))
    monkeypatch.setattr(fetching, "MAX_BYTES", 1000)
    with pytest.raises(BadInput, match="took too long"):
        fetcher(patience=0.3)(server.url("drip"))


def test_headers_without_end_are_given_up(server: Server) -> None:
    with pytest.raises(BadInput, match="not fetched: it took too long"):
        fetcher(patience=0.5)(server.url("headers"))


def test_a_redirect_to_half_an_address_is_a_reason(server: Server) -> None:
    with pytest.raises(BadInput, match="not fetched: "):
        fetcher()(server.url("to/https://[::1"))


def test_another_certificate_is_not_trusted(server: Server) -> None:
    with pytest.raises(BadInput, match=r"(?i)certificate"):
        Fetcher(lambda address: True, lambda host, port: ["127.0.0.1"], None, 0.5)(
            server.url("1.jpg")
        )


def test_a_host_is_asked_no_more_often_than_agreed(server: Server) -> None:
    fetch = fetcher(per_second=20)
    started = time.monotonic()
    with ThreadPoolExecutor(8) as threads:
        bodies = list(threads.map(fetch, [server.url(f"{number}.jpg") for number in range(10)]))
    assert bodies == [BODY] * 10
    assert time.monotonic() - started >= 9 / 20


@given(st.ip_addresses())
def test_no_address_is_public_that_is_not_global(
    address: ipaddress.IPv4Address | ipaddress.IPv6Address,
) -> None:
    if not address.is_global or address.is_multicast:
        assert not is_public(address)


@given(st.ip_addresses(v=4))
def test_an_address_hidden_in_another_is_no_better(address: ipaddress.IPv4Address) -> None:
    number = int(address)
    for hidden in (
        f"::ffff:{address}",
        f"64:ff9b::{address}",
        f"2002:{number >> 16:x}:{number & 0xFFFF:x}::",
    ):
        if not is_public(address):
            assert not is_public(ipaddress.ip_address(hidden))


def test_public_addresses_are() -> None:
    for address in ("93.184.216.34", "2606:2800:220:1:248:1893:25c8:1946"):
        assert is_public(ipaddress.ip_address(address))
