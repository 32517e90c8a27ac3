"""The page in one process with our routes: Streamlit's server, on this machine only."""

import gc
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import streamlit as st
from starlette.middleware import Middleware

from ui.options import EXACT_PLACES
from ui.server.current import current_collection
from ui.server.guard import Guard
from ui.server.limits import Limits
from ui.server.routes import Beside

# Streamlit listens on all interfaces, counts its users and believes any Host header unless told
# otherwise. What is set here no `.streamlit/config.toml` of the current folder can undo.
SETTINGS = {
    "server.address": "127.0.0.1",
    "server.allowedHosts": ["127.0.0.1", "localhost"],  # against DNS rebinding, as Guard
    "server.baseUrlPath": "",
    "server.enableCORS": True,  # refuses the web sockets of other sites
    "server.enableXsrfProtection": True,
    "server.xsrfCookieSameSite": "strict",
    "server.enableStaticServing": False,
    "server.enableAgentApi": False,
    "server.maxUploadSize": 50,  # MB
    "server.fileWatcherType": "none",
    "server.headless": True,
    # Else two runs of a session work at once on what it keeps, and Streamlit's own tidying up
    # fails where one begins as another ends.
    "runner.fastReruns": False,
    "browser.gatherUsageStats": False,
    "client.toolbarMode": "minimal",
    "client.showErrorDetails": "none",
    "client.showErrorLinks": False,
    "logger.hideWelcomeMessage": True,
    "theme.light.primaryColor": "#1b5e20",  # of both, so that the system's choice counts
    "theme.dark.primaryColor": "#66bb6a",
}

_SCRIPT = Path(__file__).parents[1] / "app.py"  # which imports from here


def run_page(collection: Path, port: int, exact_places: bool = False) -> None:
    """Serve the page over a collection until Ctrl-C; there need be none in the folder yet.

    `exact_places` shows where threatened species are to more than a tenth of a degree.
    """
    folder = collection.resolve()
    current = current_collection(folder, exact_places)

    @asynccontextmanager
    async def lifespan(_: st.App) -> AsyncIterator[dict[str, Any]]:
        # Streamlit collects garbage after each run, with all other threads at rest; of what was
        # imported until now nothing ever becomes garbage.
        gc.freeze()
        yield {}
        gc.unfreeze()
        # DuckDB prints a page about leaks where a catalog is still open when Python ends.
        current.close()

    page = st.App(
        str(_SCRIPT),
        middleware=[Middleware(Guard), Middleware(Beside, current=current, limits=Limits())],
        lifespan=lifespan,
    )
    said = [EXACT_PLACES] if exact_places else []
    sys.argv = [str(_SCRIPT), str(folder), *said]  # as Streamlit gives its script the arguments
    with suppress(KeyboardInterrupt):
        page.run(config=SETTINGS | {"server.port": port})
