"""The address of a published collection: milvus://host:19530/birds."""

import re
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import unquote, urlsplit

from model.errors import BadInput

SCHEME = "milvus"
LOCAL_FILE = ".db"
"""how a file of Milvus Lite ends"""
_PORT = 19530
_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,199}")  # as Milvus allows; room for what is added
_GRAMMAR = "write milvus://HOST:19530/NAME, or milvus://FILE.db/NAME for Milvus Lite"


@dataclass(frozen=True, slots=True)
class Address:
    """Where a collection is published."""

    uri: str
    """of the server, or the file of Milvus Lite, as pymilvus takes it"""
    name: str
    """the public name: an alias in Milvus"""
    token: str = field(default="", repr=False)
    """ "user:password", or "" """

    def __str__(self) -> str:
        """Write it without the password."""
        return f"{SCHEME}://{self.uri.partition('://')[2] or self.uri}/{self.name}"


def is_address(written: Path | str) -> bool:
    """Return whether a collection is named by an address, not by a folder."""
    return str(written).startswith(f"{SCHEME}:/")


def address_of(written: Path | str) -> Address:
    """Read an address; raises BadInput for one that is malformed.

    A Path has one slash fewer than was written, which is read alike.
    """
    path, _, name = str(written).removeprefix(f"{SCHEME}:").rpartition("/")
    if not is_address(written) or not path.strip("/"):
        raise BadInput(
            f"{shown(written)} is not the address of a published collection; {_GRAMMAR}."
        )
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} cannot be a name in Milvus; use letters, digits and _, not a digit first."
        )
    if path.endswith(LOCAL_FILE):
        return Address(str(_file(path)), name)
    parts = urlsplit(f"http://{path.lstrip('/')}")
    try:
        port = parts.port or _PORT
    except ValueError:
        port = 0
    if not (parts.hostname and port) or parts.path:
        raise BadInput(f"{shown(written)} names no server; {_GRAMMAR}.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    token = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    return Address(f"http://{host}:{port}", name, token)


def _file(path: str) -> Path:
    """Return the file of Milvus Lite: //a.db is here, ///a.db at the root, /a.db where it is."""
    if path.startswith("///"):
        return Path(path[2:])
    if path.startswith("//") or not Path(path).exists():
        return Path(path.lstrip("/")).absolute()
    return Path(path)


def shown(written: Path | str) -> str:
    """Return an address as it may be shown: without its password, a Path with both slashes."""
    address = re.sub(rf"^{SCHEME}:/(?!/)", f"{SCHEME}://", str(written))
    return re.sub(r"(?<=/)[^/@]*@", "", address)
