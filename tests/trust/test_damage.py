"""Damaged files: named by verify, cured by repair, and never a traceback in between.

Each trial damages one file of a collection in one way. TAXALENS_TRUST=long makes a thousand and 20,
as a few pages are zeros already.
"""

import os
import random
import re
import shutil
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

import pytest
from taxonomies import small_taxonomy
from vectors import truth, write_vectors

import taxalens
from indexer.catalog.catalog_file import catalog_path
from indexer.ingest.optimize import optimize
from indexer.ingest.repair import repair
from indexer.ingest.run import index_source
from indexer.ingest.verify import verify
from indexer.store import derived
from indexer.store.journal_file import APART, JOURNAL
from indexer.store.manifest import MANIFEST, read_manifest

TRIALS = 1020 if os.environ.get("TAXALENS_TRUST") == "long" else 30
SEED = int(os.environ.get("TAXALENS_SEED", "0"))


def flip(path: Path, chance: random.Random) -> None:
    """Flip one bit."""
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


def cut(path: Path, chance: random.Random) -> None:
    """Cut the end off."""
    content = path.read_bytes()
    path.write_bytes(content[: chance.randrange(len(content))])


def zero_page(path: Path, chance: random.Random) -> None:
    """Write zeros over one page."""
    content = bytearray(path.read_bytes())
    page = chance.randrange(0, len(content), 4096)
    content[page : page + 4096] = bytes(len(content[page : page + 4096]))
    path.write_bytes(content)


def delete(path: Path, chance: random.Random) -> None:
    """Delete it."""
    path.unlink()


