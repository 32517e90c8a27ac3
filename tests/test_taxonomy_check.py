"""Importing a taxonomy: what is wrong in a source is listed, and what is imported stays whole."""

from collections.abc import Sequence
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from taxonomies import TAXA, small_taxonomy, write_source

from indexer.taxonomy.check import Problem
from indexer.taxonomy.draft import NAMES, Draft
from indexer.taxonomy.draft import TAXA as SCHEMA
from indexer.taxonomy.resolver import resolve
from indexer.taxonomy.store import (
    Taxonomy,
    import_taxonomy,
    list_taxonomies,
    open_taxonomy,
    taxonomies_folder,
)
from indexer.taxonomy.tables import write_tables
from model.errors import BadInput, UnknownName

ABOVE, BELOW = "it is above and below itself", "it is below a taxon that is below itself"
OUT = "left out"


@pytest.fixture(autouse=True)
def data_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data folder of the test's own."""
    home = tmp_path / "home"
    monkeypatch.setenv("XDG_DATA_HOME", str(home))
    return home


def imported(folder: Path, taxa: str) -> tuple[Taxonomy, list[tuple[int, str, str]]]:
    source = write_source(folder / "source.csv", taxa)
    taxonomy, problems = import_taxonomy(str(source), to=folder / "imported.duckdb")
    assert taxonomy.about.problems == len(problems)
    return taxonomy, [(each.row, each.name, each.problem) for each in problems]


def tree(taxonomy: Taxonomy) -> dict[str, str]:
    """Each taxon's name with the name of its parent."""
    rows = taxonomy.connection.execute(
        "SELECT taxa.name, coalesce(above.name, '') "
        "FROM taxa LEFT JOIN taxa AS above ON above.lo = taxa.parent ORDER BY taxa.lo"
    ).fetchall()
    assert len(dict(rows)) == len(rows)
    return dict(rows)


def test_a_source_without_mistakes_has_no_problems(tmp_path: Path) -> None:
    taxonomy, problems = imported(tmp_path, TAXA)
    assert problems == []
    assert taxonomy.about.taxa == len(TAXA.splitlines()) - 1  # one line is a synonym


def test_a_root_may_be_its_own_parent(tmp_path: Path) -> None:
    taxonomy, problems = imported(tmp_path, "a,a,,kingdom,Animalia,\nb,a,,phylum,Chordata,\n")
    assert tree(taxonomy) == {"Animalia": "", "Chordata": "Animalia"}
    assert problems == []


@pytest.mark.parametrize("length", [2, 3, 7])
def test_what_is_above_and_below_itself_is_left_out_with_all_below(
    tmp_path: Path, length: int
) -> None:
    names = [f"Circ{letter}" for letter in "abcdefg"[:length]]
    ring = "".join(
        f"{name},{names[place - 1]},,genus,{name},\n" for place, name in enumerate(names)
    )
    taxonomy, problems = imported(
        tmp_path,
        "k,,,kingdom,Animalia,\n"
        f"s,{names[0]},,species,Circa una,\n"
        f"{ring}"
        "t,s,,subspecies,Circa una una,\n"
        "g,k,,genus,Pica,\n",
    )
    assert tree(taxonomy) == {"Animalia": "", "Pica": "Animalia"}
    assert sorted(problems) == [
        (2, "Circa una", f"{BELOW}: {OUT}"),
        *((3 + place, name, f"{ABOVE}: {OUT}") for place, name in enumerate(names)),
        (3 + length, "Circa una una", f"{BELOW}: {OUT}"),
    ]


def test_a_taxon_whose_parent_is_missing_stands_at_the_top(tmp_path: Path) -> None:
    taxonomy, problems = imported(
        tmp_path, "a,,,kingdom,Animalia,\nb,x,,genus,Pica,\nc,b,,species,Pica pica,\n"
    )
    assert tree(taxonomy) == {"Animalia": "", "Pica": "", "Pica pica": "Pica"}
    assert problems == [(2, "Pica", "its parent x is missing: now at the top")]


def test_of_taxa_with_one_id_the_first_stays(tmp_path: Path) -> None:
    taxonomy, problems = imported(
        tmp_path,
        "a,,,genus,Pica,\nb,,,genus,Corvus,\na,,,genus,Garrulus,\na,b,,genus,Cyanopica,\n"
        "c,a,,species,Pica pica,\n",
    )
    assert tree(taxonomy) == {"Corvus": "", "Pica": "", "Pica pica": "Pica"}
    assert problems == [
        (3, "Garrulus", f"its id a is that of row 1 too: {OUT}"),
        (4, "Cyanopica", f"its id a is that of row 1 too: {OUT}"),
    ]


