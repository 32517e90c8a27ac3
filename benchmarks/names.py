"""What names mean: the resolver on 1.4 million taxa, beside a plain rapidfuzz scan of all names.

`python -m benchmarks.names` imports the iNaturalist taxonomy (two minutes) and, where they are, the
common names and rare species of the development data.
"""

import random
import resource
import statistics
import string
import time
from collections.abc import Iterator
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb
import pyarrow.csv as csv
import pyarrow.parquet as pq
from rapidfuzz.distance import OSA
from rapidfuzz.process import extractOne

from benchmarks.report import DATA, figure, write_report
from indexer.taxonomy.name_strings import fold
from indexer.taxonomy.resolver import resolve, resolve_all
from indexer.taxonomy.store import import_taxonomy
from indexer.taxonomy.suggest import suggest

Figures = Iterator[dict[str, object]]
OURS, SCAN = "taxalens", "rapidfuzz, all names"
COMMON = DATA / "taxonomy" / "common_names_en.parquet"
RARE = DATA / "eval_annotations" / "classification_annotation" / "rare_species" / "metadata.csv"
SCANNED = 40


def main() -> None:
    with TemporaryDirectory() as folder:
        names = _common_names(Path(folder, "names.csv")) if COMMON.exists() else None
        start = time.perf_counter()
        taxonomy, _ = import_taxonomy("inat", to=Path(folder, "inat.duckdb"), names=names)
        case = f"import, {taxonomy.about.taxa:,} taxa, {taxonomy.about.names:,} names"
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e6
        figures = [
            figure(case, OURS, "time", time.perf_counter() - start, "s"),
            figure(case, OURS, "peak memory", peak, "GB"),
            figure(case, OURS, "file", taxonomy.path.stat().st_size / 1e6, "MB"),
        ]
        connection = taxonomy.cursor()
        figures += [*_exact(connection), *_typos(connection), *_clades(connection)]
        if names:
            figures += [*_common(connection), *_rare(connection)]
        taxonomy.close()
    write_report("names", figures)


def _exact(connection: duckdb.DuckDBPyConnection) -> Figures:
    names = _sample(connection, "SELECT name FROM names USING SAMPLE 2000 ROWS (reservoir, 1)")
    for name in names[:100]:
        resolve(connection, name)  # warm
    times = [_timed(lambda name=name: resolve(connection, name))[0] for name in names]
    yield figure("2,000 names as they are", OURS, "p50", statistics.median(times) * 1e3, "ms")
    yield figure("2,000 names as they are", OURS, "p99", _p99(times) * 1e3, "ms")


def _typos(connection: duckdb.DuckDBPyConnection) -> Figures:
    """One random edit; an edited name that is a name itself is edited anew."""
    rng = random.Random(1)
    sql = (
        "SELECT name FROM (FROM taxa WHERE rank = 'species') USING SAMPLE 2000 ROWS (reservoir, 2)"
    )
    names = _sample(connection, sql)
    edited = []
    for name in names:
        other = edit(name, rng)
        while resolve(connection, other).status != "unknown":
            other = edit(name, rng)
        edited.append(other)
    case = f"{len(names):,} species names with one edit"
    found = [_timed(lambda name=name: suggest(connection, name)) for name in edited]
    first = [
        near[0].name == name if near else False
        for name, (_, near) in zip(names, found, strict=True)
    ]
    yield figure(case, OURS, "suggested first", sum(first) / len(first))
    yield figure(case, OURS, "p50", statistics.median(each for each, _ in found) * 1e3, "ms")
    yield figure(case, OURS, "p99", _p99([each for each, _ in found]) * 1e3, "ms")
    every = _sample(connection, "SELECT DISTINCT folded FROM names")
    scanned = [
        _timed(lambda name=name: extractOne(fold(name), every, scorer=OSA.distance))
        for name in edited[:SCANNED]
    ]
    first = [fold(name) == near[0] for name, (_, near) in zip(names, scanned, strict=False)]
    yield figure(case, SCAN, "suggested first", sum(first) / len(first))
    yield figure(case, SCAN, "p50", statistics.median(each for each, _ in scanned) * 1e3, "ms")


