"""The HTTP API: operations as routes below /api, answered as `--format json` writes them."""

from collections.abc import Sequence
from http import HTTPStatus
from pathlib import PurePosixPath
from urllib.parse import quote, urlencode

import anyio
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from model.errors import BadInput, UnknownName
from ui.server.limits import Limits
from ui.server.openapi import document
from ui.server.operations import NEEDED, POSSIBLE, Operation, Reply, Upload
from ui.server.parameters import Values, read_query
from ui.server.problems import NOT_HERE, Problem

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Resource-Policy": "same-origin",
}
FIELD = "image"  # of a form that brings pictures


class Api:
    """Answers operations over HTTP, each in a thread."""

    def __init__(self, operations: Sequence[Operation], limits: Limits) -> None:
        self._operations = operations
        self._limits = limits
        self._working = anyio.CapacityLimiter(limits.at_once)

    def routes(self) -> list[Route]:
        """Return the routes below /api."""
        return [*map(self._route, self._operations), Route("/api/openapi.json", self._document)]

    def _route(self, operation: Operation) -> Route:
        async def asked(request: Request) -> Response:
            pictures = await self._uploads(request) if request.method == "POST" else []
            return await self._answer(operation, request, pictures)

        path = "/api" + operation.path.replace("{key}", "{key:path}")
        methods = {NEEDED: ["POST"], POSSIBLE: ["GET", "POST"]}.get(operation.pictures, ["GET"])
        return Route(path, asked, methods=methods)

    async def _answer(
        self, operation: Operation, request: Request, pictures: Sequence[Upload]
    ) -> Response:
        if "" in request.path_params.values():
            raise Problem(HTTPStatus.NOT_FOUND, NOT_HERE)
        given = [*request.path_params.items(), *request.query_params.multi_items()]
        values = read_query(operation.parameters, given)
        working = self._working.statistics()
        if working.borrowed_tokens == working.total_tokens and (
            working.tasks_waiting >= self._limits.waiting
        ):
            detail = f"{self._limits.waiting} questions are waiting already; ask again later."
            raise Problem(HTTPStatus.TOO_MANY_REQUESTS, detail, {"Retry-After": "1"})
        try:
            reply = await anyio.to_thread.run_sync(
                operation.answer, values, pictures, limiter=self._working
            )
        except UnknownName as error:
            if request.path_params:
                raise
            raise BadInput(str(error)) from error  # a parameter names it, not the address
        return JSONResponse(reply.rows, headers=_HEADERS | _said(reply, operation, values, request))

    async def _uploads(self, request: Request) -> list[Upload]:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "multipart/form-data":
            detail = f"Send pictures as multipart/form-data, in fields called {FIELD}."
            raise Problem(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, detail)
        most = self._limits.pictures
        async with request.form(max_files=most, max_fields=0) as form:
            fields = form.multi_items()
            if not fields or any(
                name != FIELD or not isinstance(each, UploadFile) for name, each in fields
            ):
                raise BadInput(f"Send 1 to {most} pictures in fields called {FIELD}, and no other.")
            files = [each for _, each in fields if isinstance(each, UploadFile)]
            return [Upload(_name(each.filename), await each.read()) for each in files]

    async def _document(self, request: Request) -> Response:
        return JSONResponse(document(self._operations, self._limits), headers=_HEADERS)


def _said(reply: Reply, operation: Operation, values: Values, request: Request) -> dict[str, str]:
    """Return as headers what is said beside the rows: the sentences, and the next page."""
    headers = {
        f"Taxalens-{name.capitalize()}": quote(sentence, safe=" ,;:()'\"/=")
        for name, sentence in reply.said.items()
        if sentence
    }
    if reply.is_full and request.method == "GET":
        headers["Link"] = f'<{_next_page(operation, values, request)}>; rel="next"'
    return headers


def _next_page(operation: Operation, values: Values, request: Request) -> str:
    given = [each for each in request.query_params.multi_items() if each[0] != "skip"]
    following = values["skip"] + values["k"]
    return f"/api{operation.path}?{urlencode([*given, ('skip', following)])}"


def _name(written: str | None) -> str:
    """Return the last part of what a file is called, as Windows or others write it."""
    name = PurePosixPath((written or "").replace("\\", "/")).name
    return "".join(each for each in name if each.isprintable())[-200:] or "picture"
