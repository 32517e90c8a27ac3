"""A collection published in Milvus answers what it answers at home, and is whole or absent."""

import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from click.testing import CliRunner
from colours import ColourEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import run
from planted import GROUPS
from publishing import prepared

import indexer.publish.milvus
import taxalens
from indexer.backends.selection import selection_of
from indexer.catalog.sensitive_places import shown_metadata
from indexer.labels.label_files import Label
from indexer.publish.address import address_of, shown
from indexer.publish.facts import Effort
from indexer.publish.milvus_server import connect
from indexer.publish.recall import RANGES
from model.errors import BadInput, CollectionError, EncoderMismatch, Error, UnknownName
from search.collection import Collection
from search.hits import IDENTIFIED, Hit, Hits
from search.publish import publish
from search.published.images import expression
from ui.cli import main

pymilvus = pytest.importorskip("pymilvus", reason='pip install "taxalens[milvus]"')
pytest.importorskip("milvus_lite", reason="Milvus Lite: pip install --no-deps milvus-lite")
ROUNDING = 1e-5
HERE = Path(__file__).parent


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("published")
    prepared(root)
    return root


@pytest.fixture(scope="module")
def home(root: Path) -> Collection:
    return taxalens.open(root / "c", ColourEncoder())


@pytest.fixture(scope="module")
def uri(root: Path) -> str:
    return f"milvus://{root}/lite.db/birds"


@pytest.fixture(scope="module")
def served(root: Path, uri: str) -> Collection:
    done = publish(root / "c", uri, ColourEncoder())
    assert (done.recall, done.replaced) == (1.0, False)
    return taxalens.open(uri, ColourEncoder())


QUERIES: Sequence[dict[str, Any]] = (
    *({"query": name} for name in ("Felidae", "Aves", "Panthera leo", "Animalia", "blank")),
    *({"query": name} for name in ("night", "gold thing", "panthera", "Carabus")),
    {"taxon": "Corvidae"},
    {"text": "navy"},
    {"image": "photos/lime1.png"},
    {"image": ["photos/gold1.png", "photos/lime1.png"]},
    {"image_id": "photos/gold2.png"},
)
NAMES = st.sampled_from(["Animalia", "Mammalia", "Insecta", "Pica hudsonia"])


@settings(max_examples=25)
@given(
    asked=st.sampled_from(QUERIES),
    within=st.lists(NAMES, max_size=2),
    exclude=st.lists(NAMES, max_size=1),
    rank=st.sampled_from([None, "species", "class"]),
    k=st.integers(1, 30),
    skip=st.integers(0, 4),
)
def test_it_answers_as_the_collection_itself(
    root: Path, home: Collection, served: Collection, asked: dict[str, Any], **options: Any
) -> None:
    asked = resolved(root, home, asked)
    everything = home.search(**asked, **options | {"k": 100, "skip": 0})
    expected = home.search(**asked, **options)
    found = served.search(**asked, **options)
    assert_alike(found, expected, everything)


def resolved(root: Path, home: Collection, asked: dict[str, Any]) -> dict[str, Any]:
    """Return a query with the paths and ids of this collection."""
    ((kind, value),) = asked.items()
    if kind == "image":
        paths = [value] if isinstance(value, str) else value
        return {kind: [root / path for path in paths]}
    if kind == "image_id":
        return {kind: next(each for each in home if home[each].source_id == value)}
    return asked


def assert_alike(found: Hits, expected: Hits, everything: Hits) -> None:
    """Equal up to the order of hits that are equally good."""
    for name in ("meaning", "labelled", "total", "floor", "unlabelled"):
        assert getattr(found, name) == getattr(expected, name), name
    assert (found.best is None) == (expected.best is None)
    if found.best is not None:
        assert found.best == pytest.approx(expected.best, abs=ROUNDING)
    known = {hit.image_id: hit for hit in everything}
    assert len({hit.image_id for hit in found}) == len(found) == len(expected)
    for hit, other in zip(found, expected, strict=True):
        assert hit.match == other.match
        assert hit.score == pytest.approx(other.score, abs=ROUNDING)
        assert_same_image(hit, known[hit.image_id])
        assert known[hit.image_id].score == pytest.approx(hit.score, abs=ROUNDING)
        if hit.match == IDENTIFIED:
            assert hit.confidence == other.confidence


