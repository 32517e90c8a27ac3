"""`taxalens adapt`: a map that is learnt from labels, kept where it gains and while they stay."""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from click.testing import CliRunner
from galleries import gallery
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from indexer.backends.exact import Exact
from indexer.ingest.run import index_source
from indexer.store.derived import ADAPTATION, files
from model.errors import Error
from model.vectors import Identity, Vectors
from search.adapt.fitting import fit_map
from search.classify.reference_set import ReferenceSet, reference_set, unit
from search.collection import Collection, open_collection
from search.ranking import adaptation, neighbours
from search.ranking.adaptation import Map
from ui.cli import main

DIM, SPECIES, LABELLED, EACH = 40, 18, 12, 8  # the species after LABELLED have no label
LIGHTS = 6  # directions in which images of one species differ more than species do


def photographs(seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return vectors and species of images whose light differs more than their species do."""
    random = np.random.default_rng(seed)
    of = np.repeat(np.arange(SPECIES), EACH)
    rows = random.normal(size=(SPECIES, DIM))[of] + 0.6 * random.normal(size=(len(of), DIM))
    rows[:, :LIGHTS] += 4 * random.normal(size=(len(of), LIGHTS))
    return unit(rows), of


def labelled(rows: np.ndarray, of: np.ndarray) -> ReferenceSet:
    return reference_set(rows[of < LABELLED], of[of < LABELLED])


class Texts:
    """An encoder of texts alone: the vector of each is drawn by its length."""

    spec, dim, identity = "bioclip-2", DIM, Identity("", {}, "lengths")

    def encode_texts(self, texts: list[str]) -> Vectors:
        drawn = [np.random.default_rng(len(text)).normal(size=DIM) for text in texts]
        return unit(np.stack(drawn)).astype(np.float16)


def index(folder: Path, name: str, rows: np.ndarray, of: np.ndarray) -> Path:
    species = [f"Setophaga {chr(97 + each) * 4}" if each < LABELLED else "" for each in of]
    columns = {
        "uuid": [f"{name}{place}" for place in range(len(of))],
        "emb": rows.tolist(),
        "genus": [each.partition(" ")[0] for each in species],
        "species": species,
        "truth": [str(each) for each in of],
    }
    pq.write_table(pa.table(columns), folder / f"{name}.parquet")
    for _ in index_source(folder / f"{name}.parquet", folder / "c", "bioclip-2"):
        pass
    return folder / "c"


@pytest.fixture
def collection(tmp_path: Path) -> Path:
    return index(tmp_path, "a", *photographs())


def opened(collection: Path) -> Collection:
    return open_collection(collection, Texts())  # type: ignore[arg-type]


def right(found: Collection, only_new: bool) -> float:
    """Return the share of the first seven hits of each image that are of its species."""
    truths = dict(found.snapshot.query("SELECT image_id, metadata['truth'] FROM images"))
    shares = [
        np.mean([hit.metadata["truth"] == truth for hit in found.search(image_id=image_id, k=7)])
        for image_id, truth in truths.items()
        if int(truth) >= LABELLED or not only_new
    ]
    return float(np.mean(shares))


def answers(found: Collection) -> list[object]:
    """Return hits of words and of pictures, with all that they show."""
    picture = photographs()[0][3]
    (image_id,) = found.snapshot.query("SELECT min(image_id) FROM images")[0]
    return [
        found.search("Setophaga aaaa", k=20),
        found.search(text="a bird in flight", k=20),
        found.search("Setophaga", plus=picture, k=20),
        found.search(image=picture, k=20),
        found.search(image_id=image_id, k=20),
        pa.Table.from_batches(found.neighbours(3)),
    ]


def test_pictures_of_species_that_nobody_labelled_find_more_of_their_own(collection: Path) -> None:
    before = right(opened(collection), only_new=True)
    found = opened(collection).adapt()
    assert found.is_gain
    after = right(opened(collection), only_new=True)
    assert after > before + 0.1
    assert found.species.after > found.species.before + 0.1


def test_the_measured_gain_is_that_of_images_which_taught_nothing() -> None:
    promised, kept = [], []
    for seed in range(4):
        found = fit_map(labelled(*photographs(seed)))
        for gain in (found.species, found.specimens):
            assert (gain.images, gain.species) == (LABELLED * EACH, LABELLED)
        rows, of = photographs(seed + 100)  # other species, in the same light
        promised.append(found.species.after - found.species.before)
        kept.append(precision(found.map.into(rows), of) - precision(rows, of))
    assert np.mean(kept) > 0.1
    assert 0.7 * np.mean(kept) < np.mean(promised) < np.mean(kept) + 0.02  # half the labels taught


def precision(rows: np.ndarray, of: np.ndarray) -> float:
    """Return the mean average precision of rows that look for others of their species."""
    return float(
        np.mean(
            [
                average_precision_score(
                    np.delete(of, own) == of[own], np.delete(rows, own, 0) @ row
                )
                for own, row in enumerate(rows)
            ]
        )
    )


@pytest.mark.parametrize("seed", range(5))
def test_labels_without_meaning_teach_nothing(seed: int) -> None:
    random = np.random.default_rng(seed)
    rows = unit(random.normal(size=(48, 100)) * np.geomspace(1, 8, 100))
    found = fit_map(reference_set(rows, random.permutation(np.repeat(np.arange(12), 4))))
    assert not found.is_gain
    assert max(found.specimens.after, found.species.after) < 0.25  # they teach themselves to 0.7


def test_too_few_labels_are_an_error_that_keeps_nothing(tmp_path: Path) -> None:
    rows, of = photographs()
    few = index(tmp_path, "few", rows[of >= LABELLED - 4], of[of >= LABELLED - 4])
    with pytest.raises(Error, match=r"30 labelled images of 5 species, four or more of each"):
        opened(few).adapt()
    two_each = np.tile(np.arange(EACH) < 2, SPECIES)
    with pytest.raises(Error, match="finds 0 of 0 that can be measured"):
        fit_map(labelled(rows[two_each], of[two_each]))
    none = index(tmp_path / "c", "none", rows[of >= LABELLED], of[of >= LABELLED])
    with pytest.raises(Error, match="No image is labelled with a taxon"):
        opened(none).adapt()
    assert not [*files(few, ADAPTATION), *files(none, ADAPTATION)]


def test_only_hits_of_pictures_change_and_removal_brings_all_back(collection: Path) -> None:
    before = answers(opened(collection))
    opened(collection).adapt()
    adapted = answers(opened(collection))
    assert adapted[:3] == before[:3]
    assert all(one != other for one, other in zip(adapted[3:], before[3:], strict=True))
    assert opened(collection).remove_adaptation()
    assert not opened(collection).remove_adaptation()
    assert answers(opened(collection)) == before


def test_a_map_counts_at_once_in_a_collection_that_is_open(collection: Path) -> None:
    found = opened(collection)
    before = answers(found)
    opened(collection).adapt()
    assert answers(found) == answers(opened(collection)) != before
    found.remove_adaptation()
    assert answers(found) == before


def test_a_map_of_other_labels_does_not_count(collection: Path, tmp_path: Path) -> None:
    opened(collection).adapt()
    adapted = answers(opened(collection))
    with opened(collection) as found:
        hit = found.search("Setophaga aaaa", k=1)[0]
        found.label_as([hit.image_id], "Setophaga bbbb", "Ada")
        found.keep_labels()
    with opened(collection) as found:
        assert found.adaptation is None
        assert found.info()["adapted"].startswith("not used: labels have changed")
        assert answers(found) != adapted
        found.label_as([hit.image_id], "Setophaga aaaa", "Ada")
        found.keep_labels()
    rows, of = photographs(seed=9)
    index(tmp_path, "b", rows[of >= LABELLED], of[of >= LABELLED])
    with opened(collection) as found:  # the labels are as they were; images without one are new
        assert len(found) > len(photographs()[1])
        assert found.adaptation is not None
        assert "mean average precision" in found.info()["adapted"]


def test_a_map_that_gains_no_more_is_removed(collection: Path, tmp_path: Path) -> None:
    opened(collection).adapt()
    rows, of = photographs()
    index(tmp_path, "a", rows, np.random.default_rng(0).permutation(of))
    assert not opened(collection).adapt().is_gain
    assert not [*files(collection, ADAPTATION)]


def test_a_damaged_map_does_not_count(collection: Path) -> None:
    before = answers(opened(collection))
    opened(collection).adapt()
    (kept,) = files(collection, ADAPTATION)
    content = bytearray(kept.read_bytes())
    content[-9] ^= 1
    kept.write_bytes(content)
    assert opened(collection).adaptation is None
    assert answers(opened(collection)) == before


def test_pages_are_parts_of_one_order_beyond_what_is_ordered_anew(
    collection: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(adaptation, "POOL", 20)
    monkeypatch.setattr("search.ranked_rows.POOL", 20)
    found = opened(collection)
    found.adapt()
    image_id = next(iter(found))
    whole = found.search(image_id=image_id, k=1000)
    assert {hit.image_id for hit in whole} == {*found} - {image_id}
    pages = [found.search(image_id=image_id, k=7, skip=skip) for skip in range(0, len(whole), 7)]
    assert [hit.image_id for page in pages for hit in page] == [hit.image_id for hit in whole]
    assert "the map of its labels orders the first 20" in str(whole.plans[0])


def test_whether_anything_is_alike_is_told_by_the_cosine(collection: Path) -> None:
    found = opened(collection)
    image_ids = [*found][:10]
    before = [found.search(image_id=each, k=1) for each in image_ids]
    found.adapt()
    after = [found.search(image_id=each, k=1) for each in image_ids]
    assert [hits.best for hits in after] == pytest.approx([hits.best for hits in before])
    assert any(hits[0].score != pytest.approx(hits.best) for hits in after)


def test_neighbours_are_the_hits_of_each_image(
    collection: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(neighbours, "_MAPPED_TOGETHER", 50)
    found = opened(collection)
    found.adapt()
    lines = pa.Table.from_batches(found.neighbours(3)).to_pylist()
    for place, image_id in enumerate(found):
        hits = found.search(image_id=image_id, k=3)
        own = lines[3 * place : 3 * place + 3]
        assert {line["image_id"] for line in own} == {image_id}
        assert [line["neighbour_id"] for line in own] == [hit.image_id for hit in hits]
        scores = [hit.score for hit in hits]
        np.testing.assert_allclose([line["score"] for line in own], scores, atol=1e-5)


@given(st.integers(1, 300), st.integers(0, 2**32 - 1))
def test_the_order_has_every_row_once_and_the_best_first(k: int, seed: int) -> None:
    random = np.random.default_rng(seed)
    exact = Exact([gallery(300, dim=8)])
    map_ = Map(
        random.normal(size=8).astype(np.float32), random.normal(size=(8, 8)).astype(np.float32)
    )
    queries = unit(random.normal(size=(2, 8)))
    found = exact.search(queries, k)
    scores, rows = map_.order(exact, queries, found)
    assert (np.sort(rows, axis=1) == np.sort(found[1], axis=1)).all()
    assert (rows[:, adaptation.POOL :] == found[1][:, adaptation.POOL :]).all()
    assert (np.diff(scores[:, : adaptation.POOL], axis=1) <= 0).all()
    for query, own, of in zip(queries, scores, rows, strict=True):
        cosines = map_.into(exact.gather(of)) @ map_.into(query[None])[0]
        np.testing.assert_allclose(own, cosines, atol=1e-5)


def test_the_command_says_what_is_gained_and_removes_it(collection: Path) -> None:
    asked = ["adapt", "-c", str(collection)]
    line = CliRunner().invoke(main, asked).stdout
    assert line.startswith(f"{collection}: kept: mean average precision 0.")
    assert line.count(f"; {LABELLED * EACH} images of {LABELLED} species)") == 2
    info = opened(collection).info()["adapted"]
    assert info == f"queries by picture: {line.partition('kept: ')[2].strip()}"
    assert CliRunner().invoke(main, [*asked, "--remove"]).stdout.endswith("the map is removed\n")
    assert "adapted" not in opened(collection).info()
    assert CliRunner().invoke(main, [*asked, "--remove"]).stdout.endswith("there was no map\n")
