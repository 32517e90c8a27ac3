"""The rows nearest to a vector: exact where it is planned so, else nearly so, and never short."""

from pathlib import Path

import faiss
import numpy as np
import pytest
from galleries import gallery, recall, truth, unit
from hypothesis import given, settings
from hypothesis import strategies as st

from indexer.backends.exact import Exact
from indexer.backends.index_file import make_index, open_index
from indexer.backends.selection import Selection, selection_of
from indexer.backends.tuning import samples_of
from indexer.store.manifest import EncoderEntry, Manifest
from search.ranking import plan
from search.ranking.nearest import Nearest

ROWS, DIM, APPENDED = 6000, 32, 150
VECTORS = gallery(ROWS + APPENDED, DIM)


def build(folder: Path, vectors: np.ndarray) -> Nearest:
    """Return what searches rows, of which all but the last APPENDED are indexed."""
    indexed = Exact([vectors[:-APPENDED]])
    texts = unit(np.random.default_rng(3).normal(size=(200, DIM)))
    empty = Manifest(EncoderEntry("made up", "", DIM))
    samples = samples_of(indexed, texts)
    manifest = make_index(folder, empty, indexed, samples, lambda step, share: None)
    exact = Exact([vectors[:-APPENDED], vectors[-APPENDED:]])
    return Nearest(exact, open_index(folder, manifest, exact), manifest.index)


