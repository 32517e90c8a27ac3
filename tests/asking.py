"""Requests of HTTP as a program writes them, any header and any body, and their answers."""

import http.client
import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

_EDGE = "edge-of-a-part"


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]
    """by name in small letters"""
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)

    @property
    def type(self) -> str:
        return self.headers.get("content-type", "")


def ask(
    url: str,
    path: str,
    method: str = "GET",
    headers: Mapping[str, str] | None = None,
    body: bytes | None = None,
) -> Answer:
    """Send one request on a connection of its own."""
    door = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
    try:
        door.request(method, path, body, dict(headers or {}))
        answer = door.getresponse()
        known = {name.lower(): value for name, value in answer.getheaders()}
        return Answer(answer.status, known, answer.read())
    finally:
        door.close()


def post(url: str, path: str, pictures: Mapping[str, bytes], field: str = "image") -> Answer:
    """Send pictures by their names, as a form does."""
    parts = [
        f'--{_EDGE}\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n'
        f"Content-Type: application/octet-stream\r\n\r\n".encode()
        + data
        + b"\r\n"
        for name, data in pictures.items()
    ]
    body = b"".join(parts) + f"--{_EDGE}--\r\n".encode()
    return ask(url, path, "POST", {"Content-Type": f"multipart/form-data; boundary={_EDGE}"}, body)


def problem(answer: Answer, status: int) -> str:
    """Check that an answer is a problem of that status, and return its sentence."""
    assert answer.type == "application/problem+json", answer
    said = answer.json
    assert (answer.status, said["status"], said["type"]) == (status, status, "about:blank")
    assert said["title"]
    assert str(said["detail"]).endswith((".", "?")), said
    return str(said["detail"])
