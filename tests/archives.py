"""Taxonomies to write in a test, as folders and zips, and drafts to compare."""

import zipfile
from pathlib import Path

import pyarrow as pa


def write(folder: Path, files: dict[str, str]) -> Path:
    """Write a folder of text files."""
    folder.mkdir()
    for name, text in files.items():
        (folder / name).write_text(text, encoding="utf-8")
    return folder


def zipped(path: Path, files: dict[str, str], top: str = "") -> Path:
    """Write a zip of text files, in a folder `top` of it."""
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in files.items():
            archive.writestr(top + name, text)
    return path


def rows(table: pa.Table) -> list[tuple[object, ...]]:
    """Return the rows of a table."""
    return list(zip(*table.to_pydict().values(), strict=True))
