"""Every route that is ours, beside the page's own or alone."""

from starlette.routing import Mount, Router
from starlette.types import ASGIApp, Receive, Scope, Send

from ui.server.current import CurrentCollection
from ui.server.pictures import Pictures


def routes_of(current: CurrentCollection) -> list[Mount]:
    """Return the routes over a collection."""
    return Pictures(current).mounts()


class Beside:
    """Middleware that answers our routes itself and leaves the others to the page.

    Among the page's routes they would lie behind Streamlit's middleware, which answers some paths
    with errors of its own and compresses pictures.
    """

    def __init__(self, app: ASGIApp, current: CurrentCollection) -> None:
        self._app = app
        self._router = Router(routes_of(current), default=app, redirect_slashes=False)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request, or pass it on."""
        answering = self._router if scope["type"] == "http" else self._app
        await answering(scope, receive, send)
