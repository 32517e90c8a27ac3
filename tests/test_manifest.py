"""The manifest: what is committed is read again, what is damaged is named, nothing half-written."""

import json
import subprocess
import sys
from pathlib import Path

import pytest
from pictures import run

from indexer.ingest.repair import repair
from indexer.ingest.verify import verify
from indexer.store.durable import write_durably
from indexer.store.manifest import (
    COPY,
    FORMAT_VERSION,
    MANIFEST,
    EncoderEntry,
    FileEntry,
    Manifest,
    commit,
    parse_manifest,
    read_manifest,
)
from model.errors import CollectionError, NotWritten
from model.kept_files import sha256_of

# sha256 of b"abc": FIPS 180-2, appendix B.1.
ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
EMPTY = Manifest(EncoderEntry("starter", "f" * 64, 512), roots={"photos": "/home/é/photos"})


def add(collection: Path, path: str, content: bytes = b"abc") -> str:
    write_durably(collection / path, lambda temporary: temporary.write_bytes(content))
    return path


@pytest.fixture
def committed(tmp_path: Path) -> Manifest:
    """A collection in tmp_path: two generations, three files."""
    first = commit(tmp_path, EMPTY, [add(tmp_path, "segments/1.npy")])
    news = [add(tmp_path, "segments/2.npy", b"second"), add(tmp_path, "taxa/2.parquet", b"")]
    return commit(tmp_path, first, news)


def test_what_is_committed_is_read_again(tmp_path: Path, committed: Manifest) -> None:
    assert read_manifest(tmp_path) == committed
    assert committed.generation == 2
    assert (committed.encoder, committed.roots) == (EMPTY.encoder, EMPTY.roots)
    assert committed.files["segments/1.npy"] == FileEntry(3, ABC)
    assert verify(tmp_path) == []


def test_files_are_listed_by_folder_in_the_order_of_their_commits(committed: Manifest) -> None:
    assert list(committed.files) == ["segments/1.npy", "segments/2.npy", "taxa/2.parquet"]
    assert committed.paths("segments") == ["segments/1.npy", "segments/2.npy"]
    assert committed.paths("seg") == []


def test_a_commit_without_files_is_a_generation_too(tmp_path: Path, committed: Manifest) -> None:
    assert commit(tmp_path, committed).generation == 3
    assert read_manifest(tmp_path).files == committed.files


def test_files_that_were_not_committed_are_not_part_of_it(
    tmp_path: Path, committed: Manifest
) -> None:
    add(tmp_path, "segments/3.npy")
    assert read_manifest(tmp_path) == committed


def test_a_commit_of_a_file_that_is_not_there_leaves_the_collection_as_it_was(
    tmp_path: Path, committed: Manifest
) -> None:
    with pytest.raises(FileNotFoundError):
        commit(tmp_path, committed, ["segments/never written.npy"])
    assert read_manifest(tmp_path) == committed


@pytest.mark.parametrize("damage", ["missing", "short", "long", "a folder"])
def test_a_file_that_has_not_its_size_is_named(
    damage: str, tmp_path: Path, committed: Manifest
) -> None:
    file = tmp_path / "segments" / "2.npy"
    file.unlink()
    match damage:
        case "short":
            file.write_bytes(b"secon")
        case "long":
            file.write_bytes(b"second!")
        case "a folder":
            file.mkdir()
    with pytest.raises(CollectionError, match="is missing or not 6 bytes long") as raised:
        read_manifest(tmp_path)
    assert str(file) in str(raised.value)


def test_a_flipped_bit_is_found_by_its_hash(tmp_path: Path, committed: Manifest) -> None:
    (tmp_path / "segments" / "2.npy").write_bytes(b"secone")
    assert read_manifest(tmp_path) == committed
    assert [each.path for each in verify(tmp_path)] == ["segments/2.npy"]


@pytest.mark.parametrize("version", [FORMAT_VERSION + 1, 0, None, "1"])
def test_another_format_is_refused_by_its_number(
    version: object, tmp_path: Path, committed: Manifest
) -> None:
    stored = json.loads((tmp_path / MANIFEST).read_text())
    (tmp_path / MANIFEST).write_text(json.dumps(stored | {"format_version": version}))
    with pytest.raises(CollectionError, match=f"has format {version}.*index again"):
        read_manifest(tmp_path)


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe", b"[]", b"null", b'"a string"', b"1"])
def test_a_broken_manifest_is_an_error_that_names_it(content: bytes, tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_bytes(content)
    with pytest.raises(CollectionError) as raised:
        read_manifest(tmp_path)
    assert str(tmp_path / MANIFEST) in str(raised.value)


def test_a_manifest_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / MANIFEST).write_text('{"name": "a web app", "icons": []}')
    with pytest.raises(CollectionError, match="has format None"):
        read_manifest(tmp_path)


def test_a_folder_that_is_no_collection_is_told_how_to_make_one(tmp_path: Path) -> None:
    for folder in (tmp_path, tmp_path / "nowhere"):
        with pytest.raises(
            CollectionError, match="make one with: taxalens index FOLDER -c"
        ) as raised:
            read_manifest(folder)
        assert str(folder) in str(raised.value)


def test_a_file_is_no_collection(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(CollectionError, match="cannot be read"):
        read_manifest(tmp_path / "file")


def test_a_failed_write_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "deep" / "file"

    def fail(temporary: Path) -> None:
        temporary.write_bytes(b"half of the ne")
        raise OSError("disk full")

    with pytest.raises(NotWritten, match="disk full"):
        write_durably(target, fail)
    assert not target.exists()
    write_durably(target, lambda temporary: temporary.write_bytes(b"old"))
    with pytest.raises(NotWritten, match="disk full"):
        write_durably(target, fail)
    assert target.read_bytes() == b"old"
    write_durably(target, lambda temporary: temporary.write_bytes(b"new"))
    assert target.read_bytes() == b"new"
    assert [path.name for path in target.parent.iterdir()] == ["file"]


def test_a_process_that_dies_while_writing_leaves_the_old_file(tmp_path: Path) -> None:
    target = tmp_path / "file"
    target.write_bytes(b"old")
    script = (
        "import os, sys, pathlib, indexer.store.durable\n"
        "def write(path):\n"
        "    path.write_bytes(b'half of the ne')\n"
        "    os._exit(9)\n"
        "indexer.store.durable.write_durably(pathlib.Path(sys.argv[1]), write)\n"
    )
    assert subprocess.run([sys.executable, "-c", script, str(target)], check=False).returncode == 9
    assert target.read_bytes() == b"old"


def test_a_hash_is_that_of_the_standard(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"abc")
    assert sha256_of(tmp_path / "file") == ABC


def test_a_changed_digit_is_found(tmp_path: Path, committed: Manifest) -> None:
    path = tmp_path / MANIFEST
    path.write_text(path.read_text().replace('"generation": 2', '"generation": 3'))
    with pytest.raises(CollectionError, match="is not as it was written: taxalens repair -c"):
        read_manifest(tmp_path)
    (repaired,) = repair(tmp_path)[:1]
    assert str(repaired) == "manifest.json: restored from manifest-copy.json, generation 2"
    assert read_manifest(tmp_path) == committed


def test_nothing_is_written_over_a_collection_without_its_manifest(
    tmp_path: Path, committed: Manifest, photos: Path
) -> None:
    (tmp_path / MANIFEST).unlink()
    with pytest.raises(CollectionError, match="and a collection's other files are there"):
        run(photos, tmp_path)
    assert parse_manifest(tmp_path, COPY) == committed
