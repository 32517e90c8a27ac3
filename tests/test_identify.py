"""Identify: one lineage an image, as deep as it is sure, whatever else is asked beside it."""

import json
import re
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from colours import ColourEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import write_picture
from PIL import Image
from taxonomies import small_taxonomy

from indexer.ingest.run import index_source
from indexer.labels.label_files import read_label_file
from indexer.taxonomy.text_encoding import encode_missing
from indexer.taxonomy.text_matrix import TextMatrix
from model.errors import Error, UnknownName
from model.taxon import RANKS, Rank, Taxon
from model.text_types import TextType, render
from model.vectors import Vectors
from search.classify.taxon_tree import key_at
from search.collection import Collection, open_collection
from search.identify.identifications import COLUMNS, Identification
from search.identify.identifier import AnswerOptions, Identifier
from search.identify.photographs import TOGETHER, photographs
from search.identify.preparation import prepare
from ui.cli import main
from ui.identifying import identify
from ui.progress_bars import progress_bars

KINDS = {
    "Panthera leo": ("Mammalia", "Felidae", (250, 170, 20)),
    "Panthera tigris": ("Mammalia", "Felidae", (250, 110, 20)),
    "Pica hudsonia": ("Aves", "Corvidae", (20, 20, 60)),
    "Pica pica": ("Aves", "Corvidae", (20, 70, 120)),
}


