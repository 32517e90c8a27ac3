"""The server without the page: the API and the pictures, beyond this machine only with a token."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager, suppress
from ipaddress import ip_address
from pathlib import Path

import uvicorn
from starlette.applications import Starlette
from starlette.middleware import Middleware

from model.errors import BadInput, Error
from ui.server import problems
from ui.server.current import CurrentCollection
from ui.server.guard import LOOPBACK, Access, Guard
from ui.server.limits import Limited, Limits
from ui.server.routes import routes_of

SHORTEST = 16  # characters of a token
_HEAD = 4_000_000  # bytes of a request before its body; a longer address is refused by Limits
DEFAULT_LIMITS = Limits()


def run_alone(
    folder: Path, host: str, port: int, access: Access, exact_places: bool = False
) -> None:
    """Serve a collection until Ctrl-C, with the exact places of threatened species or without."""
    with suppress(KeyboardInterrupt):
        uvicorn.run(
            application(CurrentCollection(folder, exact_places), access),
            host=host,
            port=port,
            ws="none",
            access_log=False,
            log_level="warning",
            proxy_headers=False,  # an address that a client invents is not counted as one
            server_header=False,
            http="h11",
            h11_max_incomplete_event_size=_HEAD,  # uvicorn's own refusal is no problem+json
        )


def application(
    current: CurrentCollection, access: Access, limits: Limits = DEFAULT_LIMITS
) -> Starlette:
    """Return the server as an ASGI application."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        yield
        current.close()

    around = [Middleware(Guard, access=access), Middleware(Limited, limits=limits)]
    return problems.application(routes_of(current, limits), around, lifespan)


def access_of(host: str, names: Sequence[str], token: str) -> Access:
    """Return who may ask a server at an address; raises Error for other machines without a token.

    `names` are others that clients know this machine by.
    """
    if not _is_loopback(host) and not token:
        raise Error(
            f"At {host} other machines could ask this one: pass a file with a token, "
            "--token-file FILE, or leave --host out."
        )
    if token and (len(token) < SHORTEST or not token.isascii() or not token.isprintable()):
        raise Error(f"A token is {SHORTEST} ASCII characters or more; make a random one.")
    known = tuple(each.lower() for each in (*LOOPBACK, host, *names))
    return Access(known, host in ("0.0.0.0", "::"), token)


def read_token(file: Path) -> str:
    """Return the token in a file, without the space around it; raises BadInput."""
    try:
        token = file.read_text("utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        raise BadInput(f"The token cannot be read from {file}: {error}.") from error
    if not token:
        raise BadInput(f"{file} is empty; write a token into it.")
    return token


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
