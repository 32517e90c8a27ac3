"""Pictures by image id: /thumb/{image_id}?size=320 and /original/{image_id}."""

from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from http import HTTPStatus
from pathlib import Path

from PIL import Image
from starlette.requests import Request
from starlette.responses import FileResponse, Response
from starlette.routing import Route

from indexer.catalog.sensitive_places import hides_place
from indexer.inputs.decoding import FORMATS, SIDE, decode
from indexer.inputs.thumbnails import thumbnail_of
from model.errors import BadInput
from search.collection import Collection
from search.hits import Hit
from ui.server.current import CurrentCollection
from ui.server.problems import Problem

DEFAULT_SIZE = 320  # pixels of the longest side, as thumbnails are kept
SMALLEST, LARGEST = 16, SIDE
ZOOMED = 4096  # pixels of the longest side of an original that was converted
MOST_KEPT = 4000  # thumbnails in memory, about 60 MB
SHOWN_BY_BROWSERS = {
    "JPEG": "image/jpeg",
    "PNG": "image/png",
    "WEBP": "image/webp",
    "GIF": "image/gif",
    "BMP": "image/bmp",
    "AVIF": "image/avif",
    "MPO": "image/jpeg",
}
# An id stands for its content for ever. A picture is data: no browser runs a part of it, and no
# page of another site shows it.
_HEADERS = {
    "Cache-Control": "private, max-age=86400",
    "X-Content-Type-Options": "nosniff",
    "Content-Security-Policy": "default-src 'none'; sandbox",
    "Cross-Origin-Resource-Policy": "same-origin",
}


@dataclass(frozen=True, slots=True)
class _Picture:
    """An image as its file was last changed: an index into the thumbnails in memory."""

    image_id: str
    modified: int
    """ns since 1970; 0 where a thumbnail is kept, which never changes"""
    hit: Hit = field(compare=False)

    def etag(self, size: int) -> str:
        """Return the tag of it at a size, 0 for the original."""
        return f'"{self.image_id}-{self.modified:x}-{size}"'


class Pictures:
    """The pictures of a collection, as HTTP gives them."""

    def __init__(self, current: CurrentCollection) -> None:
        self._current = current
        self._known: tuple[Collection, Callable[[str], Hit]] | None = None
        self._small = lru_cache(MOST_KEPT)(_small)

    def routes(self) -> list[Route]:
        """Return the two routes; Starlette runs each request in a thread."""
        return [
            Route("/thumb/{image_id}", self.thumbnail),
            Route("/original/{image_id}", self.original),
        ]

    def thumbnail(self, request: Request) -> Response:
        """Return a JPEG, its longest side at most `size` pixels."""
        size = _size(request.query_params.get("size", str(DEFAULT_SIZE)))
        picture = self._picture(request, lambda hit: None if hit.thumbnail else hit.path)
        headers = _HEADERS | {"ETag": picture.etag(size)}
        if _is_known(request, headers):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        with _gone(picture.hit):
            return Response(self._small(picture, size), media_type="image/jpeg", headers=headers)

    def original(self, request: Request) -> Response:
        """Return its file as it is, or as a JPEG where browsers do not show such a file.

        That JPEG has no metadata, and so it is what is shown of a threatened species, too.

        Of a part of a photograph that is the photograph; of what is no file on this machine it is
        the thumbnail.
        """
        picture = self._picture(request, _file_of)
        headers = _HEADERS | {"ETag": picture.etag(0)}
        if _is_known(request, headers):
            return Response(status_code=HTTPStatus.NOT_MODIFIED, headers=headers)
        path = _file_of(picture.hit)
        with _gone(picture.hit):
            hidden = hides_place(self._current.get().snapshot, picture.hit.metadata)
            if path and not hidden and (kind := _media_type(path)):
                return FileResponse(path, media_type=kind, headers=headers, stat_result=path.stat())
            data = path.read_bytes() if path else picture.hit.read()
            made = converted(data, path.name if path else "")
            return Response(made, media_type="image/jpeg", headers=headers)

    def _picture(self, request: Request, file_of: Callable[[Hit], Path | None]) -> _Picture:
        hit = self._hit(request.path_params["image_id"])
        path = file_of(hit)
        with _gone(hit):
            return _Picture(hit.image_id, path.stat().st_mtime_ns if path else 0, hit)

    def _hit(self, image_id: str) -> Hit:
        """Look an image up, once in a generation."""
        collection, known = self._current.get(), self._known
        if known is None or known[0] is not collection:
            known = self._known = collection, lru_cache(MOST_KEPT)(collection.look_up)
        return known[1](image_id)


def converted(data: bytes, name: str) -> bytes:
    """Return a picture as a JPEG without metadata, its longest side at most ZOOMED pixels."""
    return thumbnail_of(decode(data, name=name, side=ZOOMED).image, ZOOMED)


def _file_of(hit: Hit) -> Path | None:
    """Return the file on this machine that an image is, or is a part of."""
    if hit.url or hit.path is None or (hit.thumbnail and not hit.path.is_file()):
        return None
    return hit.path


def _small(picture: _Picture, size: int) -> bytes:
    return thumbnail_of(picture.hit.image(size), size)


def _size(written: str) -> int:
    if written.isascii() and written.isdecimal() and SMALLEST <= int(written[:9]) <= LARGEST:
        return int(written)
    raise Problem(
        HTTPStatus.BAD_REQUEST,
        f"The size of a thumbnail is {SMALLEST} to {LARGEST} pixels, not {written[:40]!r}.",
    )


def _media_type(path: Path) -> str:
    """Return the type of a file that browsers show, by its content; "" for any other."""
    try:
        with Image.open(path, formats=FORMATS) as opened:
            return SHOWN_BY_BROWSERS.get(opened.format or "", "")
    except OSError:
        return ""  # a format that only `decode` reads, or no picture


def _is_known(request: Request, headers: Mapping[str, str]) -> bool:
    """Whether the browser has this version (RFC 9110, 13.1.2)."""
    given = request.headers.get("if-none-match", "")
    known = [each.strip().removeprefix("W/") for each in given.split(",")]
    return headers["ETag"] in known or known == ["*"]


@contextmanager
def _gone(hit: Hit) -> Iterator[None]:
    """Answer 410 for an image whose picture cannot be read any more."""
    try:
        yield
    except (BadInput, OSError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error).rstrip(".")
        detail = f"The picture {hit.file_name} cannot be read any more: {reason}."
        raise Problem(HTTPStatus.GONE, detail) from error