def test_what_is_said_twice_is_made_one_and_has_the_children_and_names_of_both(
    tmp_path: Path,
) -> None:
    taxonomy, problems = imported(
        tmp_path,
        "k,,,kingdom,Animalia,\n"
        "a,k,,genus,Pica,magpies\n"
        "b,k,,genus,Pica,pies\n"
        "c,a,,species,Pica pica,\n"
        "d,b,,species,Pica hudsonia,\n"
        "e,,b,genus,Cissa,\n",
    )
    assert tree(taxonomy) == {
        "Animalia": "",
        "Pica": "Animalia",
        "Pica hudsonia": "Pica",
        "Pica pica": "Pica",
    }
    assert problems == [(3, "Pica", "row 2 has the same name, rank and lineage: made one")]
    for name in ("magpies", "pies", "Cissa"):
        assert resolve(taxonomy.connection, name).clades[0].name == "Pica"


def test_taxa_that_differ_in_rank_or_lineage_stay_two(tmp_path: Path) -> None:
    taxonomy, problems = imported(
        tmp_path,
        "k,,,kingdom,Animalia,\nl,,,kingdom,Plantae,\n"
        "a,k,,genus,Ficus,\nb,l,,genus,Ficus,\nc,b,,subgenus,Ficus,\nd,b,,section,Ficus,\n",
    )
    assert problems == []
    assert taxonomy.about.taxa == 6


def test_what_is_made_one_with_a_taxon_below_it_does_not_stay_in_a_circle(tmp_path: Path) -> None:
    taxonomy, problems = imported(
        tmp_path,
        "b,a,,infraorder,Caenophidia,\n"
        "c,b,,suborder,Serpentes,\n"
        "a,o,,suborder,Serpentes,\n"
        "o,,,order,Squamata,\n",
    )
    assert tree(taxonomy) == {"Squamata": ""}
    assert sorted(problems) == [
        (1, "Caenophidia", f"{ABOVE}: {OUT}"),
        (2, "Serpentes", f"{ABOVE}: {OUT}"),
        (3, "Serpentes", "row 2 has the same name, rank and lineage: made one"),
    ]


def test_a_synonym_of_no_taxon_is_listed_with_its_row(tmp_path: Path) -> None:
    taxonomy, problems = imported(
        tmp_path, "a,,,genus,Pica,\nb,,x,genus,Cissa,\nc,,a,genus,Piga,\n"
    )
    assert problems == [(2, "Cissa", f"its accepted taxon x is missing: {OUT}")]
    assert resolve(taxonomy.connection, "Piga").reason == "synonym"


def test_the_names_of_a_taxon_that_is_left_out_are_left_out_too(tmp_path: Path) -> None:
    taxonomy, problems = imported(
        tmp_path, "a,,,genus,Pica,\nb,c,,genus,Aus,\nc,b,,genus,Bus,bees\nd,,b,genus,Cus,\n"
    )
    assert problems == [
        (2, "Aus", f"{ABOVE}: {OUT}"),
        (3, "Bus", f"{ABOVE}: {OUT}"),
        (4, "Cus", f"its taxon b is missing: {OUT}"),
        (3, "bees", f"its taxon c is missing: {OUT}"),
    ]
    assert taxonomy.about.names == 1


IDS = [f"id {place}" for place in range(8)]


@settings(deadline=None, max_examples=50)
@given(
    st.lists(st.tuples(st.sampled_from(IDS), st.sampled_from(["", "lost", *IDS])), max_size=12),
    st.lists(st.sampled_from(["lost", *IDS]), max_size=5),
)
def test_every_row_is_in_the_tree_or_listed_as_left_out(
    links: list[tuple[str, str]], named: list[str]
) -> None:
    rows = [
        (row, id_, parent, "genus" if row % 2 else "tribe", f"N{row}")
        for row, (id_, parent) in enumerate(links, 1)
    ]
    names = [(row, id_, f"common {row}", "common", "en") for row, id_ in enumerate(named, 101)]
    with duckdb.connect() as connection:
        problems = write_tables(connection, Draft(table(rows, SCHEMA), table(names, NAMES)))
        kept = [name for (name,) in connection.execute("SELECT name FROM names").fetchall()]
    out = [each for each in problems if each.problem.endswith(OUT)]
    assert sorted([*kept, *(each.name for each in out)]) == sorted(
        [line[4] for line in rows] + [line[2] for line in names]
    )
    by_name = {line[4]: line[0] for line in rows} | {line[2]: line[0] for line in names}
    assert all(by_name[each.name] == each.row for each in problems)


