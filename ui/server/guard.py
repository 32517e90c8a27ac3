"""Refuses foreign requests before Streamlit or any route sees them: by Host, Origin and token.

A page of another site may send requests to this machine; under a name that now points here (DNS
rebinding) it might even read the answers. Streamlit, asked for a web socket by a foreign page,
would look up this machine's own addresses at a server outside; it never sees such a request.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from http import HTTPStatus
from ipaddress import ip_address
from urllib.parse import urlsplit

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.server.problems import ProblemResponse

LOOPBACK = ("127.0.0.1", "localhost", "::1")
_FOREIGN_HOST = "This server does not have the name in Host; open it under its own address."
_FOREIGN_PAGE = "This server answers no pages of other sites."
_NO_TOKEN = "Send the token of this server as Authorization: Bearer TOKEN."


@dataclass(frozen=True, slots=True)
class Access:
    """Who may ask."""

    hosts: Sequence[str] = LOOPBACK
    """the names and addresses that a request may be addressed to"""
    any_address: bool = False
    """whether any address may be in Host: only names can be rebound"""
    token: str = ""
    """what every request must send; "" on this machine only"""

    def names(self, host: str) -> bool:
        """Whether a Host header, with or without a port, is this server's own."""
        name = _name_of(host)
        return name in self.hosts or (self.any_address and _is_address(name))

    def knows(self, authorization: str) -> bool:
        """Whether an Authorization header bears the token, in a time that tells nothing of it."""
        scheme, _, given = authorization.partition(" ")
        is_same = hmac.compare_digest(given.strip().encode(), self.token.encode())
        return not self.token or (scheme.lower() == "bearer" and is_same)


THIS_MACHINE = Access()


class Guard:
    """Middleware that lets only requests through that its access allows."""

    def __init__(self, app: ASGIApp, access: Access = THIS_MACHINE) -> None:
        self._app = app
        self._access = access

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, or refuse it; a web socket is refused by closing it."""
        refusal = self._refusal(scope) if scope["type"] in ("http", "websocket") else None
        if refusal is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "http":
            await refusal(scope, receive, send)
        else:
            await receive()  # the request to connect
            await send({"type": "websocket.close", "code": 1008})  # policy violation

    def _refusal(self, scope: Scope) -> ProblemResponse | None:
        headers = Headers(scope=scope)
        hosts, origins = headers.getlist("host"), headers.getlist("origin")
        if len(hosts) != 1 or not self._access.names(hosts[0]):
            return ProblemResponse(HTTPStatus.FORBIDDEN, _FOREIGN_HOST)
        if any(origin.partition("://")[2].lower() != hosts[0].lower() for origin in origins):
            return ProblemResponse(HTTPStatus.FORBIDDEN, _FOREIGN_PAGE)
        if not self._access.knows(headers.get("authorization", "")):
            asks = {"WWW-Authenticate": "Bearer"}
            return ProblemResponse(HTTPStatus.UNAUTHORIZED, _NO_TOKEN, asks)
        return None


def _name_of(host: str) -> str:
    """Return the name or address in a Host header, without its port; "" for nonsense."""
    try:
        found = urlsplit(f"//{host}")
        _ = found.port  # raises ValueError for one that is no number
    except ValueError:
        return ""
    if found.netloc != host or "@" in host:
        return ""
    return (found.hostname or "").rstrip(".")


def _is_address(name: str) -> bool:
    try:
        return bool(ip_address(name))
    except ValueError:
        return False
