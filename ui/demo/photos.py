"""Obtains the demo's photographs into a cache folder, without root and without a hub."""

import csv
import shutil
import subprocess
import sys
import tempfile
import zipfile
from importlib.resources import files
from pathlib import Path

from model.errors import Error

TABLE = files("ui.demo") / "photos.csv"
DEBIAN_PACKAGE = "tuxpaint-stamps-default"  # cut-out photographs, GPL-2, 161 MB to download
DEBIAN_FOLDER = "usr/share/tuxpaint/stamps"
PYPI_PACKAGE = "gradio==6.31.0"  # carries four photographs of big cats, Apache-2.0, 31 MB


def obtain_photos(cache: Path) -> Path:
    """Return the folder of photographs, fetched on the first call; what it does goes to stderr.

    Raises Error, saying how to go on, where neither package can be had.
    """
    photos = cache / "photos"
    if photos.is_dir():
        return photos
    cache.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=cache) as folder:
        work = Path(folder)
        found = _from_debian(work) or _from_pypi(work)
        if found is None:
            raise Error(
                "The demo's photographs cannot be fetched from Debian or PyPI; use a folder of "
                "your own: taxalens demo --images DIR."
            )
        kept = work / "kept"
        for name in table_names():
            if (found / name).is_file():
                (kept / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy2(found / name, kept / name)
        kept.rename(photos)
    return photos


def table_names() -> list[str]:
    """Return the file names of the table, below the folder of photographs."""
    with TABLE.open(encoding="utf-8") as file:
        return [line["file_name"] for line in csv.DictReader(file)]


def _from_debian(work: Path) -> Path | None:
    if not (shutil.which("apt-get") and shutil.which("dpkg")):
        sys.stderr.write("There is no apt here; the demo takes a few photographs from PyPI.\n")
        return None
    sys.stderr.write(f"Downloading {DEBIAN_PACKAGE} (161 MB of photographs, once) …\n")
    lists, cache = work / "lists", work / "apt"
    for folder in (lists / "partial", cache / "archives" / "partial"):
        folder.mkdir(parents=True)
    download = ["apt-get", "-qq", "download", DEBIAN_PACKAGE]
    # Package lists of our own, because the system's may be empty and are not ours to fill.
    own = ["-o", f"Dir::State::Lists={lists}", "-o", f"Dir::Cache={cache}"]
    if not _runs(download, work) and not (
        _runs(["apt-get", "-qq", *own, "update"], work) and _runs([*download, *own], work)
    ):
        sys.stderr.write("apt cannot download it; the demo takes a few photographs from PyPI.\n")
        return None
    package = next(work.glob(f"{DEBIAN_PACKAGE}_*.deb"))
    return work / "unpacked" / DEBIAN_FOLDER if _runs(_unpack(package, work), work) else None


def _unpack(package: Path, work: Path) -> list[str]:
    return ["dpkg", "-x", str(package), str(work / "unpacked")]


def _from_pypi(work: Path) -> Path | None:
    sys.stderr.write(f"Downloading {PYPI_PACKAGE} (31 MB) for its photographs …\n")
    pip = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", PYPI_PACKAGE]
    if not _runs(pip, work):
        return None
    target = work / "wheel"
    target.mkdir()
    wanted = set(table_names())
    with zipfile.ZipFile(next(work.glob("gradio-*.whl"))) as wheel:
        for member in wheel.namelist():
            name = Path(member).name
            if name in wanted:
                (target / name).write_bytes(wheel.read(member))
    return target


def _runs(command: list[str], folder: Path) -> bool:
    """Run a command in a folder; its messages are only shown where it fails."""
    finished = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
    if finished.returncode:
        sys.stderr.write(finished.stderr)
    return finished.returncode == 0
