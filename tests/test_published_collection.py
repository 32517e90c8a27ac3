"""A published collection answers what it answers at home, and refuses what it cannot."""

import logging
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from colours import ColourEncoder
from hypothesis import given, settings
from hypothesis import strategies as st

import taxalens
from indexer.backends.selection import selection_of
from indexer.catalog.sensitive_places import shown_metadata
from indexer.publish.facts import Effort
from indexer.publish.recall import RANGES
from model.errors import BadInput, EncoderMismatch, Error, UnknownName
from search.collection import Collection
from search.hits import IDENTIFIED, Hit, Hits
from search.publish import publish
from search.published.images import expression

pytest.importorskip("pymilvus", reason='pip install "taxalens[milvus]"')
pytest.importorskip("milvus_lite", reason="Milvus Lite: pip install --no-deps milvus-lite")
ROUNDING = 1e-5


@pytest.fixture(scope="module")
def home(root: Path) -> Collection:
    return taxalens.open(root / "c", ColourEncoder())


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
    for filters in ({}, {"exclude": "Felidae"}, {"within": "Animalia", "rank": "species"}):
        of_served, of_home = (each.search_each(asked, 3, **filters) for each in (served, home))
        for found, expected in zip(of_served, of_home, strict=True):
            assert_alike(found, expected, expected)
    with pytest.raises(Error, match="date needs the collection itself"):
        list(served.search_each(asked, date="2021"))


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
