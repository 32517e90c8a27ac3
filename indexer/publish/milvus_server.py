"""Milvus: the connection, its errors as sentences, and the names of what is published there.

NAME                          the public name: an alias
NAME__0123456789ab            one publication: a line an image
NAME__0123456789ab_facts      the file beside it (`facts.py`), in parts
"""

import logging
import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from threading import get_ident
from typing import TYPE_CHECKING, Any
from uuid import uuid4

from indexer.publish.address import Address
from model.errors import CollectionError, Error

if TYPE_CHECKING:
    from pymilvus import MilvusClient

MARKS = {"naming", "sha256"}
"""fields by which a collection in Milvus is known as ours; Milvus Lite keeps no description"""
FACTS = "_facts"
STRONG = "Strong"  # consistency: sees every line written before
SEEN = "Eventually"  # what was loaded, which `STRONG` once saw: 6 ms instead of 210
MOST = 16_384  # lines of one answer, by Milvus's own limit
_PATIENCE = 10.0  # seconds to wait for a server that does not answer at all
_LITE = "milvus_lite.server_manager"  # its logger
_NO_DOTENV = "PYTHON_DOTENV_DISABLED"


@contextmanager
def server(address: Address) -> Iterator["MilvusClient"]:
    """Connect to the server of an address; what it refuses is a CollectionError."""
    client = connect(address)
    try:
        with asking(address):
            yield client
    finally:
        client.close()


def connect(address: Address) -> "MilvusClient":
    """Connect to the server of an address; raises CollectionError where that fails."""
    client_class: type[MilvusClient] = _client_class()
    from pymilvus.exceptions import MilvusException

    with _failures_of_lite() as failures:
        try:
            return client_class(uri=address.uri, token=address.token, timeout=_PATIENCE)
        except (MilvusException, TypeError) as error:  # TypeError: Milvus Lite, its file damaged
            cause = failures[-1] if failures else error
            raise CollectionError(_unreachable(address, cause)) from cause


def is_missing(address: Address) -> bool:
    """Return whether Milvus Lite has no database there, and would create one on connecting."""
    file = address.file
    if file is None or not file.parent.is_dir():
        return False
    return not (file.is_file() or (file / "collections").is_dir())


@contextmanager
def asking(address: Address, advice: str = "look at the server's log") -> Iterator[None]:
    """Turn what pymilvus raises into a CollectionError that says what to do."""
    from pymilvus.exceptions import MilvusException

    try:
        yield
    except MilvusException as error:
        reason = " ".join(str(error.message).split())[:300].rstrip(".")
        raise CollectionError(f"Milvus at {address} refused ({reason}); {advice}.") from error


def published(client: "MilvusClient", address: Address) -> str:
    """Return the collection in Milvus that the public name leads to; "" where it is free.

    Raises Error where the name belongs to something else.
    """
    for each in _ours(client, address.name):
        if address.name in client.list_aliases(each)["aliases"]:
            return each
    if client.has_collection(address.name):
        raise Error(
            f"The name {address.name} is taken: Milvus has a collection or alias of that name that "
            "is not of taxalens; publish under another name."
        )
    return ""


def leftovers(client: "MilvusClient", address: Address, current: str) -> list[str]:
    """Return what publications of this name left that are not the current one."""
    kept = (current, current + FACTS) if current else ()
    return [each for each in _ours(client, address.name) if each not in kept]


def new_name(address: Address) -> str:
    """Return the name of a new publication."""
    return f"{address.name}__{uuid4().hex[:12]}"


def load(client: "MilvusClient", collection: str) -> None:
    """Load a collection of Milvus, and wait for it; Milvus Lite loads none when it is opened."""
    from pymilvus.client.types import LoadState

    if client.get_load_state(collection)["state"] != LoadState.Loaded:
        client.load_collection(collection)


def _ours(client: "MilvusClient", name: str) -> list[str]:
    """Return the collections in Milvus that publications of a name made."""
    pattern = re.compile(rf"{re.escape(name)}__[0-9a-f]{{12}}({FACTS})?")
    named = filter(pattern.fullmatch, client.list_collections())
    return [each for each in named if _fields(client, each) & MARKS]


def _fields(client: "MilvusClient", collection: str) -> set[str]:
    return {each["name"] for each in client.describe_collection(collection)["fields"]}


def _client_class() -> Any:
    """Import pymilvus, which would otherwise take settings from any .env above it."""
    before = os.environ.get(_NO_DOTENV)
    os.environ[_NO_DOTENV] = "1"
    try:
        from pymilvus import MilvusClient
    except ImportError as error:
        raise Error(
            'Milvus needs an extra of taxalens; run: pip install "taxalens[milvus]".'
        ) from error
    finally:
        if before is None:
            del os.environ[_NO_DOTENV]
        else:
            os.environ[_NO_DOTENV] = before
    for name in ("pymilvus", "grpc._server"):  # their errors are raised as well; Lite runs in here
        logging.getLogger(name).setLevel(logging.CRITICAL)
    return MilvusClient


@contextmanager
def _failures_of_lite() -> Iterator[list[BaseException]]:
    """Collect why Milvus Lite does not start: it logs that with a traceback, and raises nothing."""
    failures: list[BaseException] = []
    logger, here = logging.getLogger(_LITE), get_ident()

    def passes(record: logging.LogRecord) -> bool:
        failure = record.exc_info[1] if record.exc_info else None
        if failure is None or record.thread != here:
            return True
        failures.append(failure)
        return False

    logger.addFilter(passes)
    try:
        yield failures
    finally:
        logger.removeFilter(passes)


def _unreachable(address: Address, cause: BaseException) -> str:
    file = address.file
    if file is None:
        return (
            f"Milvus does not answer at {address}: start it, or correct the address, the port or "
            "the password."
        )
    try:
        import milvus_lite  # noqa: F401
    except ImportError:
        return (
            f"{file} is a file of Milvus Lite, which is not installed; run: "
            "pip install --no-deps milvus-lite."
        )
    if not file.parent.is_dir():
        return f"{file.parent} is not a folder: create it, or correct the address {address}."
    if file.is_file():
        return f"{file} is a plain file, not a database of Milvus Lite: name another FILE.db."
    if type(cause).__name__ == "DataDirLockedError":
        return f"Milvus Lite cannot open {file}: is another process using it?"
    reason = " ".join(str(cause).split())[:300].rstrip(".")
    return f"Milvus Lite cannot open {file} ({reason}): mend that, or publish in another FILE.db."