def assert_same_image(hit: Hit, other: Hit) -> None:
    for name in ("source_id", "url", "match", "label", "taxon", "scientific_name", "title"):
        assert getattr(hit, name) == getattr(other, name), name
    assert (hit.identification, hit.confidence) == (other.identification, other.confidence)
    assert hit.metadata == shown_metadata(other.metadata)


@given(st.sets(st.integers(0, 399), min_size=1))
def test_a_filter_is_the_same_however_it_is_written(chosen: set[int]) -> None:
    rows = np.array(sorted(chosen), np.int64)
    written = expression(selection_of(rows), 400)
    code = re.sub(r"\bnaming\b", "n", written) or "True"
    assert {n for n in range(400) if eval(code, {"n": n})} == chosen
    assert written.count(" or ") <= RANGES
    assert len(written) < 6 * min(len(chosen), 400 - len(chosen)) + 40 * RANGES + 40


def test_many_names_are_searched_one_after_another(home: Collection, served: Collection) -> None:
    asked = ["Felidae", "gold", "", "Pica hudsonia"]
    for found, expected in zip(
        served.search_each(asked, 3), home.search_each(asked, 3), strict=True
    ):
        assert_alike(found, expected, expected)


def test_the_surest_come_first_where_they_cannot_all_be_listed(
    home: Collection, served: Collection
) -> None:
    published = served.published
    served.__dict__["published"] = replace(published, images=replace(published.images, most=1))
    try:
        found = served.search("Animalia", within="Animalia", k=1)
        (sure,) = [each for each in home.search("Panthera leo", k=50) if each.match == IDENTIFIED]
        vector = home.encoder.encode_texts(["gold"])
        (best,) = served.published.images.surest(vector, 1, "confidence >= 0")
        assert best.line["image_id"] == sure.image_id
    finally:
        served.__dict__["published"] = published
    assert found


def test_k_means_k_though_few_lists_are_looked_at(root: Path, home: Collection) -> None:
    uri = f"milvus://{root}/lite.db/lists"
    publish(root / "c", uri, ColourEncoder(), index_from=1)
    with taxalens.open(uri, ColourEncoder()) as served:
        assert served.facts.effort.lists
        published = served.published
        effort = Effort(served.facts.effort.lists, 1, 1)
        served.published = replace(published, images=replace(published.images, effort=effort))
        for within in ((), "Aves"):
            found, expected = (
                each.search(text="gold", within=within, k=50) for each in (served, home)
            )
            assert_alike(found, expected, expected)


def test_one_image_is_known_by_its_id(home: Collection, served: Collection) -> None:
    for image_id in home:
        assert image_id in served
        assert_same_image(served[image_id], home[image_id])
    assert len(served) == len(home)
    assert "naming 0" not in served
    with pytest.raises(UnknownName, match="no image with the id"):
        served["naming 0"]
    with pytest.raises(UnknownName, match="No image of this collection"):
        served.search(image_id='" or naming >= 0')


def test_a_removed_image_is_not_published(root: Path, uri: str, served: Collection) -> None:
    assert "navy4.png" not in everything_in(uri)
    assert "navy3.png" in everything_in(uri)


def test_no_exact_place_of_a_threatened_species_and_no_folder_is_published(
    root: Path, uri: str, served: Collection
) -> None:
    said, lion, crow = everything_in(uri), GROUPS["gold"], GROUPS["navy"]
    assert str(crow.latitude) in said
    assert str(lion.latitude) not in said
    assert str(lion.longitude) not in said
    assert str(root) not in said


