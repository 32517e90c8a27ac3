"""The library without screens: what `import taxalens` offers, and that none of it prints."""

import ast
import datetime
import importlib
import inspect
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from colours import ColourEncoder
from pictures import write_picture
from taxonomies import write_source

import taxalens
from model.errors import Error
from search.label.labelling import Labelling

VERBS = (
    *("index", "add", "update", "retry", "remove", "relocate", "optimize", "status", "verify"),
    *("backup", "repair"),
    *("open", "load_encoder"),
)
METHODS = (
    *("search", "search_each", "neighbours", "identify", "label", "audit", "suggest", "export"),
    *("info", "vectors", "to_arrow", "reload", "close"),
)
SOURCE = ast.parse(Path(taxalens.__file__).read_text())


@pytest.fixture
def photos(tmp_path: Path) -> Path:
    for name, colour in (("Panthera leo/a.png", "orange"), ("Pica pica/b.png", "black")):
        write_picture(tmp_path / "photos" / name, colour)
    (tmp_path / "photos" / "broken.png").write_text("no picture")
    return tmp_path / "photos"


@pytest.fixture
def place(photos: Path) -> Path:
    """A collection c of the photographs, made through the door."""
    taxalens.index(photos, photos.parent / "c", encoder=ColourEncoder())
    return photos.parent / "c"


@pytest.fixture
def opened(place: Path) -> Iterator[taxalens.Collection]:
    with taxalens.open(place, ColourEncoder()) as collection:
        yield collection


def test_types_and_look_up_name_the_same_things() -> None:
    (block,) = [node for node in SOURCE.body if isinstance(node, ast.If)]
    typed = {
        each.asname or each.name
        for node in block.body
        if isinstance(node, ast.ImportFrom)
        for each in node.names
    }
    assert typed == set(taxalens.__all__) == set(taxalens._PLACES)
    assert set(dir(taxalens)) == typed | {"__version__"}


def test_every_error_is_public() -> None:
    module = importlib.import_module("model.errors")
    errors = {name for name, each in vars(module).items() if inspect.isclass(each)}
    errors = {name for name in errors if issubclass(getattr(module, name), Error)}
    assert "BadInput" in errors
    assert errors <= set(taxalens.__all__)


@pytest.mark.parametrize("name", [*VERBS, *METHODS, "import_", "list", "resolve", "show", "use"])
def test_signatures_are_spelled_out(name: str) -> None:
    home = (
        taxalens
        if name in VERBS
        else taxalens.Collection
        if name in METHODS
        else taxalens.taxonomies
    )
    parameters = inspect.signature(getattr(home, name)).parameters.values()
    assert not [each for each in parameters if each.kind in (each.VAR_KEYWORD, each.VAR_POSITIONAL)]
    assert all(each.default != "" for each in parameters), "None is absent"


def test_no_verb_prints(
    photos: Path,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "home"))
    steps: list[taxalens.Step] = []
    place = tmp_path / "c"
    counts = taxalens.index(
        photos, place, encoder=ColourEncoder(), taxonomy="none", progress=steps.append
    )
    assert (counts.embedded, counts.failed) == (2, 1)
    assert (steps[0].done, steps[0].total, steps[-1].done) == (0, 3, 3)
    assert steps[0].bytes > 0
    assert [each.status for each in taxalens.status(place)].count("failed") == 1
    with taxalens.open(place, ColourEncoder()) as collection:
        assert len(collection.search("Pica pica")) == 1
        assert [len(hits) for hits in collection.search_each(["Pica pica"])] == [1]
        assert sum(len(batch) for batch in collection.neighbours(1)) == 2
        assert collection.audit().images == 2
        assert len(collection.suggest()) == 0
        assert collection.export(tmp_path / "t.csv", progress=steps.append).images == 2
        for filters in ({"rank": "species"}, {"exclude": "Panthera leo"}):
            written = collection.export(tmp_path / f"{next(iter(filters))}.csv", **filters)
            assert written.images == len(collection.search(text="red", **filters))
        assert collection.info()["images"] == "2"
        assert len(collection.identify(photos / "Pica pica", precision=0.5)) == 1
    taxalens.retry(place)
    taxalens.update(place)
    taxalens.optimize(place, ColourEncoder(), progress=steps.append)
    assert taxalens.verify(place, progress=steps.append) == []
    assert taxalens.remove(place, "photos/Pica pica/b.png") == 1
    write_source(tmp_path / "taxa.csv")
    done = taxalens.taxonomies.import_(tmp_path / "taxa.csv", name="mine")
    assert [each.about.name for each in taxalens.taxonomies.list()] == [done.about.name]
    (lion,) = taxalens.taxonomies.resolve("Panthera leo", taxonomy="mine", collection=place)
    assert (lion.rank, lion.lineage[4]) == ("species", "Felidae")
    shown = taxalens.taxonomies.show("Felidae", taxonomy="mine", collection=place)
    assert {each.relation for each in shown} == {"above", "itself", "below"}
    taxalens.taxonomies.use(place, "mine")
    photos.rename(tmp_path / "moved")
    assert taxalens.relocate(place, photos, tmp_path / "moved") == 2
    assert capsys.readouterr() == ("", "")


