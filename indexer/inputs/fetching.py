"""Downloads pictures named by URL, politely, and from public addresses alone."""

import ipaddress
import math
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterable
from http import HTTPStatus
from importlib.metadata import version
from typing import Any, Self
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

import httpcore2 as httpcore

from model.errors import BadInput

Address = ipaddress.IPv4Address | ipaddress.IPv6Address

MAX_BYTES = 200 << 20
MAX_REDIRECTS = 3
TRIES = 3
PER_SECOND = 10  # requests of one host
PATIENCE = 60.0  # seconds a picture may take
_SILENCE = 10.0  # seconds without a byte
_LONGEST_WAIT = 30.0  # seconds that a server may ask for
_MOVED = (301, 302, 303, 307, 308)
_BUSY = (429, 500, 502, 503, 504)


class _TryAgain(Exception):
    """What failed may go well later."""

    def __init__(self, reason: str, after: float = 0) -> None:
        super().__init__(reason)
        self.after = after


def is_public(address: Address) -> bool:
    """Tell whether an address is of the public internet, and no way into somebody's own network."""
    if isinstance(address, ipaddress.IPv6Address):
        # An IPv4 address inside is what the packet goes to in the end.
        inner = address.ipv4_mapped or address.sixtofour
        if inner is None and address in _NAT64:
            inner = ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(inner)
        if address.teredo is not None:
            return False
    return address.is_global and not address.is_multicast and not address.is_reserved


class Fetcher:
    """Downloads what is at an https URL; several threads may call it at once.

    A name is looked up once per connection and connected to by the very address that was
    checked, so that a second answer of its name server cannot lead elsewhere; each redirect is
    checked in the same way. `is_allowed` decides on addresses, `resolve` looks names up;
    `context` checks certificates, `patience` is in seconds, `per_second` requests go to a host.
    """

    def __init__(
        self,
        is_allowed: Callable[[Address], bool] = is_public,
        resolve: Callable[[str, int], list[str]] | None = None,
        context: ssl.SSLContext | None = None,
        patience: float = PATIENCE,
        per_second: float = PER_SECOND,
    ) -> None:
        context = context or httpcore.default_ssl_context()
        self._clock = _Clock()
        backend = _CheckedNetwork(is_allowed, resolve or _resolve, self._clock)
        self._pool = httpcore.ConnectionPool(context, max_connections=100, network_backend=backend)
        self._patience = patience
        self._gap = 1 / per_second
        self._next: dict[str, float] = {}
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        """Return it."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close its connections."""
        self._pool.close()

    def __call__(self, url: str) -> bytes:
        """Return what is at a URL; http is tried as https.

        What is busy or breaks off is tried again, with growing pauses or after as long as the
        server asks for. Raises BadInput with the reason where it cannot, or may not, be had.
        """
        deadline = time.monotonic() + self._patience
        reason = ""
        for attempt in range(TRIES):
            try:
                return self._follow(url, deadline)
            except _TryAgain as error:
                reason = str(error)
                pause = max(error.after, 2.0**attempt * self._patience / PATIENCE)
            if time.monotonic() + pause > deadline:
                break
            if attempt + 1 < TRIES:
                time.sleep(pause)
        raise BadInput(f"not fetched: {reason}")

    def _follow(self, url: str, deadline: float) -> bytes:
        for _ in range(MAX_REDIRECTS + 1):
            found = self._get(_https(url), deadline)
            if isinstance(found, bytes):
                return found
            try:
                url = urljoin(url, found)
            except ValueError as error:
                raise BadInput(f"not fetched: it redirects to {found[:80]}: {error}") from error
        raise BadInput(f"not fetched: more than {MAX_REDIRECTS} redirects")

    def _get(self, url: str, deadline: float) -> bytes | str:
        """Return the body, or where it is said to be."""
        host = str(urlsplit(url).hostname)
        self._wait_for_turn(host)
        timeout = dict.fromkeys(("connect", "read", "write", "pool"), _SILENCE)
        self._clock.deadline = deadline
        try:
            with self._pool.stream(
                "GET", url, headers=_HEADERS, extensions={"timeout": timeout}
            ) as response:
                headers = {name.lower(): value for name, value in response.headers}
                if response.status in _MOVED and b"location" in headers:
                    return headers[b"location"].decode("latin-1")
                if response.status != 200:
                    _refuse_status(response.status, headers)
                return _body(response.iter_stream(), headers, deadline)
        except _TookTooLong as error:
            raise BadInput("not fetched: it took too long") from error
        except (httpcore.TimeoutException, httpcore.NetworkError, httpcore.ProtocolError) as error:
            if time.monotonic() >= deadline:
                raise BadInput("not fetched: it took too long") from error
            said = str(error) or type(error).__name__
            raise _TryAgain(f"{host} {said}" if host not in said else said) from error
        except (httpcore.UnsupportedProtocol, UnicodeError, ValueError) as error:
            raise BadInput(f"not fetched: {error}") from error

    def _wait_for_turn(self, host: str) -> None:
        with self._lock:
            now = time.monotonic()
            turn = max(self._next.get(host, now), now)
            self._next[host] = turn + self._gap
        time.sleep(turn - now)


