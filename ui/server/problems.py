"""Errors of HTTP as problem+json (RFC 9457): a status, its title and one sentence."""

from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from http import HTTPStatus

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import BaseRoute

from model.errors import (
    CollectionError,
    EncoderMismatch,
    EncoderUnavailable,
    Error,
    UnknownName,
)

NOT_HERE = "There is nothing at this address; /api/openapi.json lists what there is."
_OWN_FAULT = "The server failed at this request; its log has the details."
_NOT_READY = (CollectionError, EncoderMismatch, EncoderUnavailable)


class ProblemResponse(JSONResponse):
    """One problem."""

    media_type = "application/problem+json"

    def __init__(
        self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        said = {
            "type": "about:blank",
            "title": status.phrase,
            "status": int(status),
            "detail": detail,
        }
        fixed = {"X-Content-Type-Options": "nosniff", "Cache-Control": "no-store"}
        super().__init__(said, int(status), fixed | dict(headers or {}))


class Problem(HTTPException):
    """Ends a request with a status and a sentence."""

    def __init__(
        self, status: HTTPStatus, detail: str, headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(int(status), detail, headers)


def application(
    routes: Sequence[BaseRoute],
    middleware: Sequence[Middleware] = (),
    lifespan: Callable[[Starlette], AbstractAsyncContextManager[None]] | None = None,
) -> Starlette:
    """Return an application of some routes, every error of which is a problem."""
    handlers = {HTTPException: _refused, Error: _failed, Exception: _broken}
    return Starlette(
        routes=routes, middleware=middleware, exception_handlers=handlers, lifespan=lifespan
    )


def status_of(error: Error) -> HTTPStatus:
    """Return the status of an error: what was asked is wrong, or the collection cannot answer."""
    if isinstance(error, _NOT_READY):
        return HTTPStatus.SERVICE_UNAVAILABLE
    return HTTPStatus.NOT_FOUND if isinstance(error, UnknownName) else HTTPStatus.BAD_REQUEST


async def _refused(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, HTTPException)
    status = HTTPStatus(error.status_code)
    detail = error.detail
    if not isinstance(error, Problem):
        detail = NOT_HERE if status == HTTPStatus.NOT_FOUND else f"{status.description}."
    return ProblemResponse(status, detail, error.headers)


async def _failed(request: Request, error: Exception) -> ProblemResponse:
    assert isinstance(error, Error)
    return ProblemResponse(status_of(error), str(error))


async def _broken(request: Request, error: Exception) -> ProblemResponse:
    return ProblemResponse(HTTPStatus.INTERNAL_SERVER_ERROR, _OWN_FAULT)
