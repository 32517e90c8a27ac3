"""The operations as tools of assistants: the Model Context Protocol on stdin and stdout."""

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

import anyio
import mcp_types as types
from mcp.server.context import ServerRequestContext
from mcp.server.lowlevel import Server
from mcp.server.stdio import stdio_server

from indexer.ingest.identifications import identify_as
from indexer.inputs.thumbnails import thumbnail_of
from model.errors import BadInput, Error, UnknownName, did_you_mean
from ui.server.current import CurrentCollection
from ui.server.operations import NEEDED, Operation, Reply, Upload, object_schema
from ui.server.parameters import Parameter, Values, read_arguments
from ui.server.questions import IMAGE, operations

METHOD = "assistant"
_INSTRUCTIONS = (
    "A collection of organism images: search it by name, text or picture, identify pictures by it "
    "and look at its images. Scores are cosines; labels are what people say, machine labels what "
    "machines do. The sentence `absence` says that nothing here is what was asked for."
)
_PICTURES = Parameter("image", "The path of a picture on this machine.", many=True)
LABEL = (
    Parameter("id", "The id of an image; all of them, one each.", many=True),
    Parameter("label", "What they show; without it an earlier machine label is taken back."),
    Parameter("confidence", "How likely it is right.", float, None, 0, 1),
    Parameter("remarks", "Why."),
)
Context = ServerRequestContext[Any]


@dataclass(frozen=True, slots=True)
class Tool:
    """A tool: what it takes, and what answers it."""

    name: str
    about: str
    parameters: tuple[Parameter, ...]
    answer: Callable[[Values, str], types.CallToolResult]
    """of the values of its arguments and the name of the assistant"""
    output: dict[str, Any] | None = None
    writes: bool = False

    def described(self) -> types.Tool:
        """Return what the assistant is told of it."""
        properties = {
            each.name: each.schema() | {"description": each.about} for each in self.parameters
        }
        needed = [each.name for each in self.parameters if each.needed]
        taken = object_schema(properties) | {"required": needed}
        hints = types.ToolAnnotations(
            read_only_hint=not self.writes, destructive_hint=False, open_world_hint=False
        )
        return types.Tool(
            name=self.name,
            description=self.about,
            input_schema=taken,
            output_schema=self.output,
            annotations=hints,
        )


def tools_of(current: CurrentCollection, write: bool) -> tuple[Tool, ...]:
    """Return the tools over a collection; one of them labels images where that is allowed."""
    picture = Tool(
        "picture",
        "Look at an image: a small picture of it.",
        IMAGE,
        lambda values, _: _shown(current, values["id"]),
    )
    label = Tool(
        "label",
        "Say as a machine what images show; people's labels stay and go before it.",
        LABEL,
        lambda values, by: _labelled(current, values, by),
        _output(object_schema({"labelled": {"type": "integer"}})),
        writes=True,
    )
    reading = [*map(_tool_of, operations(current)), picture]
    return (*reading, label) if write else tuple(reading)


def serve_assistant(collection: Path, write: bool, exact_places: bool = False) -> None:
    """Answer an assistant until its stdin ends."""
    current = CurrentCollection(collection, exact_places)

    async def answering() -> None:
        server = server_of(tools_of(current, write))
        async with stdio_server() as (incoming, outgoing):
            await server.run(incoming, outgoing, server.create_initialization_options())

    try:
        anyio.run(answering)
    finally:
        current.close()


def server_of(tools: Sequence[Tool]) -> Server[Any]:
    """Return the server of some tools; each call works in a thread."""
    by_name = {each.name: each for each in tools}

    async def listed(
        context: Context, asked: types.PaginatedRequestParams | None
    ) -> types.ListToolsResult:
        return types.ListToolsResult(tools=[each.described() for each in tools])

    async def called(context: Context, asked: types.CallToolRequestParams) -> types.CallToolResult:
        who = context.session.client_params
        by = who.client_info.name if who else METHOD
        return await anyio.to_thread.run_sync(
            _call, by_name, asked.name, dict(asked.arguments or {}), by
        )

    return Server(
        "taxalens",
        version=version("taxalens"),
        instructions=_INSTRUCTIONS,
        on_list_tools=listed,
        on_call_tool=called,
    )


def _call(
    tools: Mapping[str, Tool], name: str, arguments: Mapping[str, Any], by: str
) -> types.CallToolResult:
    """Answer a call; an error is an answer that the assistant can mend its call by."""
    try:
        if name not in tools:
            raise UnknownName(f"There is no tool {name!r}.{did_you_mean(name, tools)}")
        tool = tools[name]
        return tool.answer(read_arguments(tool.parameters, arguments), by)
    except Error as error:
        return types.CallToolResult(content=[types.TextContent(text=str(error))], is_error=True)


def _tool_of(operation: Operation) -> Tool:
    def answer(values: Values, _: str) -> types.CallToolResult:
        paths = values.pop("image", ())
        if operation.pictures == NEEDED and not paths:
            raise BadInput(f"image is missing: {_PICTURES.about}")
        return _result(operation.answer(values, [_read(Path(each)) for each in paths]))

    pictures = (_PICTURES,) if operation.pictures else ()
    return Tool(
        operation.name,
        operation.about,
        (*pictures, *operation.parameters),
        answer,
        _output(operation.schema),
    )


def _output(rows: Mapping[str, Any]) -> dict[str, Any]:
    said = {"type": "object", "additionalProperties": {"type": "string"}}
    return object_schema({"rows": dict(rows), "said": said})


def _result(reply: Reply) -> types.CallToolResult:
    said = {name: sentence for name, sentence in reply.said.items() if sentence}
    told = {"rows": reply.rows, "said": said}
    text = types.TextContent(text=json.dumps(told, ensure_ascii=False))
    return types.CallToolResult(content=[text], structured_content=told)


def _read(path: Path) -> Upload:
    try:
        return Upload(path.name, path.read_bytes())
    except OSError as error:
        raise BadInput(f"{path} cannot be read: {error.strerror}.") from error


def _shown(current: CurrentCollection, image_id: str) -> types.CallToolResult:
    jpeg = thumbnail_of(current.get()[image_id].image())
    data = base64.b64encode(jpeg).decode()
    picture = types.ImageContent(data=data, mime_type="image/jpeg")
    return types.CallToolResult(content=[picture])


def _labelled(current: CurrentCollection, values: Values, by: str) -> types.CallToolResult:
    opened = current.get()
    ids = dict.fromkeys(values["id"])
    if not ids:
        raise BadInput("id is missing: name at least one image.")
    for each in ids:
        if each not in opened:
            raise UnknownName(f"{current.folder} has no image with the id {each!r}.")
    identify_as(
        current.folder,
        list(ids),
        values["label"] or "",
        by=by,
        method=METHOD,
        confidence=values["confidence"],
        remarks=values["remarks"] or "",
    )
    return _result(Reply({"labelled": len(ids)}))
