"""The catalog: brought up to date by what is new, it is as if made from the beginning."""

import itertools
from collections.abc import Callable
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import run, write_picture
from taxonomies import small_taxonomy

from indexer.catalog import catalog_file
from indexer.catalog.catalog_file import catalog_path, write_catalog
from indexer.catalog.snapshot import open_snapshot
from indexer.catalog.tables import bring_up
from indexer.ingest.identifications import write_identifications
from indexer.ingest.remove_relocate import remove
from indexer.ingest.run import NO_TAXONOMY, use_taxonomy
from indexer.labels.label_files import Label
from indexer.store.manifest import read_manifest
from indexer.store.segment import IDENTIFICATIONS
from model.errors import BadInput
from model.taxon import Taxon

TABLES = (
    "identifications",
    "inputs",
    "images",
    "meanings",
    "labels",
    "thumbs",
    "hashes",
    "taxa",
    "names",
    "endings",
)
FILES = ("a.png", "b.png", "Panthera leo/c.png", "Pica_hudsonia/d.png")
COLOURS = ("red", "green", "blue")
LABELS = (
    Label("lion", None, {"site": "A", "height": "5"}),
    Label("robin", None, {"Site": "B", "height": "x"}),
    Label("blank"),
    Label("", None, {"when": "2021-05-01"}),
    Label("a bear", Taxon.from_ranks(["Animalia", *[""] * 5, "Ursus arctos"], "teddy")),
    Label("a bear", Taxon.from_ranks(["Animalia", *[""] * 5, "Ursus arctos"], "brown one")),
    Label("fungus", Taxon.from_ranks(["Fungi", *[""] * 6])),
)


def told(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple[object, ...]]]:
    """Return what a catalog says, whatever the order of its lines."""
    said = {
        table: sorted(connection.execute(f"SELECT * FROM {table}").fetchall(), key=repr)
        for table in TABLES
    }
    names = [name for name, *_ in connection.execute("DESCRIBE searchable").fetchall()]
    rows = connection.execute("SELECT COLUMNS(*)::VARCHAR FROM searchable ORDER BY 1").fetchall()
    filled = [{(name, each) for name, each in zip(names, row, strict=True) if each} for row in rows]
    return {**said, "searchable": sorted(map(sorted, filled))}  # type: ignore[dict-item]


def as_if_new(collection: Path) -> dict[str, list[tuple[object, ...]]]:
    with duckdb.connect() as connection:
        bring_up(connection, collection, read_manifest(collection))
        return told(connection)


def as_it_is(collection: Path) -> dict[str, list[tuple[object, ...]]]:
    path = catalog_path(collection, read_manifest(collection))
    with duckdb.connect(str(path), read_only=True) as connection:
        return told(connection)


def changes(folder: Path) -> dict[str, Callable[[int], object]]:
    """Return what may be done to a collection `c` of the folder `p`, each by a number."""
    photos, collection = folder / "p", folder / "c"

    def picture(number: int) -> None:
        write_picture(photos / FILES[number % len(FILES)], COLOURS[number % len(COLOURS)])
        run(photos, collection)

    def gone(number: int) -> None:
        (photos / FILES[number % len(FILES)]).unlink(missing_ok=True)
        write_picture(photos / "kept.png", "white")
        run(photos, collection)

    def removed(number: int) -> None:
        remove(collection, [f"p/{FILES[number % len(FILES)]}"])

    def labelled(number: int) -> None:
        labels = {FILES[number % len(FILES)]: LABELS[number % len(LABELS)]}
        run(photos, collection, labels=labels)

    def meant(number: int) -> None:
        use_taxonomy(collection, str(folder / "small.duckdb") if number % 2 else NO_TAXONOMY)

    def identified(number: int) -> None:
        said = LABELS[number % len(LABELS)]
        with open_snapshot(collection) as snapshot:
            ((image_id,), *_) = snapshot.query("SELECT image_id FROM images ORDER BY 1")
        line = {"image_id": image_id, "label": said.text}
        line["taxon_key"] = said.taxon.key if said.taxon else None
        batch = pa.Table.from_pylist([line], schema=IDENTIFICATIONS).to_batches()
        write_identifications(collection, batch)

    return {each.__name__: each for each in (picture, gone, removed, labelled, meant, identified)}


@settings(max_examples=10)
@given(
    st.lists(
        st.tuples(
            st.sampled_from(["picture", "gone", "removed", "labelled", "meant", "identified"]),
            st.integers(0, 83),
        ),
        min_size=2,
        max_size=5,
    )
)
def test_brought_up_to_date_is_as_if_made_from_the_beginning(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, int]]
) -> None:
    folder = tmp_path_factory.mktemp("steps")
    small_taxonomy(folder).close()
    do = changes(folder)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(catalog_file, "_MOST", 0.0)  # always from the one before
        for what, number in [("picture", 0), ("picture", 2), *steps]:
            try:
                do[what](number)
            except BadInput:
                continue  # what is not there cannot be removed
            assert as_it_is(folder / "c") == as_if_new(folder / "c"), (what, number)


def test_it_begins_with_the_one_before_where_little_is_new(
    photos: Path, collection: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copied = itertools.count()
    copy = catalog_file.shutil.copyfile
    monkeypatch.setattr(catalog_file.shutil, "copyfile", lambda *a: (next(copied), copy(*a)))
    write_picture(photos / "more.png", "teal")
    run(photos, collection)
    assert next(copied) == 0  # one of nine is more than a tenth, with its label and input
    monkeypatch.setattr(catalog_file, "_MOST", 0.5)
    write_picture(photos / "again.png", "pink")
    run(photos, collection)
    assert next(copied) == 2
    assert as_it_is(collection) == as_if_new(collection)


def test_a_catalog_of_other_files_is_not_built_upon(
    photos: Path, collection: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(catalog_file, "_MOST", 0.0)
    run(photos, tmp_path / "other")
    write_picture(photos / "more.png", "teal")
    run(photos, tmp_path / "other")
    for path in collection.glob("catalog-*"):
        path.unlink()
    (theirs,) = (tmp_path / "other").glob("catalog-*.duckdb")
    theirs.rename(collection / theirs.name)
    (collection / "catalog-0-damaged.duckdb").write_bytes(b"no database")
    write_catalog(collection, read_manifest(collection))
    assert as_it_is(collection) == as_if_new(collection)
