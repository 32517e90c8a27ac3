"""What fingerprint a spec loaded last, so that it need not be loaded to know."""

import hashlib
from contextlib import suppress
from pathlib import Path

from platformdirs import user_cache_path

from model.kept_files import read_sealed, write_sealed

_STARTER = Path(__file__).parent / "starter"


def remember(spec: str, fingerprint: str) -> None:
    """Keep the fingerprint of what a spec has just loaded; without room for that, do not."""
    path = _path(spec)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        write_sealed(path, {"spec": spec, "files": _files(spec), "fingerprint": fingerprint})


def fingerprint_of(spec: str) -> str:
    """Return what a spec loaded last; "" where that is unknown, or its files have changed since.

    A model of the hub counts as unchanged: its weights are published once.
    """
    known = read_sealed(_path(spec)) or {}
    if known.get("spec") != spec or known.get("files") != _files(spec):
        return ""
    return str(known["fingerprint"])


def _path(spec: str) -> Path:
    name = hashlib.sha256(spec.encode()).hexdigest()[:32]
    return user_cache_path("taxalens") / "specs" / f"{name}.json"


def _files(spec: str) -> list[list[object]]:
    """Return name, size and time of the files that a spec reads, but for those of the hub."""
    scheme, _, rest = spec.partition(":")
    if scheme == "hf-hub":
        return []
    place = Path(rest).absolute() if rest else _STARTER
    files = sorted(place.iterdir()) if place.is_dir() else [place]
    found: list[list[object]] = []
    for file in files:
        with suppress(OSError):
            stat = file.stat()
            found.append([str(file), stat.st_size, stat.st_mtime_ns])
    return found