def table(rows: Sequence[tuple[object, ...]], schema: pa.Schema) -> pa.Table:
    columns = zip(*rows, strict=True) if rows else [()] * len(schema)
    return pa.table([list(column) for column in columns], schema=schema)


def test_a_row_without_an_id_is_nobody_s_parent() -> None:
    rows = [(1, "", "", "kingdom", "Plantae"), (2, "a", "", "kingdom", "Animalia")]
    with duckdb.connect() as connection:
        assert write_tables(connection, Draft(table(rows, SCHEMA))) == []
        assert connection.execute("SELECT DISTINCT parent FROM taxa").fetchall() == [(-1,)]


NOTHING = {
    "only a circle": "a,b,,genus,Aus,\nb,a,,genus,Bus,\n",
    "only synonyms": "a,,x,genus,Aus,\n",
    "only a header": "",
}


@pytest.mark.parametrize("taxa", NOTHING.values(), ids=NOTHING)
def test_a_source_of_which_nothing_remains_is_no_taxonomy(tmp_path: Path, taxa: str) -> None:
    source = write_source(tmp_path / "source.csv", taxa)
    with pytest.raises(BadInput, match=r"source\.csv holds no taxon that can be used"):
        import_taxonomy(str(source))
    assert list(taxonomies_folder().iterdir()) == []


def test_the_first_problem_says_why_nothing_remains(tmp_path: Path) -> None:
    source = write_source(tmp_path / "source.csv", NOTHING["only a circle"])
    with pytest.raises(BadInput, match=r"can be used: row 1, it is above and below itself"):
        import_taxonomy(str(source))


def broken(folder: Path, how: str) -> dict[str, str | Path]:
    """What to import, so that it fails at another stage."""
    if how == "nothing there":
        return {"source": str(folder / "nothing.csv")}
    if how == "nothing remains":
        return {"source": str(write_source(folder / "circle.csv", NOTHING["only a circle"]))}
    names = folder / "names.csv"
    names.write_text("vernacular\nlion\n")
    return {"source": str(write_source(folder / "good.csv")), "names": names}


@pytest.mark.parametrize("how", ["nothing there", "nothing remains", "names of another form"])
def test_an_import_that_fails_changes_nothing(tmp_path: Path, how: str) -> None:
    with pytest.raises(BadInput):
        import_taxonomy(**broken(tmp_path, how), name="fresh")
    assert list_names() == []
    small_taxonomy(tmp_path / "small").close()
    taxonomy, _ = import_taxonomy(str(tmp_path / "small" / "small.csv"))
    before, bytes_before = taxonomy.about, taxonomy.path.read_bytes()
    taxonomy.close()
    with pytest.raises(BadInput):
        import_taxonomy(**broken(tmp_path, how), name="small")
    assert [each.name for each in taxonomies_folder().iterdir()] == ["small.duckdb"]
    assert taxonomy.path.read_bytes() == bytes_before
    assert open_taxonomy("small").about == before


def test_an_import_replaces_the_taxonomy_of_its_name(tmp_path: Path) -> None:
    before = small_taxonomy(tmp_path)
    before.close()
    after = small_taxonomy(tmp_path, TAXA.replace("Pica hudsonia", "Pica nuttalli"))
    assert after.about.id != before.about.id
    assert resolve(after.connection, "Pica nuttalli").status == "resolved"
    assert resolve(after.connection, "Pica hudsonia").status == "unknown"


@pytest.mark.xfail(strict=True, reason="DuckDB shares what one program has open by its path")
def test_an_import_returns_the_new_taxonomy_while_the_old_one_is_open(tmp_path: Path) -> None:
    before = small_taxonomy(tmp_path)
    after = small_taxonomy(tmp_path, TAXA.replace("Pica hudsonia", "Pica nuttalli"))
    assert after.about.id != before.about.id
    assert resolve(after.connection, "Pica nuttalli").status == "resolved"
    assert resolve(before.connection, "Pica hudsonia").status == "resolved"


