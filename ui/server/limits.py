"""Limits of requests: their rate by address, the size of what they bring, and how many work."""

import math
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from ui.server.problems import Problem, ProblemResponse

_MOST_ADDRESSES = 10_000  # that are remembered before those at rest are forgotten


@dataclass(frozen=True, slots=True)
class Limits:
    """How much clients may ask."""

    requests: int = 1200
    """a minute and address, of the API; as many may come at once"""
    upload: int = 50_000_000
    """bytes of one request"""
    address: int = 65_536
    """bytes of an address with its parameters"""
    pictures: int = 32
    """of one request"""
    at_once: int = 4
    """questions that are answered at the same time; others wait"""
    waiting: int = 200
    """questions that wait; one more is refused"""


class Rate:
    """The rate of requests by address (generic cell rate algorithm): one number each."""

    def __init__(self, a_minute: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._apart = 60 / a_minute  # seconds between requests at an even pace
        self._clock = clock
        self._due: dict[str, float] = {}

    def seconds_to_wait(self, address: str) -> float:
        """Count a request, and return 0; or return when the address may ask again."""
        now = self._clock()
        due = max(self._due.get(address, now), now)
        if due - now > 60 - self._apart:
            return due - now - 60 + self._apart
        if len(self._due) >= _MOST_ADDRESSES:
            self._due = {each: time for each, time in self._due.items() if time > now}
        self._due[address] = due + self._apart
        return 0.0


class Limited:
    """Middleware that refuses requests of the API which come too often, or bring too much."""

    def __init__(self, app: ASGIApp, limits: Limits) -> None:
        self._app = app
        self._limits = limits
        self._rate = Rate(limits.requests)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, whose body is counted as it is read, or refuse it."""
        if scope["type"] != "http" or not scope["path"].startswith("/api/"):
            await self._app(scope, receive, send)
            return
        if refused := self._refusal(scope):
            await refused(scope, receive, send)
            return
        await self._app(scope, self._counted(receive), send)

    def _refusal(self, scope: Scope) -> ProblemResponse | None:
        """Count a request by its address, and return why it is refused; None where it is not."""
        client = scope.get("client")
        wait = self._rate.seconds_to_wait(client[0] if client else "")
        if wait:
            seconds = math.ceil(wait)
            detail = f"More than {self._limits.requests} requests a minute; wait {seconds} s."
            when = {"Retry-After": str(seconds)}
            return ProblemResponse(HTTPStatus.TOO_MANY_REQUESTS, detail, when)
        if len(scope.get("raw_path", b"")) + len(scope["query_string"]) > self._limits.address:
            detail = f"An address has at most {self._limits.address:,} bytes; ask for less at once."
            return ProblemResponse(HTTPStatus.REQUEST_URI_TOO_LONG, detail)
        written = Headers(scope=scope).get("content-length", "0")
        if not written.isdecimal() or int(written[:15]) > self._limits.upload:
            return ProblemResponse(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_large())
        return None

    def _counted(self, receive: Receive) -> Receive:
        left = self._limits.upload

        async def counted() -> Message:
            nonlocal left
            message = await receive()
            left -= len(message.get("body", b""))
            if left < 0:
                raise Problem(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, self._too_large())
            return message

        return counted

    def _too_large(self) -> str:
        return f"A request brings at most {self._limits.upload:,} bytes; send fewer pictures."
