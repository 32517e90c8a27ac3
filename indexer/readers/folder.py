"""Reads a folder of pictures, recursively; a picture's label is the name of the folder it is in."""

import os
import re
import unicodedata
from collections.abc import Callable, Container, Iterator
from dataclasses import replace
from pathlib import Path, PurePosixPath

from indexer.inputs.decoding import LEFT_OUT, SUFFIXES
from indexer.inputs.extra_formats import INSTALL
from indexer.inputs.paths import inside, why_outside
from indexer.inputs.records import Record, scheme_of, storable
from indexer.labels.label_files import label_of_folder
from indexer.readers import Fetch
from indexer.store.manifest import MANIFEST
from model.errors import BadInput

# Of network disks, zips and bins; their pictures are copies.
_SYSTEM = frozenset(("@eaDir", "#recycle", "$RECYCLE.BIN", "__MACOSX", "System Volume Information"))
_ALIVE = (".heic", ".heif", ".jpg", ".jpeg")
_BEGINS = re.compile(rb"\xff\xd8\xff|\x89PNG\r\n|GIF8[79]a|II\*\0|MM\0\*|RIFF....WEBP", re.DOTALL)
_NO_NAME = "is no name that a file can have"
NOUN = "a folder of pictures or one picture"


def claims(source: str) -> bool:
    """Tell whether it is a folder, or a file called like a picture."""
    return os.path.isdir(source) or _is_picture(source)


def base(source: str) -> str:
    """Return the folder itself; of one picture the folder it is in."""
    return source if os.path.isdir(source) else str(Path(source).parent)


def read(source: str, fetch: Fetch) -> Iterator[Record]:
    """Yield a record per picture file; raises BadInput for a folder without any.

    Folders that are hidden, collections or made by a system are not entered; other kinds of file
    are no inputs, nor are the film of a picture that lives and a copy that exiftool keeps of one. A
    picture of a kind that is not read, a film and a folder that may not be read are records with a
    problem. A name without an ending is a picture if its first bytes are.
    """
    folder, record = Path(base(source)), None
    closed: list[Record] = []

    def note(error: OSError) -> None:
        below = Path(error.filename).relative_to(folder)
        problem = f"is a folder that cannot be read: {error.strerror}"
        closed.append(replace(Record(_id(below)), problem=problem))

    for path in _picture_files(folder, note) if os.path.isdir(source) else [Path(source)]:
        record = of_file(path, path.relative_to(folder))
        yield record
    yield from closed
    if record is None and not closed:
        raise BadInput(f"{folder} holds no pictures: no file in it ends in .jpg, .png or so.")


def of_file(path: Path, below: Path) -> Record:
    """Return the record of a picture file; one that cannot be an input carries its problem."""
    label = label_of_folder(below.parent.name)
    try:
        stat = path.stat()
        problem, size, modified = _problem(path, below), stat.st_size, stat.st_mtime_ns
    except OSError as error:
        problem, size, modified = f"cannot be read: {error.strerror}", 0, 0
    except ValueError:  # a NUL, or half a character
        problem, size, modified = _NO_NAME, 0, 0
    return Record(
        source_id=_id(below),
        path=path,
        label=label.text,
        taxon=label.taxon,
        problem=problem,
        bytes=size,
        modified=modified,
    )


def named_file(folder: Path, where: str) -> Record:
    """Return the record of a picture that a data file names by its path below a folder.

    What a file from elsewhere may make taxalens read ends at the folder. A name that is there in
    other Unicode letters (composed or decomposed, as macOS has them) is found.
    """
    if scheme := scheme_of(where):
        return Record(where, problem=f"is an address that begins with {scheme}; only https is read")
    name = where.replace("\\", "/")
    path = inside(folder, _existing(folder, name))
    if path is None:
        odd = storable(name) != name
        why = _NO_NAME if odd else why_outside(folder, name, "put the table into a folder above")
        return Record(str(PurePosixPath(name)), problem=why)
    return of_file(folder / path, path)


def _existing(folder: Path, name: str) -> str:
    names = (name, *(unicodedata.normalize(form, name) for form in ("NFC", "NFD")))
    try:
        return next((each for each in names if os.path.lexists(folder / each)), name)
    except ValueError:
        return name


def _id(below: Path) -> str:
    return os.fsencode(below.as_posix()).decode("utf-8", "backslashreplace")


def _picture_files(folder: Path, note: Callable[[OSError], None]) -> Iterator[Path]:
    for directory, folders, files in os.walk(folder, onerror=note):
        folders[:] = sorted(
            name for name in folders if not name.startswith(".") and name not in _SYSTEM
        )
        if MANIFEST in files and "segments" in folders:
            folders.clear()
            continue
        there = {name.lower() for name in files}
        for name in sorted(files):
            if (_is_picture(name) and not _is_beside(name, there)) or _has_no_ending(
                directory, name
            ):
                yield Path(directory, name)


def _is_beside(name: str, there: Container[str]) -> bool:
    """Tell whether it is the film that a telephone keeps beside a picture."""
    stem, suffix = os.path.splitext(name.lower())
    return suffix == ".mov" and any(f"{stem}{each}" in there for each in _ALIVE)


def _has_no_ending(directory: str, name: str) -> bool:
    """Tell whether a file is a picture by its first bytes, and not by its name."""
    path = Path(directory, name)
    if path.suffix or name.startswith(".") or not path.is_file():
        return False
    try:
        with path.open("rb") as file:
            return bool(_BEGINS.match(file.read(12)))
    except OSError:
        return False


def _is_picture(name: str) -> bool:
    """Tell whether a file is called like a picture, and not as macOS calls what is beside one."""
    suffix = Path(name).suffix.lower()
    return (suffix in SUFFIXES or suffix in LEFT_OUT) and not name.startswith("._")


def _problem(path: Path, below: Path) -> str:
    if path.name.startswith("."):
        return "hidden file"
    if not path.is_file():
        return "not a regular file"
    if kind := LEFT_OUT.get(path.suffix.lower()):
        return f"{kind} is not read; {INSTALL.get(kind, 'save it as JPEG, PNG or TIFF')}"
    if any("\ud800" <= character <= "\udfff" for character in str(below)):
        return "file name is not UTF-8; rename it"  # Python's stand-ins for other bytes
    return ""
