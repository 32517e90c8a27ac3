"""Paths that come out of data: none of them ever leads out of the folder that was indexed."""

import os
from pathlib import Path


def inside(folder: Path, name: str) -> Path | None:
    """Return what a name in a data file means below a folder; None where it leads out of it.

    Links are followed. The answer is relative to the folder, without "..".
    """
    try:
        path, base = Path(os.path.normpath(folder / name)), folder.resolve()
        real = path.resolve()
    except (ValueError, OSError, RuntimeError):  # a name with a NUL, or links in a circle
        return None
    if not real.is_relative_to(base):
        return None
    return path.relative_to(folder) if path.is_relative_to(folder) else real.relative_to(base)


def why_outside(folder: Path, name: str, advice: str) -> str:
    """Return the problem with a name for which `inside` returned None: no such file, or outside."""
    if not os.path.isfile(os.path.normpath(folder / name)):
        return "cannot be read: No such file or directory"
    return f"is outside of {folder}; {advice}"


def below(base: str, name: str) -> Path | None:
    """Return the path of a source id below its root; None for one that leads out of it.

    Links are not looked at: those in an indexed folder are its owner's.
    """
    path = os.path.normpath(os.path.join(base, name))
    is_below = path.startswith(os.path.join(os.path.normpath(base), ""))
    return Path(path) if is_below and "\0" not in path else None
