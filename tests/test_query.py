"""A query, understood once: each kind of argument, and honest answers where nothing matches."""

import io
import json
import re
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from click.testing import CliRunner
from colours import WORDS, ColourEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import run, write_picture
from PIL import Image
from taxonomies import small_taxonomy

from indexer.backends.floor import between
from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.identifications import write_identifications
from indexer.ingest.optimize import optimize
from indexer.labels.label_files import Label, label_of_folder, read_label_file
from indexer.store.manifest import read_manifest
from indexer.store.segment import IDENTIFICATIONS
from model.errors import BadInput, Error, UnknownName
from search.collection import Collection, open_collection
from search.hits import COLUMNS, IDENTIFIED, LABELLED, SIMILAR
from search.query.understanding import (
    ImageQuery,
    LabelQuery,
    RowQuery,
    TaxonQuery,
    TextQuery,
    understand,
)
from ui.cli import main


@pytest.fixture
def opened(collection: Path) -> Collection:
    return open_collection(collection, ColourEncoder())


def stems(hits: object) -> list[str]:
    return [hit.source_id.removeprefix("photos/") for hit in hits]


def vector_of(opened: Collection, **asked: object) -> np.ndarray:
    query = understand(opened.names, **asked)
    return query.vector(opened.nearest.exact, lambda: opened.encoder)[0].astype(np.float32)


def test_each_kind_of_argument_is_a_query_of_its_own_kind(opened: Collection, photos: Path) -> None:
    image_id = opened.search("red", k=1)[0].image_id
    for kind, asked in (
        (TaxonQuery, {"query": "panthera"}),
        (TaxonQuery, {"taxon": "Panthera leo"}),
        (LabelQuery, {"query": "BLANK"}),
        (TextQuery, {"query": "something red"}),
        (TextQuery, {"text": "Panthera leo"}),
        (ImageQuery, {"image": photos / "red.png"}),
        (RowQuery, {"image_id": image_id}),
    ):
        query = understand(opened.names, **asked)
        assert type(query) is kind
        vector = query.vector(opened.nearest.exact, lambda: opened.encoder)
        assert vector.shape == (1, opened.encoder.dim)
        assert np.linalg.norm(vector.astype(np.float32)) == pytest.approx(1, abs=2e-3)


def test_a_picture_in_any_form_is_the_same_query(opened: Collection, photos: Path) -> None:
    file = photos / "red.png"
    image = Image.open(file)
    array = np.asarray(image.convert("RGB"))
    expected = vector_of(opened, image=file)
    for each in (str(file), file.read_bytes(), image, image.convert("RGBA"), array, [array]):
        np.testing.assert_allclose(vector_of(opened, image=each), expected, atol=1e-3)
    for dtype in (np.float16, np.float32, np.float64):
        vector = 49 * expected.astype(dtype)  # as some encoders leave them
        np.testing.assert_allclose(vector_of(opened, image=vector), expected, atol=1e-3)
    assert opened.search(image=array, k=1).meaning == "images that look like a picture"


def test_a_vector_needs_no_encoder(collection: Path) -> None:
    opened = open_collection(collection)  # its encoder cannot be loaded
    vectors = np.concatenate(opened.snapshot.vectors())
    (hit,) = opened.search(image=vectors[3], k=1)
    with open_snapshot(collection) as snapshot:
        assert snapshot.query("SELECT image_id FROM images WHERE row = 3") == [(hit.image_id,)]
    assert hit.score == pytest.approx(1, abs=2e-3)


def test_pictures_of_several_forms_show_one_specimen(opened: Collection, photos: Path) -> None:
    red, blue = (np.asarray(Image.new("RGB", (9, 9), colour)) for colour in ("red", "blue"))
    both = vector_of(opened, image=[photos / "red.png", blue])
    mean = vector_of(opened, image=red) + vector_of(opened, image=blue)
    np.testing.assert_allclose(both, mean / np.linalg.norm(mean), atol=2e-3)
    np.testing.assert_allclose(vector_of(opened, image=(red, vector_of(opened, image=blue))), both,
                               atol=2e-3)  # fmt: skip


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (np.zeros((4, 4, 3), np.float32), r"not float32 \(4, 4, 3\)"),
        (np.zeros((4, 4), np.uint8), r"not uint8 \(4, 4\)"),
        (np.zeros((0, 4, 3), np.uint8), r"not uint8 \(0, 4, 3\)"),
        (np.ones(7, np.float32), r"a vector of 49 floats, not float32 \(7,\)"),
        (np.zeros(49), "no direction"),
        (np.full(49, np.nan), "no direction"),
        (b"no picture", r"bytes given as a picture cannot be used: not a picture"),
        (Image.new("RGB", (0, 3)), "no pixels"),
        ([], "list of pictures is empty"),
        ([1.5], "not float"),
    ],
)
def test_a_picture_that_cannot_be_one_is_refused(
    opened: Collection, given: object, said: str
) -> None:
    with pytest.raises(BadInput, match=said):
        opened.search(image=given)


