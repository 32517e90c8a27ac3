"""`--where`: what can be asked of the metadata in SQL, and what nobody reaches through it."""

import hashlib
import operator
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
from click.testing import CliRunner
from colours import ColourEncoder
from hypothesis import example, given, settings
from hypothesis import strategies as st
from pictures import PICTURES, run, write_picture

import search.query.filters
from indexer.catalog.catalog_file import catalog_path
from indexer.inputs.records import storable
from indexer.labels.label_files import Label, read_label_file
from model.errors import Error
from search.collection import Collection, open_collection
from search.query.conditions import select
from ui.cli import main

WORD = "hunter2"  # in secret.csv, in the environment and in a variable; in no condition
LABELS = """\
file_name,taxon,site,elevation,weight,eventDate,seen,date,habitat type,"a ""quoted"" name",it's,\
select,catalogue,mixed,Width,lo,taxon_key
Panthera leo/a.png,Panthera leo,A,600,1.5,2023-01-01,2023-01-01T09:00,2023-01-01,dry,x,y,\
z,007,12,999,7,t
Panthera leo/b.png,Panthera leo,A,500,20,2023-12-31,2023-12-31,,dry grass,,,,070,few,,,
Pica_hudsonia/a.png,Pica hudsonia,B,501,,2024-01-01,2024-01-01T00:00:01,,wet,,,,700,,,,
Pica_hudsonia/b.jpg,Pica hudsonia,O'Hara,-3,0.25,,,,,,,,1,,,,
red.png,,Ärhus,,,,,,,,,,,,,,
"""


@dataclass(frozen=True)
class Place:
    """A folder with a secret file, photos and a collection of them, which is open."""

    folder: Path
    opened: Collection

    def condition(self, template: str) -> str:
        names = {"<secret>": self.folder / "secret.csv", "<out>": self.folder / "out"}
        for placeholder, path in {**names, "<folder>": self.folder}.items():
            template = template.replace(placeholder, str(path))
        return template

    def rows(self, where: str) -> list[str]:
        """The files of the rows, by their names below photos/."""
        rows = set(select(self.opened.snapshot, where).tolist())
        found = self.opened.snapshot.query('SELECT "row", source_id FROM images')
        return sorted(name.removeprefix("photos/") for row, name in found if row in rows)


@pytest.fixture(scope="module", params=["file", "memory"])
def place(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Place]:
    """Opened from the catalog file, and from a catalog in memory since the file is gone."""
    folder = tmp_path_factory.mktemp("where")
    (folder / "secret.csv").write_text(f"password\n{WORD}\n")
    for name, colour in PICTURES.items():
        write_picture(folder / "photos" / name, colour)
    (folder / "labels.csv").write_text(LABELS)
    run(folder / "photos", folder / "c", labels=read_label_file(folder / "labels.csv"))
    if request.param == "memory":
        for file in (folder / "c").glob("catalog-*"):
            file.unlink()
    opened = open_collection(folder / "c", ColourEncoder())
    is_file = catalog_path(folder / "c", opened.snapshot.manifest).exists()
    assert is_file == (request.param == "file")
    yield Place(folder, opened)
    opened.snapshot.close()