def _clades(connection: duckdb.DuckDBPyConnection) -> Figures:
    """Intervals against a recursive walk from parent to child, for random and for large taxa."""
    large = "SELECT lo FROM taxa ORDER BY hi - lo DESC LIMIT 100"
    some = "SELECT lo FROM (FROM taxa WHERE hi - lo > 1) USING SAMPLE 900 ROWS (reservoir, 3)"
    same = 0
    los = [*_sample(connection, large), *_sample(connection, some)]
    for lo in los:
        by_interval = connection.execute(_INTERVAL, [lo]).fetchall()
        same += by_interval == connection.execute(_WALK, [lo]).fetchall()
    yield figure(f"{len(los):,} clades", OURS, "interval = recursive walk", same / len(los))


def _common(connection: duckdb.DuckDBPyConnection) -> Figures:
    """Each taxon's common names, if the taxonomy has the taxon: is it among what they mean?"""
    table = pq.read_table(COMMON, columns=["scientific_name", "common_name"]).to_pydict()
    taxa = resolve_all(connection, table["scientific_name"])
    there = [
        (name, {clade.key for clade in taxon.clades or taxon.candidates})
        for name, taxon in zip(table["common_name"], taxa, strict=True)
        if taxon.whole and (taxon.clades or taxon.candidates)
    ]
    found = resolve_all(connection, [name for name, _ in there])
    meant = [
        bool(keys & {clade.key for clade in each.clades or each.candidates})
        for (_, keys), each in zip(there, found, strict=True)
    ]
    yield figure(f"{len(there):,} common names", OURS, "taxon meant", sum(meant) / len(meant))


def _rare(connection: duckdb.DuckDBPyConnection) -> Figures:
    names = sorted(set(csv.read_csv(RARE)["class"].to_pylist()))
    found = resolve_all(connection, names)
    whole = [each for each in found if each.clades and each.whole]
    yield figure(f"{len(names)} rare species", OURS, "resolved", len(whole), "names")
    for each in found:
        if each not in whole:
            near = ", ".join(str(other.name) for other in suggest(connection, each.written, 2))
            print(each.written, each.status, each.reason, near, sep=" | ")


def edit(name: str, rng: random.Random) -> str:
    """Insert, leave out or replace a letter, or exchange two, anywhere in a name."""
    place, letter = rng.randrange(len(name) - 1), rng.choice(string.ascii_lowercase)
    before, after = name[:place], name[place:]
    return rng.choice(
        [
            before + letter + after,
            before + after[1:],
            before + letter + after[1:],
            before + after[1] + after[0] + after[2:],
        ]
    )


def _common_names(path: Path) -> Path:
    table = pq.read_table(COMMON, columns=["common_name", "scientific_name"])
    columns = [["common"] * len(table), ["en"] * len(table)]
    table = table.rename_columns(["name", "taxon"])
    for name, column in zip(("kind", "language"), columns, strict=True):
        table = table.append_column(name, [column])
    csv.write_csv(table, path)
    return path


def _sample(connection: duckdb.DuckDBPyConnection, sql: str) -> list:
    return [value for (value,) in connection.execute(sql).fetchall()]


def _timed(call) -> tuple:
    start = time.perf_counter()
    result = call()
    return time.perf_counter() - start, result


def _p99(times: list[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


_INTERVAL = """
SELECT below.lo FROM taxa JOIN taxa AS below ON taxa.lo <= below.lo AND below.lo < taxa.hi
WHERE taxa.lo = ? ORDER BY below.lo
"""
_WALK = """
WITH RECURSIVE walk(lo) AS (
    SELECT ?::BIGINT UNION ALL SELECT taxa.lo FROM walk JOIN taxa ON taxa.parent = walk.lo
) SELECT lo FROM walk ORDER BY lo
"""

if __name__ == "__main__":
    main()