def test_terms_take_weights_and_pictures_as_values(opened: Collection, photos: Path) -> None:
    words = opened.search(text="green", plus=("red", 9.0), k=8)
    assert stems(opened.search(text="green", plus=[("red", 9)], k=8)) == stems(words)
    assert stems(opened.search(text="green", plus="red", k=8)) != stems(words)
    array = np.asarray(Image.open(photos / "red.png").convert("RGB"))
    pictured = opened.search(text="green", plus=[(array, 9)], k=8)
    path = opened.search(text="green", plus=(str(photos / "red.png"), 9), k=8)
    assert stems(pictured) == stems(path)
    with pytest.raises(Error, match="A weight is a number, 0 or more, not -1"):
        opened.search(text="green", plus=[("red", -1)])


# What is not here.


@pytest.fixture
def many(tmp_path: Path) -> Path:
    """Sixty pictures each of red and blue species, never optimized."""
    for number in range(60):
        shade = 150 + number
        write_picture(tmp_path / "p" / "Rubus red" / f"{number}.png", f"#{shade:02x}1018")
        write_picture(tmp_path / "p" / "Pica blue" / f"{number}.png", f"#1810{shade:02x}")
    table = tmp_path / "labels.csv"
    table.write_text("label,species,common_name\nRubus red,Rubus idaeus,red\n"
                     "Pica blue,Pica pica,blue\n")  # fmt: skip
    run(tmp_path / "p", tmp_path / "c", labels=read_label_file(table))
    return tmp_path / "c"


@pytest.mark.parametrize("optimized", [False, True])
def test_a_collection_says_that_nothing_like_that_is_here(many: Path, optimized: bool) -> None:
    if optimized:
        optimize(many, ColourEncoder())
    assert (read_manifest(many).floor is not None) == optimized
    opened = open_collection(many, ColourEncoder())
    black_white = Image.new("RGB", (24, 16), "white")
    black_white.paste("lime", (0, 0, 12, 16))
    assert "Nothing like that here" in opened.search(image=black_white).absence
    assert "Nothing like that here" in opened.search("something lime").absence
    for shade in (155, 180, 205):
        for colour in ((shade, 16, 24), (24, 16, shade)):
            assert opened.search(image=Image.new("RGB", (24, 16), colour)).absence == ""
    for text in ("something red", "blue feathers", "red"):
        assert opened.search(text=text).absence == ""
    assert opened.search("something lime", plus="red").absence == ""  # not measured


def test_the_floor_lets_pass_all_but_a_fiftieth_of_what_is_here(many: Path) -> None:
    optimize(many, ColourEncoder())
    opened = open_collection(many, ColourEncoder())
    entry = opened.snapshot.manifest.floor
    assert entry is not None
    vectors = np.concatenate(opened.snapshot.vectors()).astype(np.float32)
    likeness = vectors @ vectors.T
    rule = likeness.mean(axis=1)
    np.fill_diagonal(likeness, -1)
    floors = (likeness.max(axis=1) + rule) / 2
    assert (floors < entry.image).mean() == pytest.approx(0.02, abs=0.02)
    assert opened.image_floor == entry.image


def test_random_letters_are_like_nothing_here(many: Path) -> None:
    class Careful(ColourEncoder):
        """Texts without a colour are far from every picture."""

        def encode_texts(self, texts):
            made = super().encode_texts(texts).astype(np.float32)
            for row, text in enumerate(texts):
                if not re.search("red|blue|lime", text):
                    made[row] = np.random.default_rng(len(text)).normal(size=self.dim)
                    made[row] /= np.linalg.norm(made[row])
            return made.astype(np.float16)

    opened = open_collection(many, Careful())
    assert "Nothing like that here" in opened.search("xqzt").absence
    assert "no taxon or label here has this name" in opened.search("xqzt").meaning
    assert opened.search("Larus argentatus").meaning.endswith("here has this name)")
    assert "here has this name" not in opened.search("something red").meaning
    assert opened.search("something red").absence == ""


def test_a_taxon_without_an_image_here_is_said_to_have_none(tmp_path: Path) -> None:
    for name, colour in {"Panthera leo/a.png": "orange", "b.png": "red"}.items():
        write_picture(tmp_path / "p" / name, colour)
    taxonomy = small_taxonomy(tmp_path)
    run(tmp_path / "p", tmp_path / "c", taxonomy=str(taxonomy.path))
    opened = open_collection(tmp_path / "c", ColourEncoder(), str(taxonomy.path))
    hits = opened.search("Pica pica")
    assert [hit.match for hit in hits] == [SIMILAR]
    assert hits.absence.startswith(
        "No image here is labelled Pica pica (species); these only look like it."
    )
    none = opened.search("Panthera leo", where="width > 9999")
    assert none.absence == "No image that passes the filters is labelled Panthera leo (species)."
    assert opened.search("Panthera leo").absence == ""


