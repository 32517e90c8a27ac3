"""A model of a disk that loses its power: what was not synced may be gone, or half there.

The operation runs once; before each sync, rename, removal and new folder below a root the root is
copied. From each copy come several states that a disk may be found in: content that no fsync
followed may be cut, and names that no fsync of their folder followed may be as they were. A state
that keeps everything is that of a process killed at that moment.
"""

import os
import random
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from indexer.store import backup, manifest


@dataclass
class Change:
    """One change of a folder's names, which its fsync makes durable."""

    path: Path
    """below the root, now"""
    earlier: Path | None = None
    """the name of the same file before, below the root; None where it was new or is gone"""
    content: bytes | None = None
    """of the file that had `path` before"""


@dataclass
class Moment:
    """The root at one moment, and what of it may be lost."""

    folder: Path
    event: str
    unsynced: list[Path]
    changes: list[Change]
    promised: int
    """the generation that had been committed"""


@dataclass
class Recorder:
    """Records moments of an operation below a root."""

    root: Path
    target: Path
    synced: dict[tuple[int, int], tuple[int, int]] = field(default_factory=dict)
    changes: list[Change] = field(default_factory=list)
    moments: list[Moment] = field(default_factory=list)
    promised: int = -1
    _busy: bool = False

    def __post_init__(self) -> None:
        for file in _files(self.root):
            self._note(file.stat())

    def before(self, event: str, *paths: Path) -> None:
        """Copy the root, if one of the paths is below it."""
        if self._busy or not any(path.is_relative_to(self.root) for path in paths):
            return
        self._busy = True
        folder = self.target / str(len(self.moments))
        shutil.copytree(self.root, folder)
        unsynced = [
            file.relative_to(self.root)
            for file in _files(self.root)
            if self.synced.get(_key(file.stat())) != _version(file.stat())
        ]
        moment = Moment(
            folder, f"{event} {paths[0].name}", unsynced, [*self.changes], self.promised
        )
        self.moments.append(moment)
        self._busy = False

    def sync(self, path: Path) -> None:
        """Note that a file, or the names in a folder, are durable."""
        if path.is_dir():
            self.changes = [
                change for change in self.changes if (self.root / change.path).parent != path
            ]
        else:
            self._note(path.stat())

    def change(self, path: Path, earlier: Path | None, content: bytes | None) -> None:
        """Note a change of names."""
        if not self._busy and path.is_relative_to(self.root):
            known = earlier.relative_to(self.root) if earlier else None
            self.changes.append(Change(path.relative_to(self.root), known, content))

    def _note(self, stat: os.stat_result) -> None:
        self.synced[_key(stat)] = _version(stat)


def record(root: Path, target: Path, operation: Callable[[], object]) -> list[Moment]:
    """Run an operation, and return its moments."""
    recorder = Recorder(root.resolve(), target)
    fsync, replace, unlink, mkdir = os.fsync, os.replace, os.unlink, os.mkdir
    write_manifest = manifest.write_manifest

    def recorded_manifest(collection: Path, written: manifest.Manifest) -> None:
        write_manifest(collection, written)
        recorder.promised = written.generation

    def recorded_fsync(descriptor: int) -> None:
        path = Path(os.readlink(f"/proc/self/fd/{descriptor}"))
        recorder.before("fsync", path)
        fsync(descriptor)
        recorder.sync(path)

    def recorded_replace(source: Any, destination: Any, **_: Any) -> None:
        old, new = Path(source).absolute(), Path(destination).absolute()
        recorder.before("rename", new)
        content = new.read_bytes() if new.is_file() else None
        replace(source, destination)
        recorder.change(new, old, content)

    def recorded_unlink(path: Any, **more: Any) -> None:
        if more.get("dir_fd") is None:
            gone = Path(path).absolute()
            recorder.before("unlink", gone)
            content = gone.read_bytes() if gone.is_file() else None
            recorder.change(gone, None, content)
        unlink(path, **more)

    def recorded_mkdir(path: Any, *more: Any, **named: Any) -> None:
        recorder.before("mkdir", Path(path).absolute())
        mkdir(path, *more, **named)
        recorder.change(Path(path).absolute(), None, None)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(os, "fsync", recorded_fsync)
        patch.setattr(os, "replace", recorded_replace)
        patch.setattr(os, "unlink", recorded_unlink)
        patch.setattr(os, "mkdir", recorded_mkdir)
        for module in (manifest, backup):
            patch.setattr(module, "write_manifest", recorded_manifest)
        operation()
    recorder.before("end", root.resolve())
    return recorder.moments


def states(moment: Moment, target: Path, seeds: int) -> Iterator[str]:
    """Make `target` one state after another that the disk may be found in; yield its description.

    Content and names may be kept or lost: first both are kept, then the other three cases come,
    then each piece is lost by chance.
    """
    for number in range(seeds + 4):
        if number and not moment.unsynced and not moment.changes:
            return
        chance = random.Random(f"{moment.folder.name} {number}")
        names, content = (number & 1, number >> 1) if number < 4 else (chance.random(),) * 2
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(moment.folder, target)
        for path in moment.unsynced:
            if chance.random() < content and (target / path).exists():
                size = (target / path).stat().st_size
                os.truncate(target / path, 0 if number < 4 else chance.randrange(size + 1))
        for change in reversed(moment.changes):
            if chance.random() < names:
                _undo(target, change)
        yield f"{moment.event}, {len(moment.changes)} changes, state {number}"


def _undo(root: Path, change: Change) -> None:
    path = root / change.path
    if path.is_dir():
        shutil.rmtree(path)
        return
    if path.exists():
        if change.earlier and (root / change.earlier).parent.exists():
            path.rename(root / change.earlier)
        else:
            path.unlink()
    if change.content is not None and path.parent.exists():
        path.write_bytes(change.content)


def _files(root: Path) -> list[Path]:
    return [path for path in root.rglob("*") if path.is_file()]


def _key(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_dev, stat.st_ino


def _version(stat: os.stat_result) -> tuple[int, int]:
    return stat.st_size, stat.st_mtime_ns