WAYS: tuple[Callable[[Path, random.Random], None], ...] = (flip, cut, zero_page, delete)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a collection `c` of two sources, all kinds of files, and all their sources."""
    folder = tmp_path_factory.mktemp("whole")
    small_taxonomy(folder).close()
    for number, name in enumerate(("a", "b")):
        source = write_vectors(folder / f"{name}.parquet", 300 * number, 300)
        for _ in index_source(
            source, folder / "c", "bioclip-2", taxonomy=str(folder / "small.duckdb")
        ):
            pass
        if name == "a":
            optimize(folder / "c", index_from=1)
    with taxalens.open(folder / "c") as collection:
        derived.keep(folder / "c", "classifier", "0" * 64, {"an array": collection.vectors()})
    return folder


def files(collection: Path) -> list[Path]:
    """Return all files that a collection is made of, with its index, catalog and arrays."""
    manifest = read_manifest(collection)
    assert manifest.index
    kept = [path.relative_to(collection) for path in collection.glob("derived/*.kept")]
    others = (MANIFEST, manifest.index.path, catalog_path(collection, manifest).name)
    return [*map(Path, manifest.files), *map(Path, others), *kept]


def ask(collection: Path) -> None:
    """Ask a collection many things; an error of ours is an answer, too."""
    questions: tuple[Callable[[taxalens.Collection], object], ...] = (
        lambda one: one.info(),
        lambda one: one.search("Genus3", k=5),
        lambda one: one.search(image_id=one.search("Genus3", k=1)[0].image_id, k=5),
        lambda one: one.search("Genus3", where="note LIKE '%7'"),
        lambda one: one.audit(k=5),
        lambda one: one.suggest(k=5),
        lambda one: one.to_arrow(),
    )
    for question in questions:
        with suppress(taxalens.Error), taxalens.open(collection) as one:
            question(one)
    with suppress(taxalens.Error):
        list(taxalens.status(collection))


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("trial", range(TRIALS))
def test_damage_is_named_and_cured(whole: Path, tmp_path: Path, trial: int) -> None:
    chance = random.Random(SEED * 1_000_000 + trial)
    collection = Path(shutil.copytree(whole / "c", tmp_path / "c"))
    before = truth(collection)
    parts = files(collection)
    path, way = parts[trial % len(parts)], WAYS[trial // len(parts) % len(WAYS)]
    content = (collection / path).read_bytes()
    way(collection / path, chance)
    if (collection / path).exists() and (collection / path).read_bytes() == content:
        pytest.skip("a page of zeros")
    print(f"seed {SEED}, trial {trial}: {way.__name__} of {path}")
    ask(collection)
    if path.name != MANIFEST and not (way is delete and path.suffix in (".duckdb", ".kept")):
        assert path.as_posix() in [each.path for each in verify(collection)]
    cures = repair(collection)
    assert verify(collection) == []
    assert [each.path for each in cures if each.path == path.as_posix()] or way is delete
    taxalens.retry(collection)
    taxalens.update(collection)
    assert truth(collection) == before
    with taxalens.open(collection) as one:
        assert len(one) == len(before)
    assert repair(collection) == []


def test_a_damaged_file_is_set_apart(whole: Path, tmp_path: Path) -> None:
    collection = Path(shutil.copytree(whole / "c", tmp_path / "c"))
    path = read_manifest(collection).paths("labels")[0]
    content = (collection / path).read_bytes()[:100]
    (collection / path).write_bytes(content)
    (cure,) = repair(collection)
    assert str(cure).startswith(f"{path}: is not ")
    assert "taxalens update reads those of the sources again" in str(cure)
    assert (collection / APART / path.replace("/", "-")).read_bytes() == content


@pytest.mark.parametrize("trial", range(TRIALS // 5))
def test_a_flipped_bit_of_the_journal_is_named_and_costs_its_act_alone(
    whole: Path, tmp_path: Path, trial: int
) -> None:
    chance = random.Random(SEED * 1_000_000 + trial)
    collection = Path(shutil.copytree(whole / "c", tmp_path / "c"))
    with taxalens.open(collection) as one:
        images = list(one)[:5]
        for number, image_id in enumerate(images):
            one.label_as([image_id], f"label {number}", "Maria Ø")
    journal = collection / JOURNAL
    content = journal.read_bytes()
    flip(journal, chance)
    place = next(n for n, byte in enumerate(journal.read_bytes()) if byte != content[n])
    first = content[:place].count(b"\n")
    lost = {first, first + 1} if content[place] == ord("\n") else {first}
    is_torn = place == len(content) - 1  # the last act has no end
    print(f"seed {SEED}, trial {trial}: acts {lost}")
    assert (JOURNAL in [each.path for each in verify(collection)]) != is_torn
    if trial % 2:
        repair(collection)
        assert verify(collection) == []
    with taxalens.open(collection) as one:
        one.keep_labels()
    assert is_torn or [path.read_bytes() for path in (collection / APART).iterdir()]
    with taxalens.open(collection) as one:
        labels = [one[image_id].label for image_id in images]
    for number, label in enumerate(labels):
        assert (label == f"label {number}") == (number not in lost)


@pytest.mark.filterwarnings("ignore")
def test_a_catalog_that_was_not_closed_is_derived_again(
    whole: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    collection = Path(shutil.copytree(whole / "c", tmp_path / "c"))
    catalog = catalog_path(collection, read_manifest(collection))
    catalog.with_name(f"{catalog.name}.wal").write_bytes(b"")
    with taxalens.open(collection) as one:
        assert len(one) == 600
    assert "lies beside it: it was not closed" in caplog.text


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("page", range(4))
def test_a_damaged_page_of_the_catalog_is_a_sentence(
    whole: Path, tmp_path: Path, page: int
) -> None:
    collection = Path(shutil.copytree(whole / "c", tmp_path / "c"))
    catalog = catalog_path(collection, read_manifest(collection))
    block = 3 * 4096 + 262_144 * page
    content = bytearray(catalog.read_bytes())
    content[block + 9000] ^= 1
    catalog.write_bytes(content)
    ask(collection)
    repair(collection)
    assert catalog.read_bytes()[block + 9000] != content[block + 9000]


def test_a_damaged_table_is_named_where_a_catalog_is_derived_of_it(
    whole: Path, tmp_path: Path
) -> None:
    collection = Path(shutil.copytree(whole / "c", tmp_path / "c"))
    catalog_path(collection, read_manifest(collection)).unlink()
    path = next(path for path in read_manifest(collection).files if path.startswith("inputs/"))
    size = (collection / path).stat().st_size
    (collection / path).write_bytes(bytes(size))
    with pytest.raises(taxalens.CollectionError, match=f"{path} cannot be read") as raised:
        taxalens.open(collection)
    assert "Traceback" not in str(raised.value)


@pytest.mark.parametrize("page", ["PROMISES.md", "security.md"])
def test_every_promise_names_tests_that_exist(page: str) -> None:
    root = Path(taxalens.__file__).parent
    rows = [line for line in (root / "docs" / page).read_text().splitlines() if "::" in line]
    assert len(rows) > 12
    for row in rows:
        for file, test in re.findall(r"`([\w/]+\.py)::(\w+)`", row):
            assert f"\ndef {test}(" in (root / "tests" / file).read_text(), test
