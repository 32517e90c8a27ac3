"""Whether an address of this machine can be listened at."""

import socket

from model.errors import Error


def check_port(host: str, port: int) -> None:
    """Raise Error for a port that something else listens on, or an address that is not ours."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OSError as error:
        raise Error(
            f"Port {port} of this machine cannot be used ({error.strerror}); choose another one "
            "with --port."
        ) from None
