"""Morphospecies: planted new species become groups, named by what they are relatives of."""

import json
from collections import Counter
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from browser import WAIT
from click.testing import CliRunner
from streamlit.testing.v1 import AppTest

import taxalens
from model.errors import Error
from model.taxon import Taxon
from search.classify import grouping
from search.classify.grouping import fit_cut, group
from search.classify.reference_set import reference_set, unit
from search.classify.whitening import fit_whitening
from search.identify.morphospecies import provisional_names
from ui.cli import main

DIM, EACH = 512, 8  # the starter's numbers
LABELLED = (
    ("Corvidae", "Pica pica"),
    ("Corvidae", "Pica hudsonia"),
    ("Corvidae", "Corvus corax"),
    ("Corvidae", "Corvus corone"),
    ("Corvidae", "Garrulus glandarius"),
    ("Felidae", "Panthera leo"),
    ("Felidae", "Panthera tigris"),
    ("Felidae", "Felis catus"),
    ("Felidae", "Lynx lynx"),
    ("Felidae", "Lynx rufus"),
)
FAMILIES = {
    "Corvidae": ("Animalia", "Chordata", "Aves", "Passeriformes"),
    "Felidae": ("Animalia", "Chordata", "Mammalia", "Carnivora"),
}
NEW = (("Corvidae", "new crow", 7), ("Felidae", "new cat", 5), ("Felidae", "another cat", 4))


