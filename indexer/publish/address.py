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

    @property
    def file(self) -> Path | None:
        """The file of Milvus Lite; None for a server."""
        return Path(self.uri) if self.uri.endswith(LOCAL_FILE) else None

    def __str__(self) -> str:
        """Write it without the password."""
        return f"{SCHEME}://{self.uri.partition('://')[2] or self.uri}/{self.name}"


def is_address(written: Path | str) -> bool:
    """Return whether a collection is named by an address, of any scheme, not by a folder.

    A Path loses a slash of what was written, and is an address that `address_of` refuses.
    """
    return "://" in str(written) or str(written).startswith(f"{SCHEME}:/")


def address_of(written: Path | str) -> Address:
    """Read an address; raises BadInput for one that is malformed."""
    scheme, _, rest = str(written).partition("://")
    path, _, name = rest.rpartition("/")
    if scheme != SCHEME or not path.strip("/"):
        raise BadInput(
            f"{shown(written)} is not the address of a published collection; {_GRAMMAR}."
        )
    if not _NAME.fullmatch(name):
        raise BadInput(
            f"{name!r} cannot be a name in Milvus; use letters, digits and _, not a digit first."
        )
    if path.endswith(LOCAL_FILE):
        return Address(str(Path(path).absolute()), name)
    try:
        parts = urlsplit(f"http://{path}")
        port = parts.port or _PORT
    except ValueError:  # of the brackets of IPv6, or of the port
        parts, port = urlsplit(""), 0
    if not (parts.hostname and port) or parts.path:
        raise BadInput(f"{shown(written)} names no server; {_GRAMMAR}.")
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    token = f"{unquote(parts.username)}:{unquote(parts.password or '')}" if parts.username else ""
    return Address(f"http://{host}:{port}", name, token)


def shown(written: Path | str) -> str:
    """Return an address as it was written, without its password."""
    return re.sub(r"^([\w+.-]*:/+)([^/]*|[^/:]*:.*)@", r"\1", str(written))