@pytest.fixture(scope="module", params=["by taxa", "by likeness"])
def nearest(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Nearest:
    vectors = VECTORS
    if request.param == "by likeness":
        order = np.random.default_rng(1).permutation(len(vectors))
        vectors = vectors[order]
    made = build(tmp_path_factory.mktemp("index"), vectors)
    assert made.entry is not None
    assert made.entry.by_taxa == (request.param == "by taxa")
    return made


@pytest.fixture
def always_index(monkeypatch: pytest.MonkeyPatch) -> None:
    """Have the plan think that comparing rows is dear, as it is with millions of them."""
    for name in ("SLICE", "GATHER"):
        monkeypatch.setattr(plan, name, 10**9)
    monkeypatch.setattr(plan, "FEW", 0)
    monkeypatch.setattr(plan, "CLADE_SHARE", 0)


def everything(nearest: Nearest) -> np.ndarray:
    return np.concatenate([np.asarray(part) for part in nearest.exact.vectors])


@pytest.mark.usefixtures("always_index")
def test_the_index_finds_what_it_was_measured_to_find(nearest: Nearest) -> None:
    vectors = everything(nearest)
    queries = unit(vectors[::41].astype(np.float32) + 0.02)
    among = np.arange(len(vectors))
    (_, rows), planned = nearest.search(queries, 10, Selection(range(len(vectors))))
    assert planned.effort is not None
    assert nearest.entry is not None
    assert nearest.entry.image.recall > 0.97
    assert recall(rows, truth(vectors, queries, 10, among)) > 0.97


def test_short_codes_choose_the_lists_that_their_centroids_choose(nearest: Nearest) -> None:
    index = nearest.index
    assert index is not None
    queries = unit(np.random.default_rng(4).normal(size=(100, DIM))).astype(np.float32)
    lists, wanted = (
        [_lists(searcher, queries, index.lists // 8) for searcher in (ways.together, ways.alone)]
        for ways in (index.by_codes, index.by_centroids)
    )
    assert recall(np.concatenate(lists), np.concatenate(wanted)) > 0.95


def _lists(searcher: faiss.IndexRefine, queries: np.ndarray, probes: int) -> np.ndarray:
    """Return the lists that a searcher looks at for each query."""
    codes = faiss.downcast_index(searcher.base_index)
    lists: np.ndarray = codes.quantizer.search(queries, probes)[1]
    return lists


@pytest.mark.usefixtures("always_index")
def test_rows_that_are_all_the_same_are_found(tmp_path: Path) -> None:
    vectors = np.tile(VECTORS[:1], (ROWS, 1))
    same = build(tmp_path, vectors)
    (scores, rows), planned = same.search(vectors[:2], 10, Selection(range(ROWS)))
    assert planned.effort is not None
    assert all(len(set(row)) == 10 for row in rows.tolist())
    np.testing.assert_allclose(scores, 1, atol=2e-3)


LAWS = settings(max_examples=40)
SHARES = st.sampled_from([1.0, 0.5, 0.1, 0.01, 0.001, 0.0])


def selections(rows: int, share: float, seed: int, clade: bool) -> Selection:
    random = np.random.default_rng(seed)
    count = int(rows * share)
    if clade:
        start = int(random.integers(0, rows - count + 1))
        return Selection(range(start, start + count))
    return selection_of(np.sort(random.choice(rows, count, replace=False)))


@LAWS
@given(SHARES, st.integers(1, 30), st.integers(0, 2**32 - 1), st.booleans(), st.booleans())
def test_filtered_answers_are_the_exact_answers_filtered(
    planned: Nearest, share: float, k: int, seed: int, clade: bool, of_text: bool
) -> None:
    vectors = everything(planned)
    among = selections(len(vectors), share, seed, clade)
    queries = unit(np.random.default_rng(seed).normal(size=(4, DIM)))
    (scores, rows), _ = planned.search(queries, k, among, of_text)
    true = truth(vectors, queries, k, among.array)
    assert rows.shape == true.shape == (4, min(k, len(among)))
    assert np.isin(rows, among.array).all()
    assert (np.diff(scores, axis=1) <= 1e-6).all()
    exact = np.take_along_axis(queries.astype(np.float32) @ vectors.astype(np.float32).T, true, 1)
    np.testing.assert_allclose(scores, exact, atol=2e-3)


@LAWS
@given(st.integers(1, 40), st.integers(1, 15), st.integers(0, 2**32 - 1), SHARES)
def test_a_batch_answers_as_its_queries_one_by_one(
    planned: Nearest, count: int, k: int, seed: int, share: float
) -> None:
    among = selections(len(planned.exact), share, seed, clade=False)
    queries = unit(np.random.default_rng(seed).normal(size=(count, DIM)))
    (scores, _), _ = planned.search(queries, k, among)
    for query, together in zip(queries, scores, strict=True):
        (alone, _), _ = planned.search(query[None], k, among)
        np.testing.assert_allclose(alone[0], together, atol=1e-3)


@pytest.fixture(scope="module")
def planned(tmp_path_factory: pytest.TempPathFactory) -> Nearest:
    """What searches as its own plan says: exactly, so few rows as these are."""
    return build(tmp_path_factory.mktemp("planned"), VECTORS[: plan.FEW])


@pytest.mark.usefixtures("always_index")
@pytest.mark.parametrize("share", [0.5, 0.1, 0.01, 0.002, 0.0005])
@pytest.mark.parametrize("clade", [True, False])
def test_the_index_gives_k_answers_among_some_and_nearly_the_true_ones(
    nearest: Nearest, share: float, clade: bool
) -> None:
    vectors = everything(nearest)
    among = selections(len(vectors), share, 7, clade)
    queries = unit(np.random.default_rng(8).normal(size=(50, DIM)))
    (_, rows), _ = nearest.search(queries, 10, among, of_text=True)
    assert rows.shape == (50, min(10, len(among)))
    assert np.isin(rows, among.array).all()
    assert all(len(set(row)) == len(row) for row in rows.tolist())
    assert recall(rows, truth(vectors, queries, 10, among.array)) > 0.95


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Nearest:
    """Rows in the order of their taxa, and an index of many lists that looks into few."""
    random = np.random.default_rng(0)
    rows = np.arange(40_000 + APPENDED)
    vectors = 0.5 * random.normal(size=(len(rows), DIM))
    for taxa, spread in ((4, 1), (16, 0.8), (64, 0.7), (256, 0.6), (1024, 0.5)):
        vectors += spread * random.normal(size=(taxa, DIM))[rows * taxa // len(rows)]
    return build(tmp_path_factory.mktemp("many"), unit(vectors))


def around(low: float, high: float, few: int = 0) -> np.ndarray:
    """Return the rows between two shares of 40,000, and a few anywhere."""
    others = np.random.default_rng(5).choice(40_000, few, replace=False)
    return np.unique([*range(int(40_000 * low), int(40_000 * high)), *others])


CORRELATED = {
    "a clade, and a row of each end": np.array([0, *around(0.4, 0.6), 39_999]),
    "a large clade, and a few others": around(0.4, 0.9, 40),
    "two clades": np.concatenate([around(0.1, 0.2), around(0.7, 0.8)]),
    "most in a clade, the rest anywhere": around(0.4, 0.6, 800),
    "all but a clade": np.setdiff1d(np.arange(40_000), around(0.4, 0.6)),
}


@pytest.mark.usefixtures("always_index")
@pytest.mark.parametrize("of_text", [False, True])
@pytest.mark.parametrize("rows", CORRELATED.values(), ids=CORRELATED)
def test_rows_that_pass_are_found_where_the_query_resembles_what_does_not(
    many: Nearest, rows: np.ndarray, of_text: bool
) -> None:
    vectors = everything(many)
    random = np.random.default_rng(8)
    foreign = np.setdiff1d(np.arange(40_000), rows)
    own = vectors[random.choice(foreign, 100)] + 0.1 * random.normal(size=(100, DIM))
    queries = unit(random.normal(size=(100, DIM)) if of_text else own)
    (_, found), planned = many.search(queries, 10, selection_of(rows), of_text)
    assert planned.effort
    assert recall(found, truth(vectors, queries, 10, rows)) > 0.97
    (_, alone), _ = many.search(queries[:1], 10, selection_of(rows), of_text)
    assert alone[0].tolist() == found[0].tolist()


@pytest.mark.usefixtures("always_index")
@pytest.mark.parametrize("share", [1.0, 0.3, 0.02])
def test_an_index_answers_a_batch_as_its_queries_one_by_one(nearest: Nearest, share: float) -> None:
    among = selections(len(nearest.exact), share, 5, clade=False)
    queries = unit(np.random.default_rng(6).normal(size=(40, DIM)))
    (_, together), _ = nearest.search(queries, 10, among)
    alone = [nearest.search(query[None], 10, among)[0][1][0] for query in queries]
    assert recall(np.stack(alone), together) > 0.999  # codes of the same score may change places


@pytest.mark.usefixtures("always_index")
def test_appended_rows_are_found_like_the_rest(nearest: Nearest) -> None:
    vectors = everything(nearest)
    new = np.arange(len(vectors) - APPENDED, len(vectors))
    (scores, rows), planned = nearest.search(vectors[new], 1, Selection(range(len(vectors))))
    assert planned.effort is not None
    np.testing.assert_allclose(scores, 1, atol=2e-3)
    assert (rows[:, 0] == new).all()


def test_a_damaged_or_missing_index_is_done_without(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    indexed = Exact([VECTORS])
    samples = samples_of(indexed, None)
    manifest = make_index(tmp_path, Manifest(EncoderEntry("", "", DIM)), indexed, samples, print)
    assert manifest.index is not None
    assert manifest.index.text is None
    file = tmp_path / manifest.index.path
    assert open_index(tmp_path, manifest, indexed) is not None
    content = file.read_bytes()
    for damaged in (content[:-1], b"x" * len(content)):
        file.write_bytes(damaged)
        assert open_index(tmp_path, manifest, indexed) is None
    file.unlink()
    assert open_index(tmp_path, manifest, indexed) is None
    assert "taxalens optimize" in caplog.text


@given(st.sets(st.integers(0, 200)), st.integers(0, 200), st.integers(0, 200))
def test_a_selection_is_its_rows_whatever_its_form(rows: set[int], low: int, high: int) -> None:
    array = np.array(sorted(rows), np.int64)
    selection = selection_of(array)
    assert selection.array.tolist() == array.tolist()
    assert selection.between(low, high).array.tolist() == [r for r in array if low <= r < high]
    again = selection.between(low, high)
    assert again is selection.between(low, high)
    assert selection.part(2, 5).array.tolist() == array[2:5].tolist()
    members = [selection.selector.is_member(row) for row in range(201)]
    assert [row for row, inside in enumerate(members) if inside] == array.tolist()


def test_a_plan_says_why() -> None:
    made = Nearest(Exact([VECTORS]))
    _, planned = made.search(VECTORS[:1], 3, Selection(range(len(VECTORS))))
    assert str(planned) == "compares 6,150 rows one by one: the collection has no index"