def contents(folder: Path) -> dict[str, str]:
    """Everything that lies in a folder, with hashes."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in sorted(folder.rglob("*"))
    }


READING = [
    "exists(FROM read_csv('<secret>'))",
    "site = (SELECT content FROM read_text('<secret>'))",
    "site = (SELECT content::VARCHAR FROM read_blob('<secret>'))",
    "error((SELECT content FROM read_text('<secret>')))",
    "exists(FROM '<secret>')",
    'exists(FROM "<secret>")',
    "exists(FROM glob('<folder>/*'))",
    "exists(FROM sniff_csv('<secret>'))",
    "exists(FROM read_json('<secret>'))",
    "exists(FROM read_text('<folder>/photos/../secret.csv'))",
    "exists(FROM read_text('<folder>/c/../*.csv'))",
    "exists(FROM read_text('secret.csv'))",
    "exists(FROM read_text('./photos/../secret.csv'))",
    "exists(FROM read_text('file://<secret>'))",
    "exists(FROM read_parquet('<folder>/c/labels/*.parquet'))",
    "exists(FROM parquet_metadata('<folder>/c/labels/*.parquet'))",
    "exists(FROM query('FROM read_text(''<secret>'')'))",
    "exists(FROM query_table('<secret>'))",
    "exists(FROM json_execute_serialized_sql("
    "json_serialize_sql('SELECT * FROM read_text(''<secret>'')')))",
    "false OR (true AND exists(SELECT 1 FROM images, read_text('<secret>')))",
    "exists(WITH a AS MATERIALIZED (FROM read_text('<secret>')) FROM a)",
    "list_contains([(SELECT content FROM read_text('<secret>'))], 'a')",
]
REACHING_OUT = [
    "exists(FROM 'https://127.0.0.1:9/a.csv')",
    "exists(FROM read_csv('http://127.0.0.1:9/a.csv'))",
    "exists(FROM read_parquet('s3://bucket/a.parquet'))",
    "getenv('SECRET_WORD') <> ''",
    "INSTALL httpfs",
    "LOAD httpfs",
    "LOAD '<secret>'",
    "exists(FROM postgres_scan('host=127.0.0.1', 'public', 'a'))",
    "exists(FROM sqlite_scan('<secret>', 'a'))",
]
WRITING = [
    "COPY images TO '<out>'",
    "exists(COPY images TO '<out>')",
    "EXPORT DATABASE '<out>'",
    "ATTACH '<out>' AS other",
    "exists(FROM enable_logging(storage = 'file', storage_path = '<out>'))",
    "exists(FROM enable_profiling())",
    "CREATE TABLE other AS SELECT 1",
    "CREATE SECRET (TYPE s3, KEY_ID 'a', SECRET 'b')",
    "DROP TABLE images",
    "INSERT INTO images DEFAULT VALUES",
    "UPDATE images SET label = 'a'",
    "DELETE FROM images",
    "exists(DELETE FROM images RETURNING 1)",
    "exists(WITH gone AS (DELETE FROM images RETURNING 1) FROM gone)",
    "exists(WITH new AS MATERIALIZED (INSERT INTO images DEFAULT VALUES RETURNING 1) FROM new)",
    "nextval('a') > 0",
    "SET enable_external_access = true",
    "RESET enable_external_access",
    "PRAGMA enable_profiling",
    "CALL enable_logging()",
    "CHECKPOINT",
    "BEGIN",
]
MORE_THAN_A_CONDITION = [
    "true; DROP TABLE images",
    "true; COPY images TO '<out>'",
    "true;",
    ";true",
    "true); COPY images TO '<out>' --",
    "true) UNION SELECT content FROM read_text('<secret>') --",
    "true UNION SELECT content FROM read_text('<secret>')",
    "true FROM read_text('<secret>')",
    "true FROM images WHERE false",
    "true WHERE false",
    "true LIMIT 1",
    "true ORDER BY site",
    "true GROUP BY site",
    "true, false",
    "true AS a, false AS b",
    "true /* and no end",
    "*",
    "SELECT true",
    "site = ?",
    "site = $1",
    "-- nothing",
    "   ",
    "\0",
    "si\0te = 'A'",
    "si\udc80te = 'A'",
    "count(*) > 1",
    "max(elevation) > 1",
    "row_number() OVER () = 1",
    "elevation = 'high'",
    "site",
    "'perhaps'",
    "[true]",
    "elevation > 'high' || repeat('a', 10)",
    "(" * 5000 + "true" + ")" * 5000,
    "NOT " * 50_000 + "true",
    "abs(" * 5000 + "1" + ")" * 5000 + " > 0",
]


@pytest.mark.parametrize("template", READING + REACHING_OUT + WRITING + MORE_THAN_A_CONDITION)
def test_what_is_no_condition_on_this_catalog_is_one_sentence_and_does_nothing(
    place: Place, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    monkeypatch.setenv("SECRET_WORD", WORD)
    before = contents(place.folder)
    with pytest.raises(Error, match=r"^where=.*; there is image_id, .* site, ") as error:
        place.opened.search(text="red", where=place.condition(template))
    assert WORD not in str(error.value)
    assert "\n" not in str(error.value)
    assert contents(place.folder) == before
    assert place.rows("site = 'A'") == ["Panthera leo/a.png", "Panthera leo/b.png"]
    assert len(place.opened.search(text="red", k=99)) == len(PICTURES)


@pytest.mark.parametrize("template", READING)
def test_nobody_learns_which_files_there_are(
    place: Place, template: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(place.folder)
    messages = []
    for name in ("secret.csv", "absent.csv"):
        where = place.condition(template).replace("secret.csv", name)
        with pytest.raises(Error) as error:
            select(place.opened.snapshot, where)
        messages.append(str(error.value).replace(name, "…"))
    assert messages[0] == messages[1]


@pytest.mark.parametrize("at", ["searching module", "caller"])
def test_variables_of_the_program_are_no_tables(
    place: Place, at: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret_table = pa.table({"word": [WORD]})
    assert duckdb.connect().sql("FROM secret_table").fetchall() == [(WORD,)]  # as DuckDB does it
    if at == "searching module":
        monkeypatch.setattr(search.query.filters, "secret_table", secret_table, raising=False)
    with pytest.raises(Error, match="secret_table does not exist") as error:
        select(place.opened.snapshot, "exists(SELECT error(word) FROM secret_table)")
    assert WORD not in str(error.value)


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("elevation = (SELECT max(elevation) FROM searchable)", ["Panthera leo/a.png"]),
        ("taxon_key IN (SELECT taxon_key FROM taxa) OR lo = 7", ["Panthera leo/a.png"]),
        ("elevation = (SELECT max(elevation) FROM query('FROM metadata'))", ["Panthera leo/a.png"]),
        ("site = 'B' -- and so on", ["Pica_hudsonia/a.png"]),
        ("/* where? */ site = 'B'", ["Pica_hudsonia/a.png"]),
        ("(site = 'B')", ["Pica_hudsonia/a.png"]),
        ("site = 'B' OR exists(FROM duckdb_secrets())", ["Pica_hudsonia/a.png"]),
        ("site = 'a''; DROP TABLE images; --'", []),
        ("site = '\0'", []),
        ("site = '" + "x" * 1_000_000 + "'", []),
        ("false OR " * 5000 + "site = 'B'", ["Pica_hudsonia/a.png"]),
    ],
    ids=lambda value: value[:40] if isinstance(value, str) else "",
)
def test_what_only_reads_the_catalog_is_allowed(
    place: Place, where: str, expected: list[str]
) -> None:
    before = contents(place.folder)
    assert place.rows(where) == expected
    assert contents(place.folder) == before


LIONS = ["Panthera leo/a.png", "Panthera leo/b.png"]
LION_A, LION_B = ([each] for each in LIONS)
PIE_A, PIE_B = ["Pica_hudsonia/a.png"], ["Pica_hudsonia/b.jpg"]
OTHERS = ["blank/a.png", "unsorted/blue.png", "unsorted/green.png"]


@pytest.mark.parametrize(
    ("where", "expected"),
    [
        ("site = 'A'", LIONS),
        ("SITE = 'A' and \"Site\" <> 'B'", LIONS),
        ("site = 'O''Hara'", PIE_B),
        ("site LIKE 'O%'", PIE_B),
        ("site ILIKE 'är%'", ["red.png"]),
        ("site IN ('B', 'C', 'Ärhus')", [*PIE_A, "red.png"]),
        ("site IS NULL", OTHERS),
        ("site <> 'A'", [*PIE_A, *PIE_B, "red.png"]),
        ("elevation > 500", [*LION_A, *PIE_A]),
        ("elevation BETWEEN -5 AND 500", [*LION_B, *PIE_B]),
        ("elevation % 2 = 0 AND weight < 2", LION_A),
        ("weight > 3", LION_B),
        ("eventDate < '2024-01-01'", LIONS),
        ("year(eventDate) = 2024", PIE_A),
        ("seen > '2024-01-01'", PIE_A),
        ("seen::DATE = '2023-12-31'", LION_B),
        ("date = '2023-01-01'", LION_A),
        ("\"habitat type\" = 'dry'", LION_A),
        ("\"habitat type\" LIKE 'dry%'", LIONS),
        ('"a ""quoted"" name" = \'x\'', LION_A),
        ("\"it's\" = 'y'", LION_A),
        ("\"select\" = 'z'", LION_A),
        ("catalogue = '007'", LION_A),
        ("catalogue < '1'", LIONS),
        ("mixed = '12'", LION_A),
        ("mixed = 'few'", LION_B),
        ("lo = 7", LION_A),
        ("taxon_key = 't'", LION_A),
        ("label = 'blank'", ["blank/a.png"]),
        ("species = 'Panthera leo' AND \"rank\" = 'species'", LIONS),
        ("genus = ''", [*OTHERS[:1], "red.png", *OTHERS[1:]]),
        ("\"order\" = '' AND width = 24 AND height > 8 AND site = 'B'", PIE_A),
        ("source_id LIKE '%.jpg'", PIE_B),
        ("elevation", sorted([*LIONS, *PIE_A, *PIE_B])),  # as SQL has it: any number but 0
        ("NULL", []),
        ("false", []),
        ("true", sorted(PICTURES)),
    ],
)
def test_a_condition_chooses_images(place: Place, where: str, expected: list[str]) -> None:
    assert place.rows(where) == expected
    hits = place.opened.search(text="red", where=where, k=99)
    assert sorted(hit.source_id.removeprefix("photos/") for hit in hits) == expected


def test_metadata_called_like_an_own_column_stays_in_the_hits(place: Place) -> None:
    hits = place.opened.search(text="red", where="width = 24 AND site = 'A'", k=99)
    assert {hit.metadata.get("Width") for hit in hits} == {"999", None}
    assert place.rows("width = 999") == []


def test_a_wrong_column_is_one_sentence_that_lists_what_there_is(place: Place) -> None:
    with pytest.raises(Error) as error:
        select(place.opened.snapshot, "sight = 'A'")
    assert str(error.value).startswith("where=\"sight = 'A'\" is no condition that can be asked")
    listed = str(error.value).partition("; there is ")[2]
    assert listed.startswith("image_id, source_id, label, width, height, rank, common_name")
    assert {"site", "elevation", "eventDate", "it's"} < set(listed.rstrip(".").split(", "))


def test_the_command_line_says_it_as_one_sentence(place: Place) -> None:
    arguments = ["search", "--text", "red", "-c", str(place.folder / "c"), "--where"]
    result = CliRunner().invoke(main, [*arguments, "sight = 'A'"])
    assert (result.exit_code, result.stdout) == (1, "")
    assert "Error: --where \"sight = 'A'\" is no condition" in result.stderr
    assert result.stderr.splitlines()[-1].startswith("Error: ")


def collection_of(folder: Path, metadata: list[Mapping[str, str]]) -> Collection:
    """A collection of pictures 0.png, 1.png … that say this."""
    labels = {}
    for number, said in enumerate(metadata):
        write_picture(folder / "photos" / f"{number}.png", "red", (10 + number, 10))
        labels[f"{number}.png"] = Label("", None, said)
    run(folder / "photos", folder / "c", labels=labels)
    return open_collection(folder / "c", ColourEncoder())


def rows_of(folder: Path, metadata: list[Mapping[str, str]], where: str) -> list[int]:
    return select(collection_of(folder, metadata).snapshot, where).tolist()


def test_a_collection_without_metadata_can_be_asked_for_what_every_image_has(
    tmp_path: Path,
) -> None:
    opened = collection_of(tmp_path, [{}, {}])
    assert select(opened.snapshot, "width > 10").tolist() == [1]
    with pytest.raises(Error, match=r"kingdom, .*, species, file_name, folder, .*\.$"):
        select(opened.snapshot, "site = 'A'")


def test_a_table_of_metadata_alone_leaves_the_labels_of_folders(tmp_path: Path) -> None:
    write_picture(tmp_path / "photos" / "Panthera leo" / "a.png", "orange")
    (tmp_path / "labels.csv").write_text("file_name,site\nPanthera leo/a.png,A\n")
    run(tmp_path / "photos", tmp_path / "c", labels=read_label_file(tmp_path / "labels.csv"))
    opened = open_collection(tmp_path / "c", ColourEncoder())
    assert [hit.label for hit in opened.search("Panthera", where="site = 'A'")] == ["Panthera leo"]


def test_keys_that_differ_in_case_are_one_column(tmp_path: Path) -> None:
    opened = collection_of(tmp_path, [{"Site": "A"}, {"site": "B"}, {"SITE": "A"}])
    assert select(opened.snapshot, "site = 'A'").tolist() == [0, 2]
    assert select(opened.snapshot, "site = 'B'").tolist() == [1]


@pytest.mark.parametrize(
    ("values", "where", "expected"),
    [
        (["5", "+7", "-3", "0"], "k > 4", [0, 1]),
        (["1.5", ".5", "2", "1e3"], "k > 1", [0, 2, 3]),
        (["1", "2", ""], "k IS NULL", [2]),
        (["5", "5.x"], "k = '5'", [0]),
        (["nan", "1"], "k = 'nan'", [0]),
        (["01", "2"], "k = '01'", [0]),
        (["2024-02-30", "2024-01-01"], "k = '2024-02-30'", [0]),
        (["2024-01-01", "2024-05-01T10:00:00Z"], "k > '2024-02-01'", [1]),
        (["1999", "2024"], "k >= 2000", [1]),
        (["12345678901234567890", "12345678901234567891"], "k = '12345678901234567890'", [0]),
        (["x" * 100_000, "y"], "length(k) = 100000", [0]),
        (["=1+1", "'; DROP TABLE images; --"], "k LIKE '%DROP%'", [1]),
    ],
    ids=lambda value: str(value)[:30],
)
def test_columns_are_typed_only_where_every_value_is_kept(
    tmp_path: Path, values: list[str], where: str, expected: list[int]
) -> None:
    assert rows_of(tmp_path, [{"k": value} for value in values], where) == expected


KEYS = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=8),
    st.sampled_from(["row", "Row", "rowid", "lo", "hi", "name", "parent", "images", "metadata"]),
    st.sampled_from(["taxa", "true", "Order", "said_key", "sha256", "{value}", "%s", "k;", " "]),
    st.sampled_from(["', 1) AS x --", '"', "''"]),
)


@settings(max_examples=15, deadline=None)
@given(keys=st.lists(KEYS, min_size=1, max_size=6, unique_by=str.casefold))
def test_any_key_makes_a_column_that_can_be_asked_for(
    tmp_path_factory: pytest.TempPathFactory, keys: list[str]
) -> None:
    folder = tmp_path_factory.mktemp("keys")
    opened = collection_of(folder, [{key: f"v{n}" for n, key in enumerate(keys)}, {}])
    keys = [*map(storable, keys)]  # a NUL is kept as U+FFFD
    columns = [name for name, *_ in opened.snapshot.query("DESCRIBE metadata")]
    own = {name for name, *_ in opened.snapshot.query("DESCRIBE searchable")} - set(columns)
    for number, key in enumerate(keys):
        if key.lower() not in own | {"row"}:
            quoted = key.replace('"', '""')
            assert select(opened.snapshot, f"\"{quoted}\" = 'v{number}'").tolist() == [0]
    assert opened.search(text="red")[0].metadata.keys() <= set(keys)
    opened.snapshot.close()


WORDS = """site elevation 'A' 500 = <> > AND OR NOT ( ) , ; -- /* */ " ' IS NULL LIKE IN SELECT FROM
images searchable read_text('/etc/passwd') COPY TO UNION EXISTS * ? $1 :: DATE CAST AS CASE
WHEN THEN END [ ] { } . row error lambda x : BETWEEN true COLUMNS(*) COLLATE x'00' 1e999 9e18
OVER FILTER DISTINCT INTERVAL 1/0 map struct_pack union_value bit blob"""
TOKENS = st.sampled_from(WORDS.split())


def asked(place: Place, where: str) -> str | set[int]:
    """The rows, or the sentence why there are none."""
    try:
        return set(select(place.opened.snapshot, where).tolist())
    except Error as error:
        return str(error)


@settings(max_examples=300, deadline=None)
@given(st.one_of(st.text(max_size=30), st.lists(TOKENS, min_size=1, max_size=12).map(" ".join)))
@example("elevation / 0 > 1")
@example("elevation + 9223372036854775807 > 1")
def test_whatever_is_written_the_answer_is_rows_or_one_sentence(place: Place, where: str) -> None:
    answer = asked(place, where)
    one_sentence = isinstance(answer, str) and "\n" not in answer
    assert one_sentence or answer <= set(range(len(PICTURES)))


@dataclass(frozen=True)
class Condition:
    """A condition in SQL, and the same in Python: True, False, or None where SQL is not sure."""

    sql: str
    holds: Callable[[Mapping[str, object]], bool | None]


SAID: list[dict[str, object]] = [
    {"site": "A", "elevation": 0, "weight": 0.5, "day": "2023-01-01"},
    {"site": "A", "elevation": 500, "weight": -1.25, "day": "2024-02-29"},
    {"site": "a", "elevation": 501, "weight": 2.0},
    {"site": "it's", "elevation": -3, "day": "2024-01-01"},
    {"site": 'b "c"', "weight": 1e9, "day": "1899-12-31"},
    {"elevation": 10**17, "weight": 2.5, "day": "2024-01-01"},
    {"site": "Ärhus", "elevation": 500},
    {"site": "100%", "day": "2024-02-29", "weight": 0.0},
    {"site": "A_1"},
    {},
]
COMPARISONS = {
    "=": operator.eq, "<>": operator.ne, "<": operator.lt,
    "<=": operator.le, ">": operator.gt, ">=": operator.ge,
}  # fmt: skip
VALUES: dict[str, st.SearchStrategy[object]] = {
    "site": st.one_of(
        st.sampled_from(["A", "a", "it's", 'b "c"', "Ärhus", "100%", "A_1", ""]),
        st.text(st.characters(exclude_categories=["Cs"]), max_size=3),
    ),
    "elevation": st.one_of(st.sampled_from([0, 500, 501, -3, 10**17]), st.integers(-999, 999)),
    "weight": st.sampled_from([0.5, -1.25, 2.0, 2.5, 0.0, 1e9]),
    "day": st.sampled_from(["2023-01-01", "2024-02-29", "2024-01-01", "1899-12-31"]),
}


def literal(value: object) -> str:
    return "'" + value.replace("'", "''") + "'" if isinstance(value, str) else str(value)


def compare(column: str, sign: str, value: object) -> Condition:
    test = COMPARISONS[sign]
    return Condition(
        f'"{column}" {sign} {literal(value)}',
        lambda said: test(said[column], value) if column in said else None,
    )


def like(pattern: str) -> Condition:
    parts = {"%": "(?s:.*)", "_": "(?s:.)"}
    regex = re.compile("".join(parts.get(letter) or re.escape(letter) for letter in pattern))
    return Condition(
        f"site LIKE {literal(pattern)}",
        lambda said: bool(regex.fullmatch(str(said["site"]))) if "site" in said else None,
    )


def both(one: Condition, other: Condition) -> Condition:
    def holds(said: Mapping[str, object]) -> bool | None:
        parts = (one.holds(said), other.holds(said))
        return False if False in parts else None if None in parts else True

    return Condition(f"({one.sql} AND {other.sql})", holds)


def negated(one: Condition) -> Condition:
    def holds(said: Mapping[str, object]) -> bool | None:
        sure = one.holds(said)
        return None if sure is None else not sure

    return Condition(f"(NOT {one.sql})", holds)


def either(one: Condition, other: Condition) -> Condition:
    exactly = negated(both(negated(one), negated(other)))
    return Condition(f"({one.sql} OR {other.sql})", exactly.holds)


@st.composite
def simple(draw: st.DrawFn) -> Condition:
    column = draw(st.sampled_from(sorted(VALUES)))
    kind = draw(st.sampled_from(["compare", "null", "in", "like"]))
    if kind == "null":
        return Condition(f"{column} IS NULL", lambda said: column not in said)
    if kind == "like":
        return like(draw(st.text("Aa1_%it's\\", max_size=4)))
    if kind == "in":
        values = draw(st.lists(VALUES[column], min_size=1, max_size=3))
        return Condition(
            f"{column} IN ({', '.join(map(literal, values))})",
            lambda said: said[column] in values if column in said else None,
        )
    return compare(column, draw(st.sampled_from(sorted(COMPARISONS))), draw(VALUES[column]))


CONDITIONS = st.recursive(
    simple(),
    lambda inner: st.one_of(
        st.builds(both, inner, inner), st.builds(either, inner, inner), st.builds(negated, inner)
    ),
    max_leaves=6,
)


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> Collection:
    lines = [{key: str(value) for key, value in line.items()} for line in SAID]
    return collection_of(tmp_path_factory.mktemp("said"), lines)


@settings(max_examples=300, deadline=None)
@given(CONDITIONS)
def test_rows_are_those_of_a_plain_filter_in_python(said: Collection, condition: Condition) -> None:
    expected = [row for row, line in enumerate(SAID) if condition.holds(line)]
    assert select(said.snapshot, condition.sql).tolist() == expected


@pytest.mark.parametrize(
    "where",
    [
        "(SELECT count(*) FROM range(1000000000000)) > 0",
        "len(site) > (SELECT sum(a * b) FROM range(9999999) t(a), range(9999999) u(b))",
    ],
)
def test_a_condition_without_an_end_is_stopped(
    place: Place, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    monkeypatch.setattr("search.query.conditions.LONGEST", 0.1)
    with pytest.raises(Error, match=r"was stopped after 0\.1 s"):
        place.rows(where)
    assert place.rows("site = 'B'") == ["Pica_hudsonia/a.png"]