# Machines' labels.


@pytest.fixture
def identified(tmp_path: Path) -> Collection:
    """Six unsorted pictures of reds, of which a machine is the less sure the redder they are."""
    for number in range(6):
        write_picture(
            tmp_path / "p" / "unsorted" / f"{number}.png", f"#{255 - 20 * number:02x}0000"
        )
    write_picture(tmp_path / "p" / "Panthera leo" / "red.png", "red")
    write_picture(tmp_path / "p" / "blank" / "x.png", "white")
    labels = {
        name: Label(name) for name in ("unsorted", "Panthera leo", "blank")
    }  # a table says so
    labels["Panthera leo"] = label_of_folder("Panthera leo")
    run(tmp_path / "p", tmp_path / "c", labels=labels)
    with open_snapshot(tmp_path / "c") as snapshot:
        ids = dict(snapshot.query("SELECT source_id, image_id FROM images"))
    lines = [
        {
            "image_id": ids[f"p/{name}"],
            "label": "Panthera leo" if name != "blank/x.png" else "Pica pica",
            "taxon_key": "|||||Panthera|Panthera leo" if name != "blank/x.png" else None,
            "confidence": confidence,
            "identified_by": "taxalens, colours-1",
            "date_identified": "2026-11-25T01:00:00Z",
            "method": "probe",
            "remarks": "",
            "evidence": [],
        }
        for name, confidence in {
            "unsorted/0.png": 0.5,
            "unsorted/1.png": 0.6,
            "unsorted/2.png": 0.9,
            "unsorted/3.png": 0.7,
            "unsorted/4.png": 0.9,
            "blank/x.png": 0.99,
        }.items()
    ]
    write_identifications(
        tmp_path / "c", [pa.RecordBatch.from_pylist(lines, schema=IDENTIFICATIONS)]
    )
    return open_collection(tmp_path / "c", ColourEncoder())


def files(hits: object) -> list[str]:
    return [hit.file_name.removesuffix(".png") for hit in hits]


@pytest.mark.parametrize("k", range(1, 8))
def test_identified_hits_come_in_the_order_of_their_confidence(
    identified: Collection, k: int
) -> None:
    """The more similar first among equals."""
    hits = identified.search("Panthera leo", k=k)
    likest = files(identified.search(text="Panthera leo", k=8, where="machine_confidence = 0.9"))
    equals = [name for name in likest if name in "24"]
    assert files(hits)[:6] == ["red", *equals, "3", "1", "0"][:k]
    assert [hit.match for hit in hits] == [LABELLED, *[IDENTIFIED] * 5, SIMILAR][:k]
    pages = [
        hit for skip in range(0, k) for hit in identified.search("Panthera leo", k=1, skip=skip)
    ]
    assert pages == list(hits)


def test_a_picture_shows_the_best_label_known_and_by_whom(identified: Collection) -> None:
    hits = identified.search(image=Image.new("RGB", (24, 16), "red"), k=8)
    titles = dict(zip(files(hits), [hit.title for hit in hits], strict=True))
    assert titles == {
        "red": "Panthera leo",
        "0": "Panthera leo (machine 0.50)",
        "1": "Panthera leo (machine 0.60)",
        "2": "Panthera leo (machine 0.90)",
        "3": "Panthera leo (machine 0.70)",
        "4": "Panthera leo (machine 0.90)",
        "5": "unlabelled",
        "x": "blank",
    }


def command(opened: Collection, *arguments: str) -> object:
    asked = ["search", "-c", str(opened.snapshot.folder), *arguments]
    return CliRunner().invoke(main, asked, catch_exceptions=False)


def test_every_output_tells_a_machines_label_from_a_persons(
    identified: Collection, tmp_path: Path
) -> None:
    image_id = next(hit.image_id for hit in identified.search("Panthera leo", k=1))
    table = command(identified, "--id", image_id).stdout
    assert "Panthera leo (machine 0.50)" in table
    assert "unsorted " not in table
    rows = json.loads(command(identified, "--id", image_id, "--format", "json").stdout)
    first = next(row for row in rows if row["file_name"].endswith("0.png"))
    assert (first["label"], first["machine_label"], first["machine_confidence"]) == (
        "unsorted", "Panthera leo", 0.5,
    )  # fmt: skip
    csv = command(identified, "--id", image_id, "--format", "csv").stdout
    assert {"machine_label", "machine_confidence"} <= set(csv.splitlines()[0].split(","))
    html = identified.search("Panthera leo")._repr_html_()
    assert "Panthera leo (machine 0.90)" in html