class _TookTooLong(Exception):
    """The deadline of a picture has passed, whatever its server still sends."""


class _Clock(threading.local):
    """The deadline of what a thread is fetching."""

    deadline = math.inf

    def left(self, timeout: float | None) -> float:
        """Return how long to wait for the next bytes; raises _TookTooLong where that is over."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise _TookTooLong
        return min(left, _SILENCE if timeout is None else timeout)


class _Stream(httpcore.NetworkStream):
    """A connection that gives up at the deadline, however slowly headers arrive."""

    def __init__(self, stream: httpcore.NetworkStream, clock: _Clock) -> None:
        self._stream = stream
        self._clock = clock

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        """Read what there is."""
        return self._stream.read(max_bytes, self._clock.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        """Write it all."""
        self._stream.write(buffer, self._clock.left(timeout))

    def close(self) -> None:
        """Close it."""
        self._stream.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,
    ) -> httpcore.NetworkStream:
        """Return the same connection, encrypted."""
        left = self._clock.left(timeout)
        return _Stream(self._stream.start_tls(ssl_context, server_hostname, left), self._clock)

    def get_extra_info(self, info: str) -> Any:
        """Return what is known of it."""
        return self._stream.get_extra_info(info)


class _CheckedNetwork(httpcore.NetworkBackend):
    """Connects to allowed addresses alone."""

    def __init__(
        self,
        is_allowed: Callable[[Address], bool],
        resolve: Callable[[str, int], list[str]],
        clock: _Clock,
    ) -> None:
        self._clock = clock
        self._backend = httpcore.SyncBackend()
        self._is_allowed = is_allowed
        self._resolve = resolve

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,
    ) -> httpcore.NetworkStream:
        """Connect to the first address of a host; raises BadInput where one is not allowed."""
        try:
            addresses = self._resolve(host, port)
        except (OSError, UnicodeError) as error:
            raise httpcore.ConnectError(f"{host} cannot be looked up") from error
        for address in addresses:
            if not self._is_allowed(ipaddress.ip_address(address.partition("%")[0])):
                raise BadInput(f"not fetched: {host} leads to {address}, which is not public")
        left = self._clock.left(timeout)
        stream = self._backend.connect_tcp(addresses[0], port, left, local_address, socket_options)
        return _Stream(stream, self._clock)


def _resolve(host: str, port: int) -> list[str]:
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(sockaddr[0]) for *_, sockaddr in found]


def _https(url: str) -> str:
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise BadInput(f"not fetched: {error}") from error
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise BadInput(f"not fetched: {url[:80]} is no https URL")
    if parts.username or parts.password:
        raise BadInput("not fetched: its URL holds a password")
    if parts.scheme == "http":
        parts = parts._replace(scheme="https", netloc=parts.netloc.removesuffix(":80"))
    path = quote(parts.path, safe="/%:@!$&'()*+,;=~")
    query = quote(parts.query, safe="/%:@!$&'()*+,;=~?")
    host = parts.netloc.encode("idna").decode() if not parts.netloc.isascii() else parts.netloc
    return urlunsplit((parts.scheme, host, path or "/", query, ""))


def _refuse_status(status: int, headers: dict[bytes, bytes]) -> None:
    told = f"{status} {HTTPStatus(status).phrase}" if status in _STATUSES else str(status)
    if status not in _BUSY:
        raise BadInput(f"not fetched: {told}")
    after = headers.get(b"retry-after", b"0")
    raise _TryAgain(told, min(float(after), _LONGEST_WAIT) if after.isdigit() else 0)


def _body(chunks: Iterable[bytes], headers: dict[bytes, bytes], deadline: float) -> bytes:
    said = headers.get(b"content-length", b"")
    length = int(said) if said.isdigit() else None
    body = bytearray()
    if length is None or length <= MAX_BYTES:
        for chunk in chunks:
            body += chunk
            if time.monotonic() > deadline:
                raise BadInput("not fetched: it took too long")
            if len(body) > MAX_BYTES:
                break
    if max(len(body), length or 0) > MAX_BYTES:
        raise BadInput(f"not fetched: more than {MAX_BYTES >> 20} MB")
    return bytes(body)


_HEADERS: dict[bytes | str, bytes | str] = {
    "User-Agent": f"taxalens/{version('taxalens')}",
    "Accept-Encoding": "identity",
}
_STATUSES = frozenset(map(int, HTTPStatus))
_NAT64 = ipaddress.IPv6Network("64:ff9b::/96")
