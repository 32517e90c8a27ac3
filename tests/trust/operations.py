"""All that is done to a collection from the command line, and whether a collection is sound after.

Each operation works in a copy of `state`, a folder with a collection `c` and a taxonomy
`taxa.duckdb`; whatever moment it ends at, what it leaves must be sound, and the operation,
repeated, must lead to where it would have led at once.
"""

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from zipfile import ZipFile

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from trust.children import Children, Ended, Fault
from vectors import truth, write_vectors

from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.verify import verify
from indexer.store.manifest import MANIFEST
from indexer.taxonomy.store import open_taxonomy

Truth = dict[str, tuple[str, bytes]]
ROWS, MORE = 60, 10
RANKS = "kingdom,phylum,class,order,family,genus,species\n"
CATS = "Animalia,Chordata,Mammalia,Carnivora,Felidae,Panthera,Panthera "
ACCOUNT = """
    SELECT source_id, coalesce(label, ''), coalesce(machine_label, '') FROM searchable ORDER BY ALL
"""


@dataclass(frozen=True)
class Operation:
    """A command; `{trial}` is the copy of `state`, `{sources}` the folder of sources."""

    name: str
    line: str
    folder: str = "c"
    """the collection that it changes"""
    repeated: int = 0
    """the exit code of the command after it succeeded"""

    def arguments(self, place: Path, trial: Path) -> list[str]:
        """Return its words in one trial."""
        return [
            word.format(trial=trial, sources=place / "sources") for word in self.line.split(" ")
        ]


ANIMALS = (
    *("Panthera leo", "Panthera onca", "Lynx lynx", "Canis lupus"),
    *("Vulpes vulpes", "Ursus arctos", "Meles meles", "Lutra lutra"),
)
NEW = "--encoder bioclip-2 --taxonomy none"
OPERATIONS = (
    Operation("index", f"index {{sources}}/a.parquet -c {{trial}}/new {NEW}", "new"),
    Operation("add", "index {sources}/b.parquet -c {trial}/c"),
    Operation("remove", "remove a.parquet/id-1? -c {trial}/c", repeated=1),
    Operation("update", "update -c {trial}/c"),
    Operation("relocate", "relocate a.parquet {sources}/moved.parquet -c {trial}/c"),
    Operation("label", "label --relabel --examples {sources}/examples.csv -c {trial}/c"),
    Operation("optimize", "optimize -c {trial}/c"),
    Operation("adapt", "adapt -c {trial}/m", "m"),
    Operation("backup", "backup {trial}/backup -c {trial}/c", "backup"),
    Operation("export", "export {trial}/table.csv -c {trial}/c", repeated=1),
    Operation(
        "archive", "export {trial}/archive.zip --format darwin-core -c {trial}/c", repeated=1
    ),
    Operation(
        "taxonomy", "taxonomy import {sources}/taxa.csv --to {trial}/taxa.duckdb --overwrite"
    ),
)


def prepare(place: Path, children: Children) -> None:
    """Make `sources` and `state`."""
    sources, state = place / "sources", place / "state"
    sources.mkdir()
    state.mkdir()
    for number, name in enumerate(("a", "u", "b")):
        write_vectors(sources / f"{name}.parquet", ROWS * number, ROWS if number < 2 else MORE)
    shutil.copy(sources / "a.parquet", sources / "moved.parquet")
    collection = state / "c"
    for name in ("a", "u"):
        given = (sources / f"{name}.parquet", "-c", collection)
        done(children.run("index", *given, *NEW.split(" ")))
    with open_snapshot(collection) as snapshot:
        ids = [each for (each,) in snapshot.query("SELECT image_id FROM images ORDER BY source_id")]
    write_species(sources / "m.parquet")
    done(children.run("index", sources / "m.parquet", "-c", state / "m", *NEW.split(" ")[:2]))
    lines = [f"{each},Panthera {'leo' if n % 2 else 'onca'}" for n, each in enumerate(ids[:8])]
    (sources / "examples.csv").write_text("\n".join(["image_id,label", *lines]))
    for count, species in enumerate((["leo"], ["leo", "onca"])):
        table = sources / "taxa.csv"
        table.write_text(RANKS + "".join(f"{CATS}{each}\n" for each in species))
        if not count:
            done(children.run("taxonomy", "import", table, "--to", state / "taxa.duckdb"))
    # Half of the second source is other vectors now, and some are gone.
    changed = pq.read_table(sources / "u.parquet").to_pylist()[: ROWS - 7]
    for row in changed[::2]:
        row["emb"] = row["emb"][::-1]
    pq.write_table(pq.read_table(sources / "u.parquet").from_pylist(changed), sources / "u.parquet")