def planted(seed: int = 0) -> tuple[np.ndarray, list[dict[str, str]]]:
    """Vectors of species that are centres around their family's centre, and what each is."""
    random = np.random.default_rng(seed)
    families = {name: 1.5 * random.normal(size=DIM) for name in FAMILIES}
    vectors, rows = [], []
    for family, name, count in [(*each, 2 * EACH) for each in LABELLED] + list(NEW):
        centre = families[family] + random.normal(size=DIM)
        for number in range(count):
            vectors.append(centre + random.uniform(0.3, 1.0) * random.normal(size=DIM))
            labelled = (family, name) in LABELLED and number < EACH
            lineage = (*FAMILIES[family], family, name.split()[0], name) if labelled else ("",) * 7
            ranks = ("kingdom", "phylum", "class", "order", "family", "genus", "species")
            rows.append({"uuid": f"{name}/{number}", **dict(zip(ranks, lineage, strict=True))})
    return unit(np.array(vectors)), rows


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a collection `c` of the planted species, and the table that it is made of."""
    folder = tmp_path_factory.mktemp("morphospecies")
    vectors, rows = planted()
    columns = {name: [row[name] for row in rows] for name in rows[0]} | {"emb": list(vectors)}
    pq.write_table(pa.table(columns), folder / "zoo.parquet")
    taxalens.index(folder / "zoo.parquet", folder / "c", encoder="starter")
    return folder


def test_new_species_are_groups_named_by_their_family(folder: Path) -> None:
    found = taxalens.open(folder / "c").morphospecies()
    groups = Counter((each.hit.source_id.split("/")[-2], each.label) for each in found)
    assert groups == {
        ("new crow", "Corvidae sp. 1"): 7,
        ("new cat", "Felidae sp. 1"): 5,
        ("another cat", "Felidae sp. 2"): 4,
    }
    assert found.names == ("Corvidae sp. 1", "Felidae sp. 1", "Felidae sp. 2")
    assert [each.images for each in found] == [7] * 7 + [5] * 5 + [4] * 4
    families = {each.label.split()[0]: each.nearest for each in found}
    of = {name: family for family, name in LABELLED}
    assert {family: of[nearest] for family, nearest in families.items()} == {
        "Corvidae": "Corvidae",
        "Felidae": "Felidae",
    }


def test_only_images_that_pass_the_filters_are_grouped(folder: Path) -> None:
    found = taxalens.open(folder / "c").morphospecies(where="source_id LIKE '%cat%'")
    assert found.names == ("Felidae sp. 1", "Felidae sp. 2")
    assert found.unlabelled == EACH + 9  # Felis catus has cat in it, too


def _script(folder: "Path") -> None:  # Streamlit runs its text alone, without our imports
    from ui.server.current import current_collection
    from ui.views.label import page

    page(current_collection(folder).get())


@pytest.mark.usefixtures("close_catalogs")
def test_the_page_reviews_each_group_as_a_cohort(folder: Path) -> None:
    page = AppTest.from_function(_script, args=(folder / "c",), default_timeout=WAIT).run()
    page.text_input(key="person").set_value("Maria")
    page.session_state["label-kind"] = "new species"
    page.run()
    assert not page.exception
    tiles = json.loads(page.get("bidi_component")[0].proto.json)["tiles"]
    sections = Counter(tile["section"].partition(": nearest ")[0] for tile in tiles)
    assert sections == {"Corvidae sp. 1": 7, "Felidae sp. 1": 5, "Felidae sp. 2": 4}
    assert all(f"looks like {tile['section'].partition(':')[0]}" in tile["lines"] for tile in tiles)


def test_groups_are_named_in_the_label_file_that_they_are_written_to(folder: Path) -> None:
    table = folder / "groups.csv"
    asked = ["morphospecies", "-c", str(folder / "c"), "--output", str(table)]
    made = CliRunner().invoke(main, asked)
    assert made.exit_code == 0, made.output
    assert "3 morphospecies of 16 images" in made.output
    table.write_text(table.read_text().replace("Corvidae sp. 1", "Corvus albus"))
    taxalens.index(folder / "zoo.parquet", folder / "c", labels=table)
    rows = taxalens.open(folder / "c").to_arrow().to_pylist()
    labels = Counter((row["label"], row["family"]) for row in rows)
    assert labels["Corvus albus", "Corvidae"] == 7
    assert labels["Felidae sp. 2", "Felidae"] == 4  # a provisional name is of its clade


def test_provisional_names_are_of_the_clade_of_most_images_and_never_given_twice() -> None:
    crow, cat = (Taxon((*FAMILIES[name], name, "", "")) for name in FAMILIES)
    cats = Taxon((*FAMILIES["Felidae"], "", "", ""))
    groups = [(cat, cat, cats), (cat, None, cats), (crow, cat), (None, None), (cat, cat)]
    assert provisional_names(groups, ["Felidae sp. 3", "Felidae sp. 12", "Felidae sp. x"]) == [
        "Felidae sp. 13",
        "Carnivora sp. 1",
        "Chordata sp. 1",
        "Unidentified sp. 1",
        "Felidae sp. 14",
    ]


def test_too_few_labelled_species_are_told(tmp_path: Path) -> None:
    vectors, rows = planted()
    columns = {name: [row[name] for row in rows] for name in rows[0]} | {"emb": list(vectors)}
    columns["species"] = [name if name == "Pica pica" else "" for name in columns["species"]]
    for rank in ("kingdom", "phylum", "class", "order", "family", "genus"):
        columns[rank] = [""] * len(rows)
    pq.write_table(pa.table(columns), tmp_path / "zoo.parquet")
    taxalens.index(tmp_path / "zoo.parquet", tmp_path / "c", encoder="starter")
    with pytest.raises(Error, match="Too few species are labelled"):
        taxalens.open(tmp_path / "c").morphospecies()


def test_the_cut_finds_species_again_that_it_was_not_learnt_from() -> None:
    random = np.random.default_rng(1)
    numbers = np.repeat(np.arange(30), 6)
    centres = random.normal(size=(30, 64))
    vectors = unit(centres[numbers] + 0.6 * random.normal(size=(180, 64)))
    seen = numbers < 20
    reference = reference_set(vectors[seen], numbers[seen])
    cut = fit_cut(reference)
    groups = group(fit_whitening(reference).into(vectors[~seen]), cut)
    assert len(set(groups)) == 10
    assert len(set(zip(groups, numbers[~seen], strict=True))) == 10


def test_images_beyond_the_linked_ones_join_their_group(monkeypatch: pytest.MonkeyPatch) -> None:
    random = np.random.default_rng(2)
    numbers = np.repeat(np.arange(5), 40)
    centres = random.normal(size=(6, 64))
    vectors = unit(centres[numbers] + 0.2 * random.normal(size=(200, 64)))
    vectors = np.concatenate([vectors, unit(centres[5:])])
    monkeypatch.setattr(grouping, "MOST", 20)
    groups = group(vectors, 0.5)
    assert len(set(zip(groups[:200], numbers, strict=True))) == 5
    assert groups[200] not in groups[:200]


@pytest.mark.parametrize("count", [0, 1])
def test_nothing_and_one_image_are_groups(count: int) -> None:
    assert group(np.ones((count, 4), np.float32), 0.5).tolist() == [0] * count
