"""Every route that is ours, and the middleware that puts them beside the page's."""

from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.server.api import Api
from ui.server.current import CurrentCollection
from ui.server.limits import Limited, Limits
from ui.server.pictures import Pictures
from ui.server.problems import application
from ui.server.questions import operations

_OURS = ("api", "thumb", "original")  # how the paths of our routes begin


def routes_of(current: CurrentCollection, limits: Limits) -> list[Route]:
    """Return the routes over a collection."""
    return [*Api(operations(current), limits).routes(), *Pictures(current).routes()]


class Beside:
    """Middleware that answers our routes itself and leaves the others to the page.

    Among the page's routes they would lie behind Streamlit's middleware, which answers some paths
    with errors of its own and compresses pictures; and a path that is none of them would get the
    page.
    """

    def __init__(self, app: ASGIApp, current: CurrentCollection, limits: Limits) -> None:
        self._page = app
        self._ours = Limited(application(routes_of(current, limits)), limits)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        is_ours = scope["type"] == "http" and scope["path"].split("/")[1] in _OURS
        await (self._ours if is_ours else self._page)(scope, receive, send)