def everything_in(uri: str) -> str:
    """Return all that lies in Milvus as text, the facts unpacked."""
    client = connect(address_of(uri))
    lines = [
        line
        for name in client.list_collections()
        if not name.endswith("_facts")
        for line in client.query(name, filter="naming >= 0", output_fields=["*"], limit=1000)
    ]
    with taxalens.open(uri, ColourEncoder()) as opened:
        facts = opened.facts
    tables = {name: table.to_pydict() for name, table in facts.tables.items()}
    return f"{[dict(line) for line in lines]} {tables} {facts}"


@pytest.mark.parametrize(
    "argument",
    [
        {"where": "site = 'A'"},
        {"near": (1.0, 2.0, 3.0)},
        {"date": "2021"},
        {"group_by": "site"},
        {"sequence": 60.0},
        {"distinct": True},
        {"diverse": True},
    ],
    ids=lambda argument: next(iter(argument)),
)
def test_an_argument_that_milvus_cannot_serve_is_refused_by_name(
    served: Collection, argument: dict[str, Any]
) -> None:
    (name,) = argument
    with pytest.raises(Error, match=f"^{name} needs the collection itself"):
        served.search("Felidae", **argument)


@pytest.mark.parametrize(
    "ask",
    [
        lambda served: list(served),
        lambda served: served.identify("x.png"),
        lambda served: served.label({}),
        lambda served: list(served.neighbours()),
        lambda served: served.export("x.csv"),
        lambda served: served.to_arrow(),
        lambda served: served.vectors(),
        lambda served: served.audit(),
        lambda served: served.suggest(),
        lambda served: served.adapt(),
        lambda served: served.sequences(),
        lambda served: served.morphospecies(),
    ],
)
def test_whatever_needs_the_collections_files_is_refused(served: Collection, ask: Any) -> None:
    with pytest.raises(Error, match="answers searches only"):
        ask(served)


def test_the_server_in_this_process_writes_no_tracebacks(served: Collection) -> None:
    # gRPC would log one for each question that Milvus Lite does not know.
    assert not logging.getLogger("grpc._server").isEnabledFor(logging.ERROR)


def test_another_encoder_is_refused(uri: str, served: Collection) -> None:
    for version in ("1 ", "2"):
        with (
            taxalens.open(uri, ColourEncoder(version)) as opened,
            pytest.raises(EncoderMismatch, match="was made with"),
        ):
            opened.search(text="gold")


def test_a_vector_of_another_length_is_refused(served: Collection) -> None:
    with pytest.raises(BadInput, match="49"):
        served.search(image=np.ones(7, np.float32))


def test_a_new_publication_takes_the_place_of_the_old_one(root: Path) -> None:
    uri = f"milvus://{root}/lite.db/again"
    publish(root / "c", uri, ColourEncoder())
    before = set(connect(address_of(uri)).list_collections())
    with taxalens.open(uri, ColourEncoder()) as earlier:
        assert publish(root / "c", uri, ColourEncoder()).replaced
        after = set(connect(address_of(uri)).list_collections())
        with pytest.raises(CollectionError, match="open it once more"):
            earlier.search(text="gold")
        earlier.reload()
        assert len(earlier.search(text="gold", k=5)) == 5
    old, new = before - after, after - before
    assert (len(old), len(new)) == (2, 2)
    assert all(name.startswith("again__") for name in old | new)


def test_a_recall_that_is_too_low_publishes_nothing(
    root: Path, uri: str, served: Collection, monkeypatch: pytest.MonkeyPatch
) -> None:
    client = connect(address_of(uri))
    before = client.list_collections()
    monkeypatch.setattr(indexer.publish.milvus, "TARGET", 1.1)
    with pytest.raises(Error, match="nothing was published"):
        publish(root / "c", uri, ColourEncoder(), index_from=1)
    assert client.list_collections() == before
    assert served.search(text="gold")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is not here")
