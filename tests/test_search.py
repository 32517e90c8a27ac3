"""Searching a collection: what each kind of question answers."""

from pathlib import Path

import numpy as np
import pytest
from colours import ColourEncoder
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pictures import PICTURES, run, write_picture

from indexer.backends.exact import Exact
from indexer.backends.selection import selection_of
from indexer.ingest.run import index_source
from indexer.labels.label_files import read_label_file
from model.errors import BadInput, CollectionError, EncoderMismatch, Error, UnknownName
from search.collection import Collection, open_collection
from search.hits import COLUMNS, LABELLED, SIMILAR
from search.query.understanding import understand


@pytest.fixture
def opened(collection: Path) -> Collection:
    return open_collection(collection, ColourEncoder())


def names(hits: object) -> list[str]:
    return [hit.source_id.removeprefix("photos/") for hit in hits]


def test_a_taxon_gives_its_labelled_images_first_then_the_unlabelled(opened: Collection) -> None:
    hits = opened.search("Panthera leo", k=8)
    assert [hit.match for hit in hits] == [LABELLED] * 2 + [SIMILAR] * 4
    assert {name.split("/")[0] for name in names(hits)[:2]} == {"Panthera leo"}
    assert "Pica_hudsonia/a.png" not in names(hits)  # it is known to be something else
    assert opened.search("panthera_LEO", k=8).items == hits.items
    assert len(opened.search("Panthera", k=2)) == 2


def test_a_label_that_is_no_taxon_is_found_by_its_name(opened: Collection) -> None:
    hits = opened.search("Blank", k=1)
    assert (names(hits), hits[0].match) == (["blank/a.png"], LABELLED)


def test_a_text_is_answered_by_look_whatever_the_labels(opened: Collection) -> None:
    assert names(opened.search("something red", k=1)) == ["red.png"]
    assert names(opened.search(text="green", k=1)) == ["unsorted/green.png"]
    assert {hit.match for hit in opened.search("blue", k=8)} == {SIMILAR}


def test_a_picture_finds_itself_and_an_image_id_leaves_itself_out(
    opened: Collection, photos: Path
) -> None:
    hits = opened.search(image=photos / "red.png", k=3)
    assert names(hits)[0] == "red.png"
    assert hits[0].score == pytest.approx(1, abs=1e-3)
    others = opened.search(image_id=hits[0].image_id, k=8)
    assert names(others) == names(opened.search(image=photos / "red.png", k=8))[1:]


@pytest.mark.parametrize("k", [1, 3, 8, 50])
def test_k_means_k(opened: Collection, k: int) -> None:
    assert len(opened.search("red things", k=k)) == min(k, len(PICTURES))


def test_a_taxon_question_spares_what_is_only_known_to_a_higher_rank(tmp_path: Path) -> None:
    write_picture(tmp_path / "p" / "cat" / "1.png", "orange")
    write_picture(tmp_path / "p" / "lion" / "1.png", "yellow")
    write_picture(tmp_path / "p" / "crow" / "1.png", "black")
    (tmp_path / "labels.csv").write_text(
        "label,family,genus,species\ncat,Felidae,,\nlion,Felidae,Panthera,Panthera leo\n"
        "crow,Corvidae,Corvus,\n"
    )
    labels = read_label_file(tmp_path / "labels.csv")
    run(tmp_path / "p", tmp_path / "c", labels=labels)
    opened = open_collection(tmp_path / "c", ColourEncoder())
    assert [(h.label, h.match) for h in opened.search("Panthera leo")] == [
        ("lion", LABELLED),
        ("cat", SIMILAR),
    ]
    assert {h.label for h in opened.search("Felidae")} == {"lion", "cat"}


def test_an_unknown_family_does_not_contradict_a_family(tmp_path: Path) -> None:
    for label, colour in (("Panthera leo", "orange"), ("tiger", "yellow"), ("crow", "black")):
        write_picture(tmp_path / "p" / label / "1.png", colour)
    (tmp_path / "labels.csv").write_text(
        "label,family,species\ntiger,Felidae,Panthera tigris\ncrow,Corvidae,Corvus corax\n"
    )
    run(tmp_path / "p", tmp_path / "c", labels=read_label_file(tmp_path / "labels.csv"))
    hits = open_collection(tmp_path / "c", ColourEncoder()).search("Felidae")
    assert [(hit.label, hit.match) for hit in hits] == [
        ("tiger", LABELLED),
        ("Panthera leo", SIMILAR),
    ]


