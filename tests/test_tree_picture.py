"""The recursive picture: clades from the top down, each laid out by t-SNE, coloured by its taxa."""

from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from sklearn.neighbors import NearestNeighbors
from towers import write_tower

from model.errors import BadInput
from model.taxon import Taxon
from training.contrastive.drawn import draw, taxa
from training.evaluation import tree_picture
from training.evaluation.labelled_images import Description, LabelledImages
from ui.cli import main


def labelled(*lineages: str) -> LabelledImages:
    """Images of lineages "kingdom/…/species", an empty word for a missing rank."""
    described = [Description(each, Taxon(tuple(each.split("/")))) for each in lineages]
    names = tuple(map(str, range(len(lineages))))
    return LabelledImages("x", names, names, tuple(described))


CARNIVORA = "Animalia/Chordata/Mammalia/Carnivora"


def cats_and_others() -> LabelledImages:
    """Return 48 images: 40 show carnivores; 25 of these show cats, and 15 of these have a genus."""
    return labelled(
        *["Animalia/Chordata/Aves/Passeriformes/Corvidae/Pica/Pica pica"] * 6,
        *[f"{CARNIVORA}/Felidae/Panthera/Panthera leo"] * 6,
        *[f"{CARNIVORA}/Felidae/Panthera/Panthera onca"] * 5,
        *[f"{CARNIVORA}/Felidae/Lynx/Lynx lynx"] * 4,
        *[f"{CARNIVORA}/Felidae//"] * 10,
        *[f"{CARNIVORA}/Canidae/Canis/Canis lupus"] * 15,
        *["Animalia/Chordata/Mammalia/Primates/Hominidae/Homo/Homo sapiens"] * 2,
    )


def test_each_level_is_the_largest_taxon_of_the_one_before() -> None:
    found = list(tree_picture.levels(cats_and_others()))
    assert [(level.clade, level.rank, level.names) for level in found] == [
        ("Chordata", "class", ("Mammalia", "Aves")),
        ("Mammalia", "order", ("Carnivora", "Primates")),
        ("Carnivora", "family", ("Felidae", "Canidae")),
        ("Felidae", "genus", ("Panthera", "Lynx")),  # the ten without a genus are left out
        ("Panthera", "species", ("Panthera leo", "Panthera onca")),
    ]
    assert [len(level.places) for level in found] == [48, 42, 40, 15, 11]
    genus = found[3]
    assert genus.places.tolist() == list(range(6, 21))
    assert genus.of.tolist() == [0] * 11 + [1] * 4


def test_a_rank_that_nobody_has_is_passed_over_and_few_images_end_it() -> None:
    snakes = labelled(
        *["Animalia/Chordata//Squamata/Viperidae/Vipera/Vipera berus"] * 7,
        *["Animalia/Chordata//Squamata/Colubridae/Natrix/Natrix natrix"] * 5,
        *["Animalia/Chordata//Squamata/Viperidae/Bitis/Bitis nasicornis"] * 2,
    )
    (family,) = tree_picture.levels(snakes)
    assert (family.clade, family.rank, family.names) == (
        "Squamata",
        "family",
        ("Viperidae", "Colubridae"),
    )
    assert not list(tree_picture.levels(labelled(*["///////"[1:]] * 20)))


def test_the_layout_keeps_neighbours_together_and_is_the_same_again() -> None:
    rng = np.random.default_rng(0)
    of = np.repeat(np.arange(5), 30)
    vectors = rng.normal(size=(5, 64))[of] + 0.7 * rng.normal(size=(150, 64))
    vectors = (vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32)
    found = tree_picture.layout(vectors)
    assert found.shape == (150, 2)
    near = NearestNeighbors(n_neighbors=5).fit(found).kneighbors(return_distance=False)
    assert (of[near] == of[:, None]).mean() > 0.95
    assert np.array_equal(found, tree_picture.layout(vectors))
    noise = rng.normal(size=(150, 64)).astype(np.float32)
    near = NearestNeighbors(n_neighbors=5).fit(tree_picture.layout(noise))
    assert (of[near.kneighbors(return_distance=False)] == of[:, None]).mean() < 0.5
    assert np.isfinite(tree_picture.layout(vectors[:10])).all()
    assert np.isfinite(tree_picture.layout(np.ones((12, 3), np.float32))).all()


@pytest.fixture
def drawings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Drawings of nine orders' worth of genera, in folders of their names."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)
    table = ["file_name,kingdom,phylum,class,order,genus"]
    for number, taxon in list(enumerate(taxa()))[::2]:
        lineage = taxon.lineage
        for individual in range(2):
            draw(number, individual).save(tmp_path / f"{number}-{individual}.png")
            table.append(
                f"{number}-{individual}.png," + ",".join([*lineage[:4], lineage[5]]),
            )
    (tmp_path / "table.csv").write_text("\n".join(table) + "\n")
    return tmp_path


def test_the_command_draws_a_row_for_each_clade_and_a_column_for_each_encoder(
    drawings: Path,
) -> None:
    specs = [
        f"local-dir:{write_tower(drawings / name, seed=seed)}" for seed, name in enumerate("ab")
    ]
    words = ["evaluate", "table.csv", *(word for spec in specs for word in ("--encoder", spec))]
    words += ["--measure", "intrinsic", "--tree", "tree.svg"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    drawn = Path("tree.svg").read_text()
    assert "Chordata by class: 48 images, 2 taxa" in drawn
    picture = tree_picture.tree_picture("table.csv", specs).to_dict()
    titles = [row["title"] for row in picture["concat"]]
    assert titles[0] == "Chordata by class: 48 images, 2 taxa"
    assert titles[1].endswith(" by order: 24 images, 3 taxa")
    assert len(titles) == 2  # an order has eight images, fewer than a panel
    for row in picture["concat"]:
        assert [panel["title"] for panel in row["hconcat"]] == specs
    data = picture["datasets"]
    first, second = (data[panel["data"]["name"]] for panel in picture["concat"][0]["hconcat"])
    assert [value["taxon"] for value in first] == [value["taxon"] for value in second]
    assert [value["x"] for value in first] != [value["x"] for value in second]
    refused = CliRunner().invoke(main, ["evaluate", "--table", "--tree", "other.svg"])
    assert refused.exit_code == 2


def test_more_taxa_than_colours_are_grey_and_drawn_below() -> None:
    of = np.repeat(np.arange(9), 3)
    level = tree_picture.Level("Aves", "order", tuple("abcdefghi"), np.arange(27), of)
    panel = tree_picture._panel(level, of, np.zeros((27, 2)), "starter").to_dict()
    (values,) = panel["datasets"].values()
    assert [value["colour"] for value in values[:9]] == ["others"] * 9
    assert {value["taxon"] for value in values[:9]} == set("ghi")
    assert panel["encoding"]["color"]["scale"]["domain"] == [*"abcdef", "others"]
    assert len(panel["encoding"]["color"]["scale"]["range"]) == 7


def test_labels_that_are_no_taxa_have_no_picture(drawings: Path) -> None:
    for number in range(12):
        folder = drawings / "words" / ("day shot", "night shot")[number % 2]
        folder.mkdir(parents=True, exist_ok=True)
        draw(number, 0).save(folder / f"{number}.png")
    tower = write_tower(drawings / "tower")
    with pytest.raises(BadInput, match="labels that name taxa"):
        tree_picture.tree_picture("words", f"local-dir:{tower}")