OWN_NAMES = """\
name,taxon,kind,language
king of beasts,Panthera leo,common,en
löwe,panthera LEO,,de
Leo leo,Panthera leo,synonym,
moggies,Felidae,Common,
wild fig,Ficus carica,common,en
fig trees,Ficus (Plantae),common,en
fig shells,Animalia|Mollusca|Gastropoda||Ficidae|Ficus,common,en
adders and such,Animalia|Chordata|Reptilia|Squamata+suborder Serpentes,common,en
old lion,Felis leo,common,en
yeti,Yeti himalayanus,common,en
figs,Ficus,common,en
redbreast,robin,common,en
tabby,Felidae,nickname,en
,Felidae,common,en
cub,Panthera sp.,common,en
"""
OWN_PROBLEMS = [
    (10, "yeti", "its taxon Yeti himalayanus is not in the taxonomy: left out"),
    (
        11,
        "figs",
        'Ficus is several taxa, "Animalia|Mollusca|Gastropoda||Ficidae|Ficus", '
        '"Plantae|Tracheophyta|Magnoliopsida|Rosales|Moraceae|Ficus": left out',
    ),
    (
        12,
        "redbreast",
        "robin is several taxa, "
        '"Animalia|Chordata|Aves|Passeriformes|Muscicapidae|Erithacus|Erithacus rubecula", '
        '"Animalia|Chordata|Aves|Passeriformes|Turdidae|Turdus|Turdus migratorius": left out',
    ),
    (13, "tabby", "its kind 'nickname' is neither common nor synonym: left out"),
    (14, "", "it is empty: left out"),
    (15, "cub", "its taxon Panthera sp. is not in the taxonomy: left out"),
]


def with_own_names(folder: Path, names: str) -> tuple[Taxonomy, list[Problem]]:
    path = folder / "names.csv"
    path.write_text(names, encoding="utf-8")
    return import_taxonomy(
        str(write_source(folder / "source.csv")), to=folder / "own.duckdb", names=path
    )


def test_names_of_one_s_own_are_names_like_others(tmp_path: Path) -> None:
    taxonomy, problems = with_own_names(tmp_path, OWN_NAMES)
    assert [(each.row, each.name, each.problem) for each in problems] == OWN_PROBLEMS
    assert taxonomy.about.problems == len(OWN_PROBLEMS)
    meant = {
        "king of beasts": ("Panthera leo", "common name"),
        "Löwe": ("Panthera leo", "common name"),
        "Leo leo": ("Panthera leo", "synonym"),
        "moggies": ("Felidae", "common name"),
        "wild fig": ("Ficus carica", "common name"),
        "adders and such": ("Serpentes", "common name"),
        "old lion": ("Panthera leo", "common name"),
        "lion": ("Panthera leo", "common name"),
    }
    for name, (taxon, reason) in meant.items():
        meaning = resolve(taxonomy.connection, name)
        assert ([clade.name for clade in meaning.clades], meaning.reason) == ([taxon], reason)
    for name, kingdom in (("fig trees", "Plantae"), ("fig shells", "Animalia")):
        (clade,) = resolve(taxonomy.connection, name).clades
        assert (clade.name, clade.taxon.lineage[0]) == ("Ficus", kingdom)
    for row in OWN_PROBLEMS:
        assert resolve(taxonomy.connection, row[1]).status == "unknown"


def test_a_name_of_one_s_own_is_the_common_name_where_there_was_none(tmp_path: Path) -> None:
    taxonomy, _ = with_own_names(
        tmp_path,
        "name,taxon,language\nmagpies,Pica,en\npies,Pica,en\n"
        "king,Panthera leo,en\nDrosseln,Turdus,de\n",
    )
    shown = {
        name: resolve(taxonomy.connection, name).clades[0].taxon.common_name
        for name in ("Pica", "Panthera leo", "Turdus")
    }
    assert shown == {"Pica": "magpies", "Panthera leo": "lion", "Turdus": ""}


def test_names_of_one_s_own_need_the_columns_name_and_taxon(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"has the columns .*; names need the columns name and"):
        with_own_names(tmp_path, "name,species\nlion,Panthera leo\n")
    with pytest.raises(BadInput, match="cannot be read as a table"):
        import_taxonomy(
            str(write_source(tmp_path / "source.csv")),
            to=tmp_path / "own.duckdb",
            names=tmp_path / "nothing.csv",
        )
    assert not (tmp_path / "own.duckdb").exists()


def list_names() -> list[str]:
    return [each.about.name for each in list_taxonomies()]