def test_a_common_name_that_taxa_share_means_all_of_them(tmp_path: Path) -> None:
    for number, species in enumerate(("Anas platyrhynchos", "Cairina moschata", "Pica pica")):
        write_picture(tmp_path / "p" / species / "1.png", ("red", "blue", "green")[number])
    (tmp_path / "labels.csv").write_text(
        "label,species,common_name\nAnas platyrhynchos,Anas platyrhynchos,duck\n"
        "Cairina moschata,Cairina moschata,Duck\nPica pica,Pica pica,magpie\n"
    )
    run(tmp_path / "p", tmp_path / "c", labels=read_label_file(tmp_path / "labels.csv"))
    opened = open_collection(tmp_path / "c", ColourEncoder())
    hits = opened.search("duck")
    assert {hit.title for hit in hits} == {"Anas platyrhynchos", "Cairina moschata"}
    prompts = " ".join(understand(opened.names, query="duck").prompts)
    assert "Anas platyrhynchos" in prompts
    assert "Cairina moschata" in prompts


def test_a_homonym_is_never_guessed(tmp_path: Path) -> None:
    for label, colour in (("fig", "green"), ("snail", "red")):
        write_picture(tmp_path / "p" / label / "1.png", colour)
    (tmp_path / "labels.csv").write_text(
        "label,kingdom,genus\nfig,Plantae,Ficus\nsnail,Animalia,Ficus\n"
    )
    run(tmp_path / "p", tmp_path / "c", labels=read_label_file(tmp_path / "labels.csv"))
    opened = open_collection(tmp_path / "c", ColourEncoder())
    with pytest.raises(UnknownName, match="2 taxa") as error:
        opened.search("Ficus")
    assert '"Ficus (Plantae)"' in str(error.value)
    assert [hit.label for hit in opened.search("Plantae|||||Ficus")] == ["fig"]


def test_lineages_that_only_leave_ranks_out_are_one_taxon(tmp_path: Path) -> None:
    write_picture(tmp_path / "p" / "Panthera leo" / "1.png", "orange")
    write_picture(tmp_path / "q" / "lions" / "1.png", "yellow")
    (tmp_path / "labels.csv").write_text("label,family,species\nlions,Felidae,Panthera leo\n")
    run(tmp_path / "p", tmp_path / "c")
    run(tmp_path / "q", tmp_path / "c", labels=read_label_file(tmp_path / "labels.csv"))
    hits = open_collection(tmp_path / "c", ColourEncoder()).search("Panthera leo")
    assert [hit.match for hit in hits] == [LABELLED] * 2
    assert hits.meaning == "Panthera leo (species)"


def test_a_taxon_that_no_image_has_any_more_is_forgotten(tmp_path: Path) -> None:
    write_picture(tmp_path / "p" / "Great tit" / "1.png", "yellow")
    run(tmp_path / "p", tmp_path / "c")
    (tmp_path / "labels.csv").write_text("label,species\nGreat tit,Parus major\n")
    run(tmp_path / "p", tmp_path / "c", labels=read_label_file(tmp_path / "labels.csv"))
    opened = open_collection(tmp_path / "c", ColourEncoder())
    with pytest.raises(UnknownName):
        opened.search(taxon="Great tit")
    assert [hit.title for hit in opened.search("Parus")] == ["Parus major"]


def test_unknown_names_are_errors_only_when_a_taxon_is_demanded(opened: Collection) -> None:
    with pytest.raises(UnknownName, match="Did you mean Panthera leo"):
        opened.search(taxon="Pantera leo")
    assert len(opened.search("Pantera leo", k=3)) == 3
    with pytest.raises(UnknownName, match="No image of this collection"):
        opened.search(image_id="0" * 16)


def test_questions_that_cannot_be_asked(opened: Collection, tmp_path: Path) -> None:
    with pytest.raises(Error, match="exactly one"):
        opened.search()
    with pytest.raises(Error, match="exactly one"):
        opened.search("a", text="b")
    with pytest.raises(Error, match="1 or more"):
        opened.search("red", k=0)
    with pytest.raises(UnknownName, match="empty"):
        opened.search("  ")
    with pytest.raises(BadInput, match="nothing"):
        opened.search(image=tmp_path / "nothing.png")


def test_a_collection_is_searched_with_its_own_encoder_only(collection: Path) -> None:
    with pytest.raises(EncoderMismatch, match="made with colours-1"):
        open_collection(collection, ColourEncoder("2")).search("red")
    with pytest.raises(CollectionError, match="taxalens index"):
        open_collection(collection.parent / "nothing")