def test_killed_at_any_call_the_name_leads_to_a_whole_publication(root: Path) -> None:
    uri = f"milvus://{root}/killed.db/birds"
    calls = range(1, 13) if os.environ.get("TAXALENS_TRUST") == "long" else (11, 12)
    command = [sys.executable, "-W", "ignore", "publishing.py", root / "c", uri]
    path = os.pathsep.join([str(HERE.parent), *filter(None, sys.path)])
    ended = subprocess.run(
        [*map(str, command), *map(str, calls)],
        cwd=HERE,
        env={
            **os.environ,
            "PYTHONPATH": path,
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == 0, ended.stderr
    first, *trials, last = json.loads(ended.stdout.splitlines()[-1])
    whole = first["seen"]
    assert (whole["images"], len(whole["ids"]), whole["collections"]) == (20, 20, 2)
    for trial in trials:
        assert trial["made"] is None, "it was not killed"
        assert trial["seen"]["ids"] == whole["ids"]
    assert any(trial["seen"]["collections"] > 2 for trial in trials)
    assert last["seen"] == whole  # what killed ones left is swept


@pytest.mark.parametrize(
    ("written", "uri", "name", "token"),
    [
        ("milvus://localhost:19530/birds", "http://localhost:19530", "birds", ""),
        ("milvus://localhost/birds", "http://localhost:19530", "birds", ""),
        ("milvus:/localhost:1/birds", "http://localhost:1", "birds", ""),
        ("milvus://[::1]:7/b_2", "http://[::1]:7", "b_2", ""),
        ("milvus://me:a%40b@host:1/birds", "http://host:1", "birds", "me:a@b"),
        ("milvus:///no/such/a.db/birds", "/no/such/a.db", "birds", ""),
    ],
)
def test_an_address_names_a_server_or_a_file_and_a_name(
    written: str, uri: str, name: str, token: str
) -> None:
    address = address_of(written)
    assert (address.uri, address.name, address.token) == (uri, name, token)
    if not token:
        assert address_of(str(address)) == address
    assert "a@b" not in f"{address} {address!r}"


def test_a_file_of_lite_is_here_unless_it_lies_at_the_root(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    here = str(tmp_path / "a.db")
    for written in ("milvus://a.db/birds", Path("milvus://a.db/birds"), f"milvus://{here}/birds"):
        assert address_of(written).uri == here
    (tmp_path / "a.db").mkdir()
    assert address_of(Path(f"milvus://{here}/birds")).uri == here


@pytest.mark.parametrize(
    ("uri", "says"),
    [
        ("birds.db/birds", "is not the address of a published collection; write milvus://"),
        ("milvus://localhost:19530", "is not the address of a published collection"),
        ("milvus://localhost:x/birds", "names no server; write milvus://HOST"),
        ("milvus://me:secret@localhost:x/birds", "milvus://localhost:x/birds names no server"),
        ("milvus://localhost:1/a/birds", "names no server"),
        ("milvus://localhost:1/two words", "'two words' cannot be a name in Milvus"),
        ("milvus://127.0.0.1:1/birds", "Milvus does not answer at milvus://127.0.0.1:1/birds"),
    ],
)
def test_what_cannot_be_published_to_is_one_sentence(root: Path, uri: str, says: str) -> None:
    with pytest.raises((BadInput, CollectionError), match=re.escape(says)) as raised:
        publish(root / "c", uri, ColourEncoder())
    assert "secret" not in str(raised.value)


def test_a_name_that_is_another_collections_is_refused(root: Path, served: Collection) -> None:
    client = connect(address_of(f"milvus://{root}/lite.db/birds"))
    client.create_collection("mine", dimension=4)
    client.create_collection("mine__0123456789ab", dimension=4)
    before = sorted(client.list_collections())
    with pytest.raises(Error, match="The name mine is taken"):
        publish(root / "c", f"milvus://{root}/lite.db/mine", ColourEncoder())
    with pytest.raises(CollectionError, match=r"Nothing is published at .*/nothing; publish"):
        taxalens.open(f"milvus://{root}/lite.db/nothing")
    assert sorted(client.list_collections()) == before


def test_a_collection_without_images_is_not_published(tmp_path: Path, collection: Path) -> None:
    taxalens.remove(collection, "*")
    with pytest.raises(BadInput, match="has no images to publish"):
        publish(collection, f"milvus://{tmp_path}/lite.db/birds", ColourEncoder())


def test_the_command_line_ends_in_a_sentence(root: Path) -> None:
    arguments = ["publish", "milvus", "--uri", "milvus://localhost", "-c", str(root / "c")]
    ended = CliRunner().invoke(main, arguments)
    assert (ended.exit_code, ended.output.count("\n")) == (1, 1)
    assert ended.output.startswith("Error: milvus://localhost is not the address")


def test_a_query_plus_another_is_weighed_alike(tmp_path: Path, collection: Path) -> None:
    uri = f"milvus://{tmp_path}/lite.db/birds"
    publish(collection, uri, ColourEncoder())
    with (
        taxalens.open(uri, ColourEncoder()) as served,
        taxalens.open(collection, ColourEncoder()) as home,
    ):
        for asked in ({"plus": "red"}, {"minus": ("navy", 2.0)}, {"plus": "red", "minus": "lime"}):
            found, expected = (each.search(text="yellow", **asked) for each in (served, home))
            assert_alike(found, expected, expected)


def test_long_metadata_are_refused_with_the_name_of_the_image(
    root: Path, collection: Path, photos: Path
) -> None:
    run(photos, collection, labels={"red.png": Label("", None, {"note": "x" * 70_000})})
    with pytest.raises(BadInput, match=r"metadata of photos/red.png has 70,0\d\d bytes"):
        publish(collection, f"milvus://{root}/lite.db/long", ColourEncoder())
    assert not [each for each in names_in(root) if each.startswith("long")]


def names_in(root: Path) -> list[str]:
    return list(connect(address_of(f"milvus://{root}/lite.db/birds")).list_collections())


def test_without_pymilvus_the_extra_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pymilvus", None)
    with pytest.raises(Error, match=r'pip install "taxalens\[milvus\]"'):
        taxalens.open("milvus://localhost:1/birds")


def test_settings_of_an_env_file_are_not_taken(tmp_path: Path) -> None:
    """Pymilvus would set every variable of the first .env above its own folder."""
    package = Path(pymilvus.__file__).parent
    shutil.copytree(package, tmp_path / "pymilvus", ignore=shutil.ignore_patterns("*.pyc"))
    (tmp_path / ".env").write_text("TAKEN=1\n")
    code = """
import os, taxalens
try:
    taxalens.open("milvus://127.0.0.1:1/birds")
except taxalens.CollectionError:
    print(os.environ.get("TAKEN"), os.environ.get("PYTHON_DOTENV_DISABLED"))
"""
    path = os.pathsep.join(map(str, (tmp_path, HERE.parent)))
    command = [sys.executable, "-W", "ignore", "-c", code]
    ended = subprocess.check_output(command, env={**os.environ, "PYTHONPATH": path}, text=True)
    assert ended == "None None\n"


@pytest.mark.parametrize("command", ["index photos", "info", "optimize", "serve", "status"])
def test_only_search_takes_an_address(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    ended = CliRunner().invoke(main, [*command.split(), "-c", "milvus://localhost/birds"])
    assert ended.exit_code == 1
    assert "milvus://localhost/birds is a published collection" in ended.output
    assert not list(tmp_path.iterdir())


def test_a_password_is_never_shown(tmp_path: Path) -> None:
    written = "milvus://me:of-the-museum@localhost/birds"
    for command in ("info", "status"):
        ended = CliRunner().invoke(main, [command, "-c", written])
        assert ended.exit_code == 1
        assert "of-the-museum" not in ended.output
    assert shown(Path(written)) == shown(written) == "milvus://localhost/birds"
