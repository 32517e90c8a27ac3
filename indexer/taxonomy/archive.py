"""Opens what sources come as, a folder or a zip, and trusts neither names nor sizes in it."""

import os
import shutil
import tempfile
import threading
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path, PureWindowsPath

from indexer.inputs.paths import inside
from indexer.inputs.records import Record, plain_name
from model.errors import BadInput

_LARGEST = 20 * 1024**3  # bytes; the largest table of the GBIF backbone has about 2.5 GB
_LARGEST_PICTURE = 1024**3  # bytes
_RATIO, _RATIO_FROM = 200, 1024**3  # text shrinks to a tenth; smaller files may be as they like
# A password is a RuntimeError, an unknown compression a NotImplementedError.
_DAMAGED = (zipfile.BadZipFile, zlib.error, EOFError, RuntimeError, NotImplementedError)


class Archive:
    """A folder, or a zip whose members are unpacked one at a time, as they are asked for."""

    def __init__(self, path: Path, unpacked: Path | None) -> None:
        self.path = path
        self.names = names_in(path)
        """its files, by their names below `path` or, in a zip, below its top folder"""
        self._unpacked = unpacked
        self._packed = None if unpacked is None else _Packed(path)

    def packed(self, name: str) -> Record | None:
        """Return the record of a picture that lies in the zip; None where it does not."""
        below = plain_name(name)
        if self._packed is None or below not in self.names:
            return None
        stat = self.path.stat()
        read = partial(self._packed.of, below)
        size = self._packed.size(below)
        return Record(below, path=self.path, read=read, bytes=size, modified=stat.st_mtime_ns)

    def file(self, name: str) -> Path:
        """Return where a file lies that can be opened; raises BadInput if there is none."""
        written = PureWindowsPath(name)  # which splits at / and \ alike
        if written.anchor or ".." in written.parts:
            raise BadInput(
                f"{self.path} names a file outside of itself, {name}; such an archive is not read."
            )
        name = written.as_posix()
        if self._unpacked is not None:
            return self._unpack(name, self._unpacked)
        if inside(self.path, name) is None:
            raise BadInput(
                f"{name} in {self.path} is a link to a file outside of it; put that file there."
            )
        if not os.path.isfile(self.path / name):  # False for any name, however long
            raise BadInput(f"{self.path} has no file {name}; is it complete?")
        return self.path / name

    def _unpack(self, name: str, folder: Path) -> Path:
        target = folder / name.replace("/", "_")
        try:
            with zipfile.ZipFile(self.path) as archive:
                members = _members(archive)
                if name not in members:
                    raise BadInput(f"{self.path} has no file {name}; is it complete?")
                _refuse_bomb(self.path, members[name])
                with archive.open(members[name]) as source, target.open("wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
        except _DAMAGED as error:
            raise BadInput(
                f"{name} in {self.path} cannot be unpacked ({error}); get the file anew."
            ) from error
        except OSError as error:
            raise BadInput(
                f"{name} in {self.path} cannot be unpacked into {folder} ({error.strerror}); "
                "set TMPDIR to a folder with more room."
            ) from error
        return target


@dataclass(slots=True)
class _Packed:
    """The members of a zip, which is opened once, when the first of them is looked at."""

    path: Path
    _lock: threading.Lock = field(default_factory=threading.Lock)
    _open: tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]] | None = None

    def size(self, name: str) -> int:
        """Return the bytes of a member as the zip declares them."""
        return self._opened()[1][name].file_size

    def of(self, name: str) -> bytes:
        """Return the bytes of a member; raises BadInput where it is damaged or too large."""
        try:
            archive, members = self._opened()
            if members[name].file_size > _LARGEST_PICTURE:
                raise BadInput(f"has {members[name].file_size:,} bytes, which no picture has")
            _refuse_bomb(self.path, members[name])
            return archive.read(members[name])
        except _DAMAGED as error:
            raise BadInput(f"cannot be unpacked from {self.path} ({error})") from error

    def _opened(self) -> tuple[zipfile.ZipFile, dict[str, zipfile.ZipInfo]]:
        with self._lock:
            if self._open is None:
                archive = zipfile.ZipFile(self.path)
                self._open = archive, _members(archive)
            return self._open


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a folder or a zip; what was unpacked is gone when the block ends."""
    if path.is_dir():
        yield Archive(path, None)
        return
    with tempfile.TemporaryDirectory(prefix="taxalens-") as unpacked:
        yield Archive(path, Path(unpacked))


def names_in(path: Path) -> tuple[str, ...]:
    """Return the names of the files in a folder or zip; nothing where it is neither."""
    try:
        if path.is_dir():
            return tuple(sorted(entry.name for entry in os.scandir(path) if entry.is_file()))
        with zipfile.ZipFile(path) as archive:
            return tuple(_members(archive))
    except (OSError, ValueError, *_DAMAGED):
        return ()


def _members(archive: zipfile.ZipFile) -> dict[str, zipfile.ZipInfo]:
    """Return a zip's files by name; where all lie in one folder, by their names in that."""
    files = [
        info
        for info in archive.infolist()
        if not info.is_dir() and not info.filename.startswith("__MACOSX/")
    ]
    shallowest = min(
        (info.filename for info in files), key=lambda name: name.count("/"), default=""
    )
    top = shallowest[: shallowest.rfind("/") + 1]
    return {
        info.filename.removeprefix(top): info for info in files if info.filename.startswith(top)
    }


def _refuse_bomb(path: Path, member: zipfile.ZipInfo) -> None:
    # What is unpacked is no more than what is declared: `zipfile` sees to that.
    too_dense = member.file_size > _RATIO * max(1, member.compress_size)
    if member.file_size > _LARGEST or (member.file_size > _RATIO_FROM and too_dense):
        raise BadInput(
            f"{member.filename} in {path} would unpack to {member.file_size:,} bytes, which no "
            "taxonomy has; unpack it yourself if you trust it, and name the folder."
        )