def test_an_open_collection_does_not_see_later_generations(
    opened: Collection, collection: Path, photos: Path
) -> None:
    write_picture(photos / "new.png", "purple")
    run(photos, collection)
    assert len(opened) == len(PICTURES)
    assert len(open_collection(collection)) == len(PICTURES) + 1


def test_a_replaced_picture_is_never_shown_again(collection: Path, photos: Path) -> None:
    write_picture(photos / "red.png", "purple", (31, 17))
    run(photos, collection)
    hits = open_collection(collection, ColourEncoder()).search(text="red", k=50)
    assert len(hits) == len(PICTURES)
    assert hits[0].score < 0.99


def test_hits_as_a_table_have_pybioclips_columns(opened: Collection) -> None:
    table = opened.search("Panthera leo", k=1).to_arrow()
    assert table.schema.names == list(COLUMNS)
    row = table.to_pylist()[0]
    assert (row["genus"], row["species_epithet"], row["species"]) == (
        "Panthera", "leo", "Panthera leo",
    )  # fmt: skip


def test_an_empty_collection_answers_nothing(tmp_path: Path) -> None:
    (tmp_path / "p").mkdir()
    (tmp_path / "p" / "a.jpg").write_text("no picture")
    list(index_source(tmp_path / "p", tmp_path / "c", ColourEncoder()))
    assert len(open_collection(tmp_path / "c", ColourEncoder()).search("red")) == 0


@settings(max_examples=50, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.integers(1, 60), st.integers(1, 20), st.integers(0, 2**32 - 1), st.floats(0, 1))
def test_filtered_answers_equal_exact_answers_filtered(
    rows: int, k: int, seed: int, share: float
) -> None:
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(rows, 8)).astype(np.float16)
    queries = rng.normal(size=(3, 8)).astype(np.float16)
    among = np.flatnonzero(rng.random(rows) <= share)
    scores, found = Exact([vectors[: rows // 2], vectors[rows // 2 :]]).search(
        queries, k, selection_of(among)
    )
    exact = queries.astype(np.float32) @ vectors.astype(np.float32)[among].T
    best = -np.sort(-exact, axis=1)[:, :k]
    assert found.shape == best.shape
    assert set(found.ravel()) <= set(among)
    np.testing.assert_allclose(scores, best, rtol=1e-4, atol=1e-4)


def test_an_answer_says_how_many_images_are_labelled_so_and_what_the_table_said(
    tmp_path: Path,
) -> None:
    for number, colour in enumerate(("red", "blue", "green")):
        write_picture(tmp_path / "p" / "Pica pica" / f"{number}.png", colour)
    (tmp_path / "labels.csv").write_text(
        "file_name,taxon,accession\nPica pica/0.png,Pica pica,NHM-002\n"
    )
    run(tmp_path / "p", tmp_path / "c", labels=read_label_file(tmp_path / "labels.csv"))
    opened = open_collection(tmp_path / "c", ColourEncoder())
    assert opened.search("Pica", k=1).labelled == 3
    rows = opened.search("Pica").to_arrow().to_pylist()
    assert sorted(row["metadata"] for row in rows) == ["", "", '{"accession": "NHM-002"}']


def test_a_misspelt_name_is_suggested_beside_the_answer_by_look(opened: Collection) -> None:
    assert "Did you mean Panthera leo?" in opened.search("Pantera leo").meaning
    assert "Did you mean" not in opened.search("something red").meaning


def test_many_queries_are_answered_as_one_by_one(opened: Collection) -> None:
    asked = ["Panthera leo", "red", "Blank", "something green", "red", "panthera", "Pantera leo"]
    asked += ["Animalia", "Loxodonta africana", "BLANK", "a fox in the snow", ""]
    answers = list(opened.search_each(asked, k=4, within=()))
    assert len(answers) == len(asked)
    for query, hits in zip(asked[:-1], answers, strict=False):
        alone = opened.search(query, k=4)
        assert hits.to_arrow().drop("score") == alone.to_arrow().drop("score")
        scores = [hit.score for hit in alone]
        assert [hit.score for hit in hits] == pytest.approx(scores, abs=1e-5)
        for told in ("meaning", "labelled", "total", "plans", "floor", "unlabelled"):
            assert getattr(hits, told) == getattr(alone, told), told
        assert hits.best == pytest.approx(alone.best, abs=1e-5)
    assert (len(answers[-1]), answers[-1].meaning) == (
        0,
        "The query is empty; write a name or a text.",
    )
    assert [names(hits) for hits in opened.search_each(["red"], k=9, within="Panthera")] == [
        names(opened.search("red", k=9, within="Panthera"))
    ]