def write_species(path: Path) -> None:
    """Write vectors of eight species, whose specimens differ most where species do not."""
    random = np.random.default_rng(0)
    species = np.repeat(np.arange(8), 8)
    vectors = 0.2 * random.normal(size=(64, 8)) + np.eye(8)[species % 7]
    vectors[:, 7] += 2 * random.normal(size=64)
    columns = {
        "uuid": [f"m-{number}" for number in range(64)],
        "emb": vectors.tolist(),
        "species": [ANIMALS[number] for number in species],
    }
    pq.write_table(pa.table(columns), path)


def done(ended: Ended) -> Ended:
    """Check that a command did what it was asked."""
    assert ended.code == 0, ended.text
    return ended


@dataclass(frozen=True)
class Found:
    """The state in which a trial left its folder."""

    truth: Truth
    account: list[tuple[str, str, str]]
    species: int
    """of the taxonomy"""
    files: dict[str, object]
    """that were exported"""
    maps: list[str]
    """that the collection keeps"""


def found(operation: Operation, trial: Path) -> Found:
    """Read it; raises where a part is not sound."""
    collection = trial / operation.folder
    said, account = {}, []
    if (collection / MANIFEST).exists():
        said = truth(collection)
        with open_snapshot(collection) as snapshot:
            inputs = snapshot.query("SELECT source_id, status FROM inputs ORDER BY 1")
            account = snapshot.query(ACCOUNT)
        assert inputs == sorted((source_id, status) for source_id, (status, _) in said.items())
        assert [each for each, *_ in account] == sorted(each for each in said if said[each][1])
    taxonomy = open_taxonomy(str(trial / "taxa.duckdb"))
    ((species,),) = taxonomy.connection.execute(
        "SELECT count(*) FROM taxa WHERE rank = 'species'"
    ).fetchall()
    taxonomy.close()
    exported = {path.name: _content(path) for path in trial.glob("[ta]*.[cz]*")}
    maps = sorted(path.name for path in collection.glob("derived/adaptation-*.kept"))
    return Found(said, account, species, exported, maps)


def _content(path: Path) -> object:
    """Return what is in a file, without the time at which an archive was made."""
    if path.suffix != ".zip":
        return path.read_bytes()
    with ZipFile(path) as file:
        return {name: file.read(name) for name in file.namelist() if name != "eml.xml"}


def fresh(place: Path) -> Path:
    """Return a fresh copy of `state`."""
    trial = place / "trial"
    shutil.rmtree(trial, ignore_errors=True)
    shutil.copytree(place / "state", trial)
    return trial


@dataclass(frozen=True)
class Trial:
    """An operation, its place, and what it leads from and to."""

    operation: Operation
    place: Path
    before: Found
    after: Found
    ended: Ended

    def check(self, trial: Path, run: Callable[..., Ended], what: str) -> None:
        """Check what a command left that ended anywhere, repeat it, and check where that led."""
        now = found(self.operation, trial)
        for source_id in self.before.truth.keys() | self.after.truth.keys():
            ends = (self.before.truth.get(source_id), self.after.truth.get(source_id))
            assert now.truth.get(source_id) in ends, what
        assert now.truth.keys() <= self.before.truth.keys() | self.after.truth.keys(), what
        assert now.species in (self.before.species, self.after.species), what
        assert now.files in ({}, self.after.files), what
        finished = now == self.after and self.operation.repeated
        again = run(*self.operation.arguments(self.place, trial))
        assert again.is_clean, f"{what}: {again.text}"
        assert again.code == 0 or finished or now.files, f"{what}: {again.text}"
        assert found(self.operation, trial) == self.after, what
        if self.after.truth:
            assert verify(trial / self.operation.folder) == [], what
        unfinished = [path for path in trial.rglob("*") if is_unfinished(path)]
        assert unfinished == [], what


def is_unfinished(path: Path) -> bool:
    """Whether a file or folder is what a writer that died has left."""
    return path.suffix in (".tmp", ".wal") or path.name.startswith((".", "tmp"))


def measured(operation: Operation, place: Path, children: Children, counting: bool) -> Trial:
    """Run an operation to its end, and return the trial that others are compared with."""
    folder = fresh(place)
    before = found(operation, folder)
    fault = Fault(str(folder), -1) if counting else None
    ended = done(children.run(*operation.arguments(place, folder), fault=fault))
    after = found(operation, folder)
    return Trial(operation, place, before, after, ended)