# Columns.


def test_where_knows_the_columns_that_a_table_prints(identified: Collection) -> None:
    def found(where: str) -> list[str]:
        return sorted(files(identified.search(text="red", k=99, where=where)))

    assert found("file_name = 'unsorted/3.png'") == ["3"]
    assert found("file_name LIKE '%red.png'") == ["red"]
    assert found("folder = 'Panthera leo'") == ["red"]
    assert found("label = 'blank'") == ["x"]
    assert found("machine_label = 'Panthera leo' AND machine_confidence < 0.65") == ["0", "1"]
    assert found("machine_label = ''") == ["5", "red"]
    assert found("machine_label = 'Pica pica'") == ["x"]
    assert found("folder = ''") == []


def test_metadata_go_before_the_columns_that_a_table_prints(tmp_path: Path) -> None:
    write_picture(tmp_path / "p" / "a.png", "red")
    run(tmp_path / "p", tmp_path / "c", labels={"a.png": Label("", None, {"Folder": "box 7"})})
    opened = open_collection(tmp_path / "c", ColourEncoder())
    assert len(opened.search(text="red", where="folder = 'box 7'")) == 1
    assert len(opened.search(text="red", where="file_name = 'a.png'")) == 1


def test_a_column_to_group_by_is_checked_and_shown(identified: Collection) -> None:
    for asked in ({"text": "red"}, {"text": "red", "where": "false"}, {"taxon": "Panthera leo"}):
        with pytest.raises(UnknownName, match=r"no column 'lable' .* Did you mean label"):
            identified.search(**asked, group_by="lable")
    hits = identified.search(text="red", k=9, group_by="folder")
    assert sorted(hit.group for hit in hits) == ["Panthera leo", "blank", "unsorted"]
    assert "group" in COLUMNS
    assert {hit.row()["group"] for hit in hits} == {"Panthera leo", "blank", "unsorted"}
    image_id = hits[0].image_id
    shown = command(identified, "--id", image_id, "--group-by", "folder").stdout.splitlines()
    assert "group" in shown[0].split()
    assert any("unsorted" in line.split() for line in shown[1:])
    plain = command(identified, "--id", image_id).stdout
    assert "group" not in plain.splitlines()[0].split()
    assert command(identified, "--id", image_id, "--group-by", "x").exit_code == 1
    assert io.StringIO(plain).readline().startswith("score")


@settings(max_examples=30, deadline=None)
@given(
    here=st.lists(st.floats(-1, 1, width=16), min_size=1, max_size=30),
    absent=st.lists(st.floats(-1, 1, width=16), min_size=1, max_size=30),
)
def test_no_other_floor_tells_names_that_are_here_better(
    here: list[float], absent: list[float]
) -> None:
    one, other = np.array(here), np.array(absent)

    def right(floor: float) -> float:
        return float((one >= floor).mean() + (other < floor).mean())

    best = max(right(each) for each in [*here, *absent, 2.0, -2.0])
    assert right(between(one, other)) == pytest.approx(best)


class Vague(ColourEncoder):
    """Texts without a colour lie half way to red pictures; one odd word lies far from all."""

    def encode_texts(self, texts):
        made = super().encode_texts(texts).astype(np.float32)
        (red,) = super().encode_texts(["red"]).astype(np.float32)
        for row, text in enumerate(texts):
            if not any(word in text.lower() for word in WORDS):
                off = np.random.default_rng(len(text)).normal(size=self.dim)
                off /= np.linalg.norm(off)
                made[row] = off if re.fullmatch(r"a photo of [a-z]{8}\.?", text) else red + off
                made[row] /= np.linalg.norm(made[row])
        return made.astype(np.float16)


@pytest.mark.parametrize("optimized", [False, True])
def test_a_name_that_is_not_here_is_like_nothing_here(tmp_path: Path, optimized: bool) -> None:
    """Random letters score lower than it, so that they do not tell where the floor lies."""
    lines = ["label,species,common_name"]
    for place, word in enumerate(("red", "green", "blue", "yellow", "purple", "orange")):
        for number in range(4):
            write_picture(tmp_path / "p" / word / f"{number}.png", word, (24 + number, 16))
        lines.append(f"{word},Genus {word[:2]}{'abcdef'[place]},{word}")
    (tmp_path / "labels.csv").write_text("\n".join(lines))
    run(tmp_path / "p", tmp_path / "c", labels=read_label_file(tmp_path / "labels.csv"))
    if optimized:
        optimize(tmp_path / "c", Vague())
    opened = open_collection(tmp_path / "c", Vague())
    assert "Nothing like that here" in opened.search("an old castle").absence
    assert "Nothing like that here" in opened.search("xqztabcd").absence
    assert opened.search("something yellow").absence == ""
