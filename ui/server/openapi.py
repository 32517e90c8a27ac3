"""The OpenAPI document of the API and the pictures, from the operations themselves."""

from collections.abc import Sequence
from importlib.metadata import version
from typing import Any

from ui.server.limits import Limits
from ui.server.operations import NEEDED, POSSIBLE, Operation, object_schema
from ui.server.parameters import Parameter
from ui.server.pictures import DEFAULT_SIZE, LARGEST, SHOWN_BY_BROWSERS, SMALLEST

_PROBLEM = object_schema(
    {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
    }
)
_PROBLEMS = {
    "400": "What was asked cannot be understood.",
    "401": "The token is missing or wrong.",
    "403": "The Host or Origin is not this server's own.",
    "404": "Nothing has this key or id.",
    "405": "The address is asked in another way.",
    "410": "The picture cannot be read any more.",
    "413": "The request brings too much.",
    "414": "The address is too long.",
    "415": "The pictures are not sent as multipart/form-data.",
    "429": "Too many requests; Retry-After says how many seconds to wait.",
    "503": "There is no collection, or its encoder cannot be loaded.",
}
_HEADERS = {
    "Taxalens-Meaning": "How the query was understood, percent-encoded UTF-8.",
    "Taxalens-Absence": "A sentence where nothing here is what was asked for, likewise.",
    "Taxalens-Labelled": "The number of images whose label matches, shown or not.",
    "Taxalens-Notes": "How far the answers can be trusted, likewise.",
    "Link": "The next page, as rel=next.",
}


def document(operations: Sequence[Operation], limits: Limits) -> dict[str, Any]:
    """Return the document, OpenAPI 3.1."""
    paths = {f"/api{each.path}": _ways(each, limits) for each in operations}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "taxalens",
            "version": version("taxalens"),
            "description": "Search the tree of life by name, by picture and by example.",
            "license": {"name": "MIT", "identifier": "MIT"},
        },
        "paths": paths | _PICTURES,
        "components": {
            "schemas": {"Problem": _PROBLEM},
            "responses": {status: _problem(about) for status, about in _PROBLEMS.items()},
            "securitySchemes": {"token": {"type": "http", "scheme": "bearer"}},
        },
        "security": [{}, {"token": []}],
    }


def _ways(operation: Operation, limits: Limits) -> dict[str, Any]:
    in_path = operation.path.partition("{")[2].rstrip("}")
    way = {
        "operationId": operation.name,
        "summary": operation.about,
        "parameters": [_parameter(each, each.name == in_path) for each in operation.parameters],
        "responses": _responses("application/json", operation.schema, _HEADERS),
    }
    brought = way | {"operationId": f"{operation.name}Pictures", "requestBody": _body(limits)}
    ways = {NEEDED: {"post": brought}, POSSIBLE: {"get": way, "post": brought}}
    return ways.get(operation.pictures, {"get": way})


def _parameter(parameter: Parameter, in_path: bool) -> dict[str, Any]:
    described = {
        "name": parameter.name,
        "in": "path" if in_path else "query",
        "description": parameter.about,
        "schema": parameter.schema(),
    }
    return described | ({"required": True} if parameter.needed else {})


def _body(limits: Limits) -> dict[str, Any]:
    picture = {"type": "string", "format": "binary"}
    several = {"type": "array", "items": picture, "minItems": 1, "maxItems": limits.pictures}
    form = object_schema({"image": several})
    return {"required": True, "content": {"multipart/form-data": {"schema": form}}}


def _responses(kind: str, schema: Any, headers: dict[str, str]) -> dict[str, Any]:
    described = {
        name: {"description": about, "schema": {"type": "string"}}
        for name, about in headers.items()
    }
    answer = {"description": "The answer.", "content": {kind: {"schema": schema}}}
    problems = {each: {"$ref": f"#/components/responses/{each}"} for each in _PROBLEMS}
    return {"200": answer | {"headers": described}, **problems}


def _problem(about: str) -> dict[str, Any]:
    schema = {"$ref": "#/components/schemas/Problem"}
    return {"description": about, "content": {"application/problem+json": {"schema": schema}}}


_ID = {"name": "id", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}
_BYTES = {"type": "string", "format": "binary"}
_SIZE = {
    "name": "size",
    "in": "query",
    "description": "Pixels of the longest side.",
    "schema": {
        "type": "integer",
        "minimum": SMALLEST,
        "maximum": LARGEST,
        "default": DEFAULT_SIZE,
    },
}
_UNCHANGED = {"304": {"description": "The picture of If-None-Match is still the current one."}}
_THUMB = {
    "operationId": "thumb",
    "summary": "Show a small picture of an image.",
    "parameters": [_ID, _SIZE],
    "responses": _responses("image/jpeg", _BYTES, {}) | _UNCHANGED,
}
_WHOLE = _responses("image/jpeg", _BYTES, {}) | _UNCHANGED
_WHOLE["200"]["content"] = {kind: {"schema": _BYTES} for kind in SHOWN_BY_BROWSERS.values()}
_ORIGINAL = {
    "operationId": "original",
    "summary": "Show the file of an image, converted where browsers do not show it.",
    "parameters": [_ID],
    "responses": _WHOLE,
}
_PICTURES = {"/thumb/{id}": {"get": _THUMB}, "/original/{id}": {"get": _ORIGINAL}}
