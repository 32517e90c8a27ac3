"""Refuses requests under a foreign Host or Origin, before Streamlit or any route sees them.

A page of another site may send requests to this machine; under a name that now points here (DNS
rebinding) it might even read the answers. Streamlit, asked for a web socket by a foreign page,
would look up this machine's own addresses at a server outside; it never sees such a request.
"""

from collections.abc import Sequence
from http import HTTPStatus
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.server.problems import ProblemResponse

LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Guard:
    """Middleware that lets only requests of this machine's own names and pages through."""

    def __init__(self, app: ASGIApp, hosts: Sequence[str] = LOOPBACK) -> None:
        self._app = app
        self._hosts = frozenset(hosts)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it; a web socket is refused by closing it."""
        reason = self._reason(scope) if scope["type"] in ("http", "websocket") else ""
        if not reason:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await ProblemResponse(HTTPStatus.FORBIDDEN, reason)(scope, receive, send)
        else:
            await receive()  # the request to connect
            await send({"type": "websocket.close", "code": 1008})  # policy violation

    def _reason(self, scope: Scope) -> str:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or name_of(hosts[0]) not in self._hosts:
            return "This server answers only under its own name; open it under its own address."
        if any(origin.partition("://")[2].lower() != hosts[0].lower() for origin in origins):
            return "This server answers no pages of other sites."
        return ""


def name_of(host: str) -> str:
    """Return the name or address in a Host header, without its port; "" for nonsense."""
    try:
        found = urlsplit(f"//{host}")
        _ = found.port  # raises ValueError for one that is no number
    except ValueError:
        return ""
    if found.netloc != host or "@" in host:
        return ""
    return (found.hostname or "").rstrip(".")
