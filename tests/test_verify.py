"""`taxalens verify`: every damaged file is named, with what to do, and nothing else is."""

import os
import re
import shutil
import tarfile
from itertools import accumulate
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from colours import ColourEncoder
from pictures import run, write_picture
from taxonomies import small_taxonomy

from indexer.catalog.catalog_file import catalog_path
from indexer.ingest.optimize import optimize
from indexer.ingest.run import keep_catalog, use_taxonomy
from indexer.ingest.verify import VERIFIED, verify
from indexer.store.manifest import read_manifest
from model.errors import CollectionError
from model.progress import Step
from search.collection import open_collection
from ui.cli import main


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a collection `c` that has one kind of file each, and its taxonomy."""
    folder = tmp_path_factory.mktemp("made")
    small_taxonomy(folder).close()
    for number, colour in enumerate(np.random.default_rng(0).integers(0, 256, (300, 3)).tolist()):
        path = folder / "p" / ("Pica pica", "Panthera leo")[number % 2] / f"{number}.png"
        write_picture(path, "#{:02x}{:02x}{:02x}".format(*colour))
    run(folder / "p", folder / "c", taxonomy=str(folder / "small.duckdb"))
    optimize(folder / "c", ColourEncoder(), index_from=1)
    return folder


@pytest.fixture
def indexed(made: Path, tmp_path: Path) -> Path:
    """A copy of that collection."""
    return Path(shutil.copytree(made / "c", tmp_path / "c"))


def flip(path: Path, place: float = 0.5) -> None:
    """Flip one bit of a file."""
    content = bytearray(path.read_bytes())
    content[int(len(content) * place)] ^= 4
    path.write_bytes(content)


def test_a_whole_collection_is_one_line(indexed: Path) -> None:
    assert verify(indexed) == []
    shown = CliRunner().invoke(main, ["verify", "-c", str(indexed)])
    assert (shown.exit_code, shown.stdout) == (0, f"{indexed}: every file is as it was written\n")


def test_a_flipped_bit_is_found_in_every_file(indexed: Path) -> None:
    manifest = read_manifest(indexed)
    assert manifest.index
    paths = [*manifest.files, manifest.index.path]
    assert {path.partition("/")[0] for path in paths} >= {"segments", "inputs", "labels", "clades"}
    for path in paths:
        before = (indexed / path).read_bytes()
        flip(indexed / path)
        (damage,) = verify(indexed)
        assert (damage.path, damage.problem) == (path, "has another sha256 than was written")
        (indexed / path).write_bytes(before)
    assert verify(indexed) == []


def test_the_command_names_each_damaged_file_and_the_next_step(indexed: Path) -> None:
    manifest = read_manifest(indexed)
    assert manifest.index
    (vectors,) = (path for path in manifest.paths("segments") if path.endswith(".npy"))
    flip(indexed / vectors)
    flip(indexed / manifest.index.path)
    (indexed / manifest.paths("labels")[0]).unlink()
    (indexed / manifest.paths("names")[0]).write_bytes(b"cut")
    shown = CliRunner().invoke(main, ["verify", "-c", str(indexed)])
    assert shown.exit_code == 1
    lines = dict(line.split(": ", 1) for line in shown.stdout.splitlines())
    assert len(lines) == 4
    assert f"taxalens repair -c {indexed} isolates it" in lines[vectors]
    assert f"taxalens optimize -c {indexed}" in lines[manifest.index.path]
    assert lines[manifest.paths("labels")[0]].startswith("is missing; taxalens repair")
    assert "derives it again" in lines[manifest.paths("names")[0]]
    assert "Traceback" not in shown.output


def test_info_says_when_a_collection_was_verified_and_the_outcome(indexed: Path) -> None:
    def said() -> str:
        with open_collection(indexed, ColourEncoder()) as opened:
            return opened.info()["verified"]

    assert said() == "never"
    verify(indexed)
    assert re.fullmatch(r"20\d\d-.*, generation \d+, every file as it was written", said())
    assert verify(indexed, deep=True) == []
    assert said().endswith("every file and photograph as it was")
    (indexed / VERIFIED).write_text("{}")
    assert said() == "never"
    path = indexed / read_manifest(indexed).paths("labels")[0]
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    verify(indexed)
    assert said().endswith("1 damaged")


def test_the_advice_mends_what_is_derived(indexed: Path, made: Path) -> None:
    manifest = read_manifest(indexed)
    assert manifest.index
    flip(indexed / manifest.index.path)
    flip(indexed / manifest.paths("clades")[0])
    assert len(verify(indexed)) == 2
    use_taxonomy(indexed, "none")
    use_taxonomy(indexed, str(made / "small.duckdb"))
    optimize(indexed, ColourEncoder(), index_from=1)
    assert verify(indexed) == []


def test_a_photograph_that_a_disk_damaged_is_found_only_by_reading_it(tmp_path: Path) -> None:
    for name, colour in (("a", "red"), ("b", "green"), ("c", "blue"), ("d", "gray")):
        write_picture(tmp_path / "p" / f"{name}.bmp", colour)
    run(tmp_path / "p", tmp_path / "c")
    assert verify(tmp_path / "c", deep=True) == []
    photographs = tmp_path / "p"
    times = (photographs / "a.bmp").stat()
    flip(photographs / "a.bmp")
    os.utime(photographs / "a.bmp", ns=(times.st_atime_ns, times.st_mtime_ns))
    write_picture(photographs / "b.bmp", "white", (9, 9))
    (photographs / "c.bmp").unlink()
    write_picture(photographs / "new.bmp", "black")
    assert verify(tmp_path / "c") == []
    found = {Path(each.path).name: str(each) for each in verify(tmp_path / "c", deep=True)}
    assert sorted(found) == ["a.bmp", "b.bmp", "c.bmp"]
    assert "of the same size and time; it is likely damaged: restore it" in found["a.bmp"]
    assert "was changed after it was indexed; taxalens update" in found["b.bmp"]
    assert "is no longer there; taxalens update" in found["c.bmp"]
    shown = CliRunner().invoke(main, ["verify", "--deep", "-c", str(tmp_path / "c")])
    assert (shown.exit_code, len(shown.stdout.splitlines())) == (1, 3)


def test_archives_and_copies_are_compared_with_what_they_were(tmp_path: Path) -> None:
    first, second = (write_picture(tmp_path / f"{name}.bmp", name) for name in ("red", "blue"))
    shutil.copy(first, tmp_path / "copy.bmp")
    with tarfile.open(tmp_path / "t.tar", "w") as tar:
        tar.add(second, "x.bmp")
    for source in (tmp_path, tmp_path / "t.tar"):
        run(source, tmp_path / "c")
    assert verify(tmp_path / "c", deep=True) == []
    flip(tmp_path / "t.tar", 0.1)  # in the picture
    flip(first)
    found = {Path(each.path).name for each in verify(tmp_path / "c", deep=True)}
    assert found == {"t.tar", "red.bmp"}


def test_a_source_that_is_not_there_is_one_line(tmp_path: Path) -> None:
    write_picture(tmp_path / "p" / "a.png", "red")
    write_picture(tmp_path / "p" / "b.png", "blue")
    run(tmp_path / "p", tmp_path / "c")
    for each in (tmp_path / "p").iterdir():
        each.unlink()
    (emptied,) = verify(tmp_path / "c", deep=True)
    assert (emptied.path, "holds no pictures" in emptied.problem) == (str(tmp_path / "p"), True)
    (tmp_path / "p").rmdir()
    (gone,) = verify(tmp_path / "c", deep=True)
    assert (gone.path, gone.advice[:16]) == (str(tmp_path / "p"), "connect its disk")


def test_a_damaged_catalog_is_derived(collection: Path) -> None:
    catalog = catalog_path(collection, read_manifest(collection))
    flip(catalog)
    (damage,) = verify(collection)
    assert damage.path == catalog.name
    assert damage.advice.startswith("delete it: taxalens update")
    catalog.unlink()
    assert verify(collection) == []
    keep_catalog(collection)
    assert catalog.exists()
    assert verify(collection) == []


def test_progress_covers_all_and_a_folder_without_a_manifest_is_refused(
    collection: Path, tmp_path: Path
) -> None:
    heard: list[Step] = []
    verify(collection, heard.append)
    sizes = [entry.bytes for entry in read_manifest(collection).files.values()]
    assert [step.done for step in heard] == [0, *accumulate(sizes)]
    assert {step.total for step in heard} == {sum(sizes)}
    with pytest.raises(CollectionError, match="There is no collection"):
        verify(tmp_path / "none")