def speckled(path: Path, colour: tuple[int, int, int], seed: int) -> Path:
    """A picture of patches around a colour; each seed another."""
    random = np.random.default_rng(seed)
    patches = np.array(colour) + random.normal(0, 35, (4, 4, 3)) + random.normal(0, 25, 3)
    path.parent.mkdir(parents=True, exist_ok=True)
    picture = Image.fromarray(np.clip(patches, 0, 255).astype(np.uint8))
    picture.resize((64, 64), Image.Resampling.NEAREST).save(path)
    return path


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten photographs each of four species, indexed with their labels, and new ones."""
    home = tmp_path_factory.mktemp("world")
    lines = ["label,kingdom,phylum,class,order,family,genus,species,site"]
    for number, (name, (above, family, colour)) in enumerate(KINDS.items()):
        lines.append(
            f"{name},Animalia,Chordata,{above},,{family},{name.split()[0]},{name},s{number}"
        )
        for seed in range(10):
            speckled(home / "photos" / name / f"{seed}.png", colour, 100 * number + seed)
        for seed in range(4):
            speckled(home / "new" / f"{name}-{seed}.png", colour, 100 * number + 50 + seed)
    (home / "labels.csv").write_text("\n".join(lines))
    labels = read_label_file(home / "labels.csv")
    *_, _ = index_source(home / "photos", home / "c", ColourEncoder(), labels)
    return home


@pytest.fixture(autouse=True)
def _own_cache(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if "command" not in request.node.name:  # the starter is compiled once for all tests
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def opened(world: Path) -> Collection:
    return open_collection(world / "c", ColourEncoder())


def test_new_photographs_are_identified(opened: Collection, world: Path) -> None:
    answers = opened.identify(world / "new", precision=0.8)
    assert len(answers) == 16
    assert all(each.calibrated for each in answers)
    right = [
        Path(each.file).name.startswith(each.name) for each in answers if each.rank == "species"
    ]
    assert len(right) >= 8
    assert np.mean(right) >= 0.8
    assert "calibrated on 40 labelled images" in answers.notes[-1]


def test_an_answer_is_one_lineage_and_tells_its_evidence(opened: Collection, world: Path) -> None:
    for answer in opened.identify(world / "new"):
        assert answer.lineage is not None
        names = answer.lineage.lineage
        sure = [
            s for s, name in zip(answer.confidences, answer.lineage.lineage, strict=True) if name
        ]
        assert sure == sorted(sure, reverse=True)
        if answer.taxon:
            depth = RANKS.index(answer.rank)
            assert key_at(answer.taxon, depth) == key_at(answer.lineage, depth)
            assert answer.confidence == answer.confidences[depth]
        for shares in (answer.votes, answer.zero_shot):
            told = [s for s, name in zip(shares, names, strict=True) if name]
            assert (np.diff(told) <= 1e-6).all()
        assert 1 <= len(answer.neighbours) <= 5
        known = [each for (each,) in opened.snapshot.query("SELECT image_id FROM images")]
        assert {each.image_id for each in answer.neighbours} <= set(known)
        assert sum(share for _, share in answer.best) == pytest.approx(1, abs=1e-3)


@pytest.fixture(scope="module")
def identifier(opened: Collection) -> Identifier:
    return opened.prepare().identifier()


@pytest.fixture(scope="module")
def groups(identifier: Identifier, world: Path) -> list:
    (batch,) = photographs([world / "new"], identifier.encoder)
    return [(photo,) for photo in batch]


@settings(max_examples=15)
@given(low=st.floats(0.3, 0.99), high=st.floats(0.3, 0.99))
def test_more_precision_never_gives_a_deeper_answer(
    identifier: Identifier, groups: list, low: float, high: float
) -> None:
    low, high = sorted((low, high))
    backoff = identifier.backoff(AnswerOptions())
    bold = identifier.answers(groups, AnswerOptions(low), backoff)
    careful = identifier.answers(groups, AnswerOptions(high), backoff)
    for one, other in zip(bold, careful, strict=True):
        depths = [RANKS.index(each.rank) if each.rank else -1 for each in (one, other)]
        assert depths[0] >= depths[1]
        if other.taxon:
            assert key_at(one.taxon, depths[1]) == key_at(other.taxon, depths[1])


def test_many_are_answered_as_each_is_alone(opened: Collection, world: Path) -> None:
    files = sorted((world / "new").iterdir())[::4]
    together = opened.identify(files)
    for file, answer in zip(files, together, strict=True):
        (alone,) = opened.identify(file)
        assert (alone.name, alone.lineage) == (answer.name, answer.lineage)
        assert alone.confidence == pytest.approx(answer.confidence, abs=1e-3)


def test_an_image_of_the_collection_does_not_vote_for_itself(
    opened: Collection, world: Path, tmp_path: Path
) -> None:
    known = world / "photos" / "Pica pica" / "0.png"
    elsewhere = tmp_path / "copy.png"
    Image.open(known).save(elsewhere, compress_level=1)  # other bytes, the same picture
    (own,) = opened.snapshot.query(
        "SELECT image_id FROM images WHERE source_id LIKE '%Pica pica/0.png'"
    )
    for answer in opened.identify([known, elsewhere]):
        assert own[0] not in {each.image_id for each in answer.neighbours}


def test_within_exclude_and_a_checklist_bound_the_answers(opened: Collection, world: Path) -> None:
    def found(**wanted: object) -> set[str]:
        return {each.lineage.name for each in opened.identify(world / "new", **wanted)}

    assert found(within="Aves") == {"Pica hudsonia", "Pica pica"}
    assert found(exclude="Felidae") == {"Pica hudsonia", "Pica pica"}
    assert found(checklist=["Pica pica", "Panthera tigris"]) == {"Pica pica", "Panthera tigris"}
    assert len(found(checklist=["Pica pica"], checklist_weight=0.9)) == 4
    with pytest.raises(UnknownName, match="Avess"):
        found(within="Avess")
    with pytest.raises(Error, match="No taxon is left"):
        found(within="Aves", exclude="Aves")


def test_names_of_a_checklist_that_are_unknown_are_told(opened: Collection, world: Path) -> None:
    answers = opened.identify(world / "new", checklist=["Pica pica", "Nemo nemo"])
    assert answers.notes[0] == "1 names of the checklist are of no taxon here: Nemo nemo"


def test_no_answer_is_deeper_than_the_rank_that_is_wanted(opened: Collection, world: Path) -> None:
    answers = opened.identify(world / "new", precision=0.5, rank="family")
    assert {each.rank for each in answers} <= {"family", "class", "phylum", "kingdom", ""}
    assert {taxon.rank for each in answers for taxon, _ in each.best} == {"family"}


@pytest.mark.parametrize(
    ("asked", "wrong"),
    [({"precision": 1}, "above 0"), ({"rank": "tribe"}, "Unknown rank"), ({"k": 0}, "1 or more")],
)
def test_what_cannot_be_asked_is_said(opened: Collection, asked: dict, wrong: str) -> None:
    with pytest.raises(Error, match=wrong):
        opened.identify("new", **asked)


def test_a_bad_image_is_one_line(opened: Collection, world: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    bad = write_picture(tmp_path / "bad" / "a.png", "red")
    bad.write_bytes(b"nothing")
    good = next((world / "new").iterdir())
    answers = opened.identify([bad, tmp_path / "empty", tmp_path / "none.jpg", good])
    assert [bool(each.problem) for each in answers] == [True, True, True, False]
    assert "not a picture" in answers[0].problem
    assert [each.name for each in answers[:3]] == ["", "", ""]
    only_bad = opened.identify([bad])
    assert len(only_bad) == 1


def test_photographs_of_one_specimen_are_answered_as_one(
    opened: Collection, world: Path, tmp_path: Path
) -> None:
    for place, name in enumerate(KINDS):
        for seed in range(3):
            speckled(tmp_path / "s" / name / f"{seed}.png", KINDS[name][2], 900 + 10 * place + seed)
    lines = [f"s/{name}/{seed}.png,{name[:7]}" for name in KINDS for seed in range(3)]
    (tmp_path / "list.csv").write_text("path,burst\n" + "\n".join(lines))
    answers = opened.identify(tmp_path / "s", group_by="folder")
    assert [len(each.files) for each in answers] == [3, 3, 3, 3]
    assert [Path(each.group).name for each in answers] == sorted(KINDS)
    by_column = opened.identify(tmp_path / "list.csv", group_by="burst")
    assert [(each.group, len(each.files)) for each in by_column] == [
        ("Panther", 6),
        ("Pica hu", 3),
        ("Pica pi", 3),
    ]
    known = opened.identify(world / "photos", group_by="site")
    assert [each.group for each in known] == ["s0", "s1", "s2", "s3"]


def test_answers_as_tables_and_pictures(opened: Collection, world: Path) -> None:
    answers = opened.identify(world / "new")
    table = answers.to_arrow()
    assert tuple(table.column_names) == COLUMNS
    assert len(table) == 16
    odd = Identification("<b>.png", problem="<script>")
    page = type(answers)((odd,))._repr_html_()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page
    shown = answers._repr_html_()
    assert "Pica" in shown
    assert "calibrated on 40 labelled images" in shown
    assert shown.count("<img src=") == 16
    assert "<svg" in answers.calibration._repr_html_()


def test_an_unlabelled_collection_answers_by_its_taxonomy(world: Path, tmp_path: Path) -> None:
    for place in range(3):
        speckled(tmp_path / "p" / f"{place}.png", (250, 0, 0), place)
    *_, _ = index_source(tmp_path / "p", tmp_path / "c", ColourEncoder())
    with pytest.raises(Error, match="label some images"):
        open_collection(tmp_path / "c", ColourEncoder()).identify(world / "new")
    taxonomy = small_taxonomy(tmp_path / "t")
    bare = open_collection(tmp_path / "c", ColourEncoder(), str(taxonomy.path))
    answers = bare.identify(tmp_path / "p", within="Aves", precision=0.3)
    assert all(not each.calibrated and each.votes == (0.0,) * 7 for each in answers)
    assert {each.lineage.at(RANKS[2]) for each in answers} == {"Aves"}
    assert "uncalibrated" in answers.notes[-1]


def test_a_labelled_collection_and_a_whole_taxonomy(world: Path, tmp_path: Path) -> None:
    taxonomy = small_taxonomy(tmp_path)
    both = open_collection(world / "c", ColourEncoder(), str(taxonomy.path))
    answers = both.identify(world / "new", whole_taxonomy=True, k=50)
    assert all(each.lineage and each.calibrated for each in answers)
    species = {taxon.name for taxon, _ in answers[0].best}
    assert {"Ursus arctos", "Pica pica"} <= species
    assert len(species) == 12  # all that the taxonomy has, more than are told unasked


def test_the_names_of_a_whole_taxonomy_are_those_of_its_taxa(tmp_path: Path) -> None:
    taxonomy = small_taxonomy(tmp_path)
    ready = prepare(ColourEncoder, taxonomy=taxonomy)
    candidates = ready.identifier().classifier.prior.candidates
    assert len(ready.texts.texts) == len(candidates) == 12
    sql = "SELECT taxon_key, common_name FROM taxa WHERE rank = 'species' ORDER BY lo"
    taxa = [Taxon.from_key(*line) for line in taxonomy.cursor().execute(sql).fetchall()]
    assert ready.texts.texts == [render(taxon, TextType.TAXON_COM) for taxon in taxa]
    assert {candidates.taxon(place) for place in range(12)} == set(taxa)
    birds = prepare(ColourEncoder, taxonomy=taxonomy, within="Aves")
    assert birds.texts.texts == [
        render(taxon, TextType.TAXON_COM) for taxon in taxa if taxon.at(Rank.CLASS) == "Aves"
    ]


def test_specimens_of_a_subspecies_vote_for_their_species(tmp_path: Path) -> None:
    taxonomy = small_taxonomy(tmp_path)
    for name in ("Panthera leo", "Panthera leo leo", "Pica pica"):
        for seed in range(3):
            speckled(tmp_path / "p" / name / f"{seed}.png", (250, 170, 20), seed + len(name))
    *_, _ = index_source(
        tmp_path / "p", tmp_path / "c", ColourEncoder(), taxonomy=str(taxonomy.path)
    )
    reference = open_collection(tmp_path / "c", ColourEncoder()).prepare().reference
    assert [taxon.name for taxon in reference.tree.taxa] == ["Pica pica", "Panthera leo"]
    assert reference.sizes.tolist() == [3, 6]


def test_what_many_names_cost_is_said_before(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = TextMatrix(ColourEncoder(), [f"red {place}" for place in range(20_500)], tmp_path / "t")
    with progress_bars() as progress:
        encode_missing(texts, progress)
    said = capsys.readouterr().err
    assert said.startswith("20,500 names to encode, once; about 82 seconds, about 2.01 MB on disk")
    assert "by the first 8,192 names" in said
    assert texts.missing == 0
    with progress_bars() as progress:
        encode_missing(texts, progress)
    assert capsys.readouterr().err == ""
    next((tmp_path / "t").iterdir()).unlink()
    assert texts.missing in (8192, 20_500 - 2 * 8192)


def test_one_taxon_alone_teaches_no_confidence(tmp_path: Path) -> None:
    for place in range(40):
        speckled(tmp_path / "p" / "Panthera leo" / f"{place}.png", (250, 170, 20), place)
    *_, _ = index_source(tmp_path / "p", tmp_path / "c", ColourEncoder())
    answers = open_collection(tmp_path / "c", ColourEncoder()).identify(tmp_path / "p")
    assert not any(each.calibrated for each in answers)
    assert "uncalibrated" in answers.notes[-1]


@pytest.fixture(scope="module")
def starter(world: Path) -> Path:
    labels = read_label_file(world / "labels.csv")
    from model.encoder import load

    *_, _ = index_source(world / "photos", world / "starter", load("starter"), labels)
    return world / "starter"


def ran(*arguments: object, given: str = "", code: int = 0) -> tuple[list[dict], str]:
    result = CliRunner().invoke(main, ["identify", *map(str, arguments), "--format", "json"], given)
    assert result.exit_code == code, result.output
    return json.loads(result.stdout), result.stderr


def test_the_command_finds_fitted_what_optimize_fitted(starter: Path, world: Path) -> None:
    result = CliRunner().invoke(main, ["optimize", "-c", str(starter)])
    assert result.exit_code == 0, result.output
    before = {file.name: file.stat().st_mtime_ns for file in (starter / "derived").iterdir()}
    assert len(before) == 2
    _, said = ran(next((world / "new").iterdir()), "-c", starter)
    assert "calibrated on 40 labelled images" in said
    now = {file.name: file.stat().st_mtime_ns for file in (starter / "derived").iterdir()}
    assert now == before


def test_the_command(starter: Path, world: Path, tmp_path: Path) -> None:
    files = "\n".join(str(file) for file in sorted((world / "new").iterdir())[:2])
    rows, said = ran("-", "nothing.jpg", "-c", starter, given=files, code=1)
    assert [bool(row["problem"]) for row in rows] == [False, False, True]
    assert list(rows[0]) == list(COLUMNS)
    assert "calibrated on 40 labelled images" in said
    assert "nothing.jpg: There is nothing at nothing.jpg." in said
    (tmp_path / "subset.csv").write_text("family\nFelidae\nNemidae\n")
    rows, said = ran(
        world / "new",
        "-c",
        starter,
        "--subset",
        tmp_path / "subset.csv",
        "--k",
        9,
        "--rank",
        "genus",
    )
    assert {row["genus"] for row in rows} == {"Panthera"}
    assert "Nemidae" in said
    rows, _ = ran(str(world / "new" / "Pica*.png"), "-c", starter, "--k", 2)
    assert [row["file_name"] for row in rows] == sorted(row["file_name"] for row in rows)
    assert len(rows) == 16


@pytest.mark.parametrize(
    ("suffix", "start"), [("svg", b"<svg"), ("png", b"\x89PNG"), ("html", b"<!DOCTYPE html>")]
)
def test_the_command_draws_how_often_answers_are_right(
    starter: Path, world: Path, tmp_path: Path, suffix: str, start: bytes
) -> None:
    target = tmp_path / f"reliability.{suffix}"
    _, said = ran(next((world / "new").iterdir()), "-c", starter, "--plot", target)
    assert f"plot: {target}" in said
    assert re.search(r"of 40 labelled images, each left out; \d+% of them right", said)
    assert target.read_bytes().lstrip().startswith(start)
    if suffix != "png":
        assert b"right by confidence, 40 labelled images" in target.read_bytes()


def test_the_command_has_nothing_to_draw_where_nothing_is_calibrated(
    world: Path, tmp_path: Path
) -> None:
    picture = next((world / "new").iterdir())
    taxonomy = small_taxonomy(tmp_path)
    given = ("-c", tmp_path / "no", "--taxonomy", taxonomy.path, "--encoder", "starter")
    _, said = ran(picture, *given, "--plot", tmp_path / "p.svg")
    assert "no plot: confidence is uncalibrated" in said
    arguments = ["identify", str(picture), "--cls", "lion,tiger", "--plot", str(tmp_path / "p.svg")]
    assert CliRunner().invoke(main, arguments).exit_code == 2


def test_the_command_with_labels_of_ones_own(starter: Path, world: Path, tmp_path: Path) -> None:
    picture = next((world / "new").iterdir())
    (tmp_path / "labels.txt").write_text("lion\nmagpie, black-billed\n")
    (tmp_path / "bins.csv").write_text("cls,bin\nlion,cat\ntiger,cat\nmagpie,bird\n")
    rows, _ = ran(picture, "--labels", tmp_path / "labels.txt", "--encoder", "starter", "-c", "no")
    assert {row["classification"] for row in rows} == {"lion", "magpie, black-billed"}
    assert sum(row["score"] for row in rows) == pytest.approx(1, abs=1e-4)
    rows, _ = ran(picture, "--cls", "lion,tiger,magpie", "--k", 1, "-c", starter)
    assert len(rows) == 1
    rows, _ = ran(picture, "--bins", tmp_path / "bins.csv", "-c", starter)
    assert {row["classification"] for row in rows} == {"cat", "bird"}
    names = "Panthera leo,Panthera tigris,Pica pica,nonsense"
    rows, said = ran(picture, "--cls", names, "--rank", "family", "-c", starter)
    assert {row["classification"] for row in rows} == {"Felidae", "Corvidae", "nonsense"}
    assert "1 labels are no taxon here: nonsense" in said


def test_the_command_without_a_collection(world: Path, tmp_path: Path) -> None:
    picture = next((world / "new").iterdir())
    taxonomy = small_taxonomy(tmp_path)
    rows, said = ran(
        picture, "-c", tmp_path / "no", "--taxonomy", taxonomy.path, "--encoder", "starter",
        "--within", "Mammalia", "--k", 3, "--rank", "family",
    )  # fmt: skip
    assert {row["family"] for row in rows} == {"Felidae", "Ursidae"}
    assert "uncalibrated" in said
    result = CliRunner().invoke(main, ["identify", str(picture), "-c", str(tmp_path / "no")])
    assert result.exit_code == 1
    assert "There is no collection" in result.stderr


class Interrupted(ColourEncoder):
    """Ends the run when it is to embed a second batch."""

    batches = 0

    def encode_images(self, images: Sequence[Image.Image]) -> Vectors:
        self.batches += 1
        if self.batches > 1:
            raise KeyboardInterrupt
        return super().encode_images(images)


@pytest.mark.parametrize("best", [True, False])
def test_answers_are_written_as_they_are_made(world: Path, tmp_path: Path, best: bool) -> None:
    ready = open_collection(world / "c", Interrupted()).prepare()
    sources = [str(world / each) for each in ("photos", "new", "photos")]
    with pytest.raises(KeyboardInterrupt):
        identify(ready, sources, AnswerOptions(k=2), best, "csv", tmp_path / "a.csv")
    lines = (tmp_path / "a.csv").read_text().splitlines()
    assert len(lines) == 1 + TOGETHER * (2 if best else 1)