def test_python_values_are_pythons(opened: taxalens.Collection) -> None:
    assert opened.search(text="red", rank=taxalens.Rank.SPECIES, where=None, group_by=None)
    assert opened.search(text="red", plus=("black", 2.0), minus=[("orange", 0.5), "blue"]).meaning
    with pytest.raises(taxalens.Error, match="decimalLatitude"):
        opened.search(text="red", near=(52.5, 13.4, 20))
    for date in (datetime.date(2021, 5, 1), "2021", ("2021-05", None), (None, "2022")):
        with pytest.raises(taxalens.Error, match="eventDate"):
            opened.search(text="red", date=date)


def test_a_collection_is_a_mapping_of_its_images(opened: taxalens.Collection) -> None:
    ids = list(opened)
    table = opened.to_arrow()
    assert ids == table["image_id"].to_pylist()
    assert opened.vectors().shape == (2, ColourEncoder().dim)
    lion = opened[ids[table["label"].to_pylist().index("Panthera leo")]]
    assert (lion.title, lion.score) == ("Panthera leo", 1.0)
    (nearest,) = opened.search(image=opened.vectors()[ids.index(lion.image_id)], k=1)
    assert nearest.image_id == lion.image_id
    assert lion.image_id in opened
    assert "nothing" not in opened
    with pytest.raises(taxalens.UnknownName, match="nothing"):
        opened["nothing"]


def test_a_collection_without_images_is_still_there(place: Path) -> None:
    taxalens.remove(place, "*")
    empty = taxalens.open(place, ColourEncoder())
    assert len(empty) == 0
    assert empty
    assert empty.vectors().shape == (0, ColourEncoder().dim)
    assert empty.to_arrow().num_rows == 0


def test_reload_shows_what_was_added(opened: taxalens.Collection, photos: Path) -> None:
    write_picture(photos / "new.png", "lime")
    taxalens.index(photos, opened.snapshot.folder, encoder=ColourEncoder())
    encoder = opened.encoder
    assert len(opened) == 2
    opened.reload()
    assert len(opened) == 3
    assert opened.encoder is encoder
    assert len(opened.search(text="lime", k=5)) == 3


def test_saved_labels_are_there_after_reload(opened: taxalens.Collection, photos: Path) -> None:
    write_picture(photos / "Panthera leo/c.png", "orange", (40, 40))
    write_picture(photos / "Pica pica/d.png", "black", (40, 40))
    write_picture(photos / "unsorted.png", "#ffa010", (40, 40))
    taxalens.index(photos, opened.snapshot.folder, encoder=ColourEncoder())
    opened.reload()
    labelling = opened.label(where="label = ''")
    assert isinstance(labelling, Labelling)
    assert labelling.save() == 1
    opened.reload()
    assert opened.to_arrow()["machine_label"].to_pylist().count("Panthera leo") == 1


def test_warnings_are_logged(
    photos: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (tmp_path / "l.csv").write_text("file_name,taxon\nnone.png,Pica pica\n")
    with caplog.at_level(logging.WARNING, "taxalens"):
        taxalens.index(photos, tmp_path / "c", encoder=ColourEncoder(), labels=tmp_path / "l.csv")
    assert "1 of 1 labels match nothing here: none.png" in caplog.text


def test_errors_name_arguments_not_options(tmp_path: Path) -> None:
    (tmp_path / "urls.txt").write_text("https://example.org/1.jpg\n")
    with pytest.raises(taxalens.BadInput, match="pass fetch=True") as raised:
        taxalens.index(tmp_path / "urls.txt", tmp_path / "c", encoder=ColourEncoder())
    assert "--" not in str(raised.value)


def test_a_source_of_urls_with_labels_is_fetched(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    manifest = "https://example.org/manifest.json"
    asked = []

    def fetch(self: object, url: str) -> bytes:
        asked.append(url)
        raise taxalens.BadInput(f"{url} was asked for.")

    monkeypatch.setattr("indexer.inputs.fetching.Fetcher.__call__", fetch)
    (tmp_path / "l.csv").write_text("file_name,taxon\na.png,Pica pica\n")
    with pytest.raises(taxalens.BadInput, match="was asked for"):
        taxalens.index(manifest, tmp_path / "c", labels=tmp_path / "l.csv", fetch=True)
    assert asked == [manifest]
