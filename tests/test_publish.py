"""A collection published in Milvus answers what it answers at home, and is whole or absent."""

import json
import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from colours import ColourEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from planted import GROUPS
from publishing import prepared

import indexer.publish.milvus
import taxalens
from indexer.catalog.sensitive_places import shown_metadata
from indexer.publish.address import address_of
from indexer.publish.milvus_server import connect
from model.errors import BadInput, CollectionError, EncoderMismatch, Error, UnknownName
from search.collection import Collection
from search.hits import IDENTIFIED, Hit, Hits
from search.publish import publish

pytest.importorskip("milvus_lite", reason="Milvus Lite: pip install --no-deps milvus-lite")
pytestmark = pytest.mark.filterwarnings("ignore")  # of Milvus Lite
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


@settings(max_examples=60)
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
    monkeypatch.setattr(indexer.publish.milvus, "_GRAPH", {"M": 4, "efConstruction": 4})
    monkeypatch.setattr(indexer.publish.milvus, "TARGET", 1.1)
    with pytest.raises(Error, match="nothing was published"):
        publish(root / "c", uri, ColourEncoder(), index_from=1)
    assert client.list_collections() == before
    assert served.search(text="gold")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="fork is not here")
def test_killed_at_any_call_the_name_leads_to_a_whole_publication(root: Path) -> None:
    uri = f"milvus://{root}/killed.db/birds"
    calls = range(1, 30) if os.environ.get("TAXALENS_TRUST") == "long" else (1, 5, 14, 16)
    command = [sys.executable, "-W", "ignore", "publishing.py", root / "c", uri]
    path = os.pathsep.join([str(HERE.parent), *filter(None, sys.path)])
    ended = subprocess.run(
        [*map(str, command), "-1", *map(str, calls)],
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
    first, *trials = json.loads(ended.stdout.splitlines()[-1])
    print([t["made"] for t in (first, *trials)], trials)
    whole = first["after"]
    assert whole["images"] == len(whole["ids"]) == 20
    for trial in trials:
        assert trial["made"] is None or trial["made"] < trial["call"]
        after = trial["after"]
        assert (after["images"], after["ids"]) == (whole["images"], whole["ids"])
        assert trial["again"] == whole  # and what the killed one left is swept
