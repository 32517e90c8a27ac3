"""Operations: questions over HTTP and of assistants, each described once."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa

from ui.server.parameters import Parameter, Values

NEEDED, POSSIBLE = "needed", "possible"


@dataclass(frozen=True, slots=True)
class Upload:
    """A picture that came with a request."""

    name: str
    """the last part of what its file is called elsewhere; never a path here"""
    data: bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: what the command line writes to stdout as JSON, and what to stderr."""

    rows: Any
    said: Mapping[str, str] = field(default_factory=dict)
    """sentences beside the answer, by a word for each: how the query was understood, …"""
    is_full: bool = False
    """whether there may be a next page"""


@dataclass(frozen=True, slots=True)
class Operation:
    """A question: its words, what it takes, and what answers it."""

    name: str
    path: str
    about: str
    parameters: tuple[Parameter, ...]
    answer: Callable[[Values, Sequence[Upload]], Reply]
    schema: Mapping[str, Any]
    """the JSON Schema of the rows of its answer"""
    pictures: str = ""
    """NEEDED or POSSIBLE, where it is asked with pictures"""


def row_schema(schema: pa.Schema) -> dict[str, Any]:
    """Return the JSON Schema of a row as `--format json` writes it; any value may be missing."""
    kinds = {each.name: [_JSON_TYPES[each.type], "null"] for each in schema}
    return object_schema({name: {"type": kind} for name, kind in kinds.items()})


def object_schema(properties: Mapping[str, Any]) -> dict[str, Any]:
    """Return the JSON Schema of an object that has these properties and no others."""
    return {
        "type": "object",
        "properties": dict(properties),
        "required": list(properties),
        "additionalProperties": False,
    }


_JSON_TYPES = {pa.string(): "string", pa.float64(): "number", pa.int64(): "integer"}