def test_a_taxonomy_is_opened_by_its_name_or_its_path(tmp_path: Path, data_home: Path) -> None:
    source = write_source(tmp_path / "Small.csv")
    taxonomy, _ = import_taxonomy(str(source))
    assert taxonomy.path == data_home / "taxalens" / "taxonomies" / "small.duckdb"
    assert open_taxonomy("small").about == taxonomy.about
    assert open_taxonomy(str(taxonomy.path)).about == taxonomy.about
    elsewhere, _ = import_taxonomy(str(source), to=tmp_path / "a b's" / "mine.taxa")
    assert open_taxonomy(str(tmp_path / "a b's" / "mine.taxa")).about == elsewhere.about
    assert (elsewhere.about.name, elsewhere.about.source) == ("mine", str(source))


def test_the_imported_taxonomies_are_listed_by_name(tmp_path: Path) -> None:
    assert list_names() == []
    source = str(write_source(tmp_path / "small.csv"))
    for name in ("zoo", "inat", "gbif"):
        import_taxonomy(source, name=name)[0].close()
    assert list_names() == ["gbif", "inat", "zoo"]


def test_a_name_that_no_taxonomy_has_is_told_the_others(tmp_path: Path) -> None:
    with pytest.raises(UnknownName, match="Make one with: taxalens taxonomy import"):
        open_taxonomy("inat")
    source = str(write_source(tmp_path / "small.csv"))
    for name in ("backbone", "zoo"):
        import_taxonomy(source, name=name)[0].close()
    with pytest.raises(UnknownName, match=r"'bacbone', and no file\. Did you mean backbone\?"):
        open_taxonomy("bacbone")
    with pytest.raises(UnknownName, match=r"There is backbone, zoo\."):
        open_taxonomy(str(tmp_path))  # a folder


STRANGE = {
    "text": "",
    "nothing in it": "CREATE TABLE taxa (lo BIGINT)",
    "about with other columns": "CREATE TABLE about AS SELECT 'a' AS name, 1 AS age",
    "about without a row": "CREATE TABLE about AS SELECT 'a' AS name WHERE false",
}


@pytest.mark.parametrize("sql", STRANGE.values(), ids=STRANGE)
def test_a_file_that_is_no_taxonomy(tmp_path: Path, sql: str) -> None:
    path = tmp_path / "strange.duckdb"
    if sql:
        with duckdb.connect(str(path)) as connection:
            connection.execute(sql)
    else:
        path.write_text("Panthera leo\n" * 1000)
    with pytest.raises(BadInput, match=r"strange\.duckdb is no taxonomy that this version reads"):
        open_taxonomy(str(path))


def test_a_taxonomy_of_another_format_is_not_read(tmp_path: Path) -> None:
    taxonomy = small_taxonomy(tmp_path)
    taxonomy.close()
    with duckdb.connect(str(taxonomy.path)) as connection:
        connection.execute("UPDATE about SET format_version = '99'")
    with pytest.raises(BadInput, match="is no taxonomy that this version reads; import it again"):
        open_taxonomy(str(taxonomy.path))


FORBIDDEN = [
    "DELETE FROM taxa",
    "UPDATE names SET name = 'x'",
    "CREATE TABLE more AS SELECT 1",
    "DROP TABLE about",
    "ATTACH '{}/other.duckdb' AS other",
    "COPY taxa TO '{}/taxa.csv'",
    "EXPORT DATABASE '{}/exported'",
    "FROM read_csv('{}/small.csv')",
    "FROM '{}/small.csv'",
    "SET enable_external_access = true",
    "SET lock_configuration = false",
    "LOAD httpfs",
    "FROM FORBIDDEN",
]


def test_an_open_taxonomy_writes_and_reads_nothing_else(tmp_path: Path) -> None:
    taxonomy = small_taxonomy(tmp_path)
    before = taxonomy.path.read_bytes()
    files = sorted(tmp_path.rglob("*"))
    for connection in (taxonomy.connection, taxonomy.cursor()):
        for sql in FORBIDDEN:
            with pytest.raises(duckdb.Error):
                connection.execute(sql.format(tmp_path))
    taxonomy.close()
    assert taxonomy.path.read_bytes() == before
    assert sorted(tmp_path.rglob("*")) == files


def test_what_is_known_of_a_taxonomy_is_kept_in_it(tmp_path: Path) -> None:
    about = small_taxonomy(tmp_path).about
    assert (about.name, about.title) == ("small", "small.csv")
    assert Path(about.source).name == "small.csv"
    # every taxon has its name; the others are what the last column says, and a synonym
    common = sum(not line.endswith(",") for line in TAXA.splitlines())
    assert (about.taxa, about.names, about.problems) == (54, 54 + common + 1, 0)
