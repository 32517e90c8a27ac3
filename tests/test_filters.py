"""Filters: `within`, `exclude`, `rank` and `where` choose what a plain recount chooses."""

from pathlib import Path

import pytest
from colours import ColourEncoder
from hypothesis import given, settings
from hypothesis import strategies as st
from pictures import run, write_picture
from taxonomies import small_taxonomy

from indexer.labels.label_files import Label
from model.errors import Error, UnknownName
from model.taxon import RANKS
from search.collection import Collection, open_collection

PHOTOS = {
    "Panthera leo/a.png": "orange",
    "Panthera tigris/b.png": "red",
    "Ursus arctos/c.png": "black",
    "Pica pica/d.png": "navy",
    "Natrix natrix/e.png": "lime",
    "Ficus carica/f.png": "green",
    "Felidae/g.png": "yellow",
    "blank/h.png": "white",
    "i.png": "red",
    "Ficus variegata/j.png": "purple",
}
CLADES = {  # by hand from tests/taxonomies.py
    "Animalia": "abcdegj",
    "Carnivora": "abcg",
    "Felidae": "abg",
    "Panthera": "ab",
    "lion": "a",
    "Aves": "d",
    "Serpentes": "e",
    "Reptilia": "e",
    "Plantae": "f",
    "Lacertidae": "",
}


@pytest.fixture(scope="module")
def opened(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    folder = tmp_path_factory.mktemp("filters")
    for name, colour in PHOTOS.items():
        write_picture(folder / "photos" / name, colour)
    taxonomy = small_taxonomy(folder)
    labels = {"Pica pica/d.png": Label("Pica pica", None, {"site": "A"})}
    run(folder / "photos", folder / "c", labels=labels, taxonomy=str(taxonomy.path))
    return open_collection(folder / "c", ColourEncoder())


def photos(opened: Collection, **filters: object) -> str:
    hits = opened.search(text="red", k=99, **filters)
    return "".join(sorted(Path(hit.source_id).stem for hit in hits))


@given(
    within=st.lists(st.sampled_from(sorted(CLADES)), max_size=3),
    exclude=st.lists(st.sampled_from(sorted(CLADES)), max_size=3),
    rank=st.sampled_from(["", "kingdom", "family", "Species"]),
    where=st.sampled_from(["", "site = 'A'", "site IS NULL", "width = 24", "false"]),
    k=st.integers(1, 9),
)
@settings(deadline=None, max_examples=150)
def test_filters_together_are_what_each_leaves(
    opened: Collection, within: list[str], exclude: list[str], rank: str, where: str, k: int
) -> None:
    left = set("abcdefghij")
    if within:
        left &= set("".join(CLADES[name] for name in within))
    left -= set("".join(CLADES[name] for name in exclude))
    left &= {"": left, "species": set("abcdefj")}.get(rank.lower(), set("abcdefgj"))
    left &= {"site = 'A'": set("d"), "site IS NULL": left - {"d"}, "false": set()}.get(where, left)
    asked = {"within": within, "exclude": exclude, "rank": rank, "where": where}
    assert photos(opened, **asked) == "".join(sorted(left))
    assert len(opened.search(text="red", k=k, **asked)) == min(k, len(left))


def test_what_no_label_says_is_never_within_and_never_excluded(opened: Collection) -> None:
    assert {"h", "i"}.isdisjoint(photos(opened, within=["Animalia", "Plantae"]))
    assert photos(opened, exclude=["Animalia", "Plantae"]) == "hi"


def test_labelled_images_of_a_clade_come_first_then_others_by_their_look(
    opened: Collection,
) -> None:
    hits = opened.search("Felidae", k=99)
    matches = [hit.match for hit in hits]
    assert matches == sorted(matches, key=lambda match: match != "labelled")
    labelled = [Path(hit.source_id).stem for hit in hits if hit.match == "labelled"]
    assert sorted(labelled) == list("abg")
    by_look = {Path(hit.source_id).stem for hit in hits if hit.match != "labelled"}
    assert "i" in by_look  # nothing contradicts it
    assert by_look.isdisjoint("cdefj")  # bears, birds, snakes and figs are no cats


def test_a_homonym_is_decided_by_where_it_is_sought(opened: Collection) -> None:
    with pytest.raises(UnknownName, match=r"ask for one of .*Animalia.*Plantae"):
        opened.search("Ficus")
    hits = opened.search("Ficus", within=["Plantae"])
    assert [Path(hit.source_id).stem for hit in hits if hit.match == "labelled"] == ["f"]


def test_a_clade_or_rank_that_is_none_is_named(opened: Collection) -> None:
    for option in ("within", "exclude"):
        with pytest.raises(UnknownName, match=r"'Felidea' here\. Did you mean Felidae"):
            opened.search(text="red", **{option: ["Felidea"]})
    with pytest.raises(Error, match=f"Unknown rank 'tribe'; choose one of {', '.join(RANKS)}"):
        opened.search(text="red", rank="tribe")
