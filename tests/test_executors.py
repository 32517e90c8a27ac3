"""Executors: the same collection wherever parts are embedded, in any order, twice or damaged."""

import io
import json
import pickle
import random
import shutil
import tarfile
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from importlib import import_module
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from colours import ColourEncoder
from hypothesis import given
from hypothesis import strategies as st
from pictures import run, write_picture
from PIL import Image

import indexer.executors
from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.engines import Watchdog
from indexer.ingest.jobs import Job
from indexer.ingest.part_files import ABOUT, check_versions, put
from indexer.ingest.pipeline import segment_inputs
from indexer.ingest.run import How, index_source, keep_catalog
from indexer.ingest.run_log import read_runs
from indexer.ingest.verify import verify
from indexer.ingest.worker import embed_parts
from indexer.store.derived import seal, unseal
from indexer.store.manifest import read_manifest
from indexer.store.part_folders import PARTS
from model.errors import BadInput, CollectionError, EncoderMismatch, UnknownName

ON = How(on="in-turn")
HERE = How()
PER_PART = ON.part


@pytest.fixture(autouse=True)
def plugin(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make `in_turn.py` an executor by its place in a folder of them, as any is."""
    paths = [*indexer.executors.__path__, str(Path(__file__).parent)]
    monkeypatch.setattr(indexer.executors, "__path__", paths)


@pytest.fixture
def use(monkeypatch: pytest.MonkeyPatch) -> Callable[[Callable[[Job], object]], None]:
    """Have jobs done by a function, at their beginning."""

    def put(work: Callable[[Job], object]) -> None:
        def engine(job: Job) -> Generator[None]:
            work(job)
            yield

        monkeypatch.setattr(import_module("indexer.executors.in_turn"), "engine", engine)

    return put


def embed(job: Job, numbers: list[int], version: str = "1") -> ColourEncoder:
    encoder = ColourEncoder(version)
    embed_parts(job.path, numbers, lambda: encoder)
    return encoder


def all_of(job: Job) -> None:
    embed(job, job.missing())


def content(collection: Path) -> object:
    """All that a collection says of its inputs and images, vectors included."""
    with open_snapshot(collection) as snapshot:
        images = snapshot.query('SELECT * FROM images ORDER BY "row"')
        inputs = snapshot.query("SELECT source_id, status, reason, image_id FROM inputs")
        vectors = np.concatenate([np.asarray(part) for part in snapshot.vectors()])
    manifest = read_manifest(collection)
    thumbs = [pq.read_table(collection / path).to_pydict() for path in manifest.paths("thumbs")]
    return images, inputs, vectors.tobytes(), thumbs


def parts_of(collection: Path) -> list[Path]:
    return sorted(collection.glob(f"{PARTS}/*/*.part"))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Pictures for two parts: duplicates within and across them, and bad ones."""
    folder = tmp_path_factory.mktemp("many") / "p"
    colours = random.Random(0)
    for number in range(PER_PART + 30):
        colour = f"#{colours.randrange(0x1000000):06x}"
        write_picture(folder / f"Genus species{'abc'[number % 3]}" / f"{number:03d}.png", colour)
    first = folder / "Genus speciesa" / "000.png"
    for name in ("Genus speciesa/000 again.png", "Genus speciesc/999.png", "zz.png"):
        (folder / name).write_bytes(first.read_bytes())
    (folder / "Genus speciesb" / "bad.jpg").write_text("no picture")
    (folder / "zzz.jpg").write_text("no picture")
    return folder


@pytest.fixture(scope="module")
def expected(source: Path, tmp_path_factory: pytest.TempPathFactory) -> object:
    collection = tmp_path_factory.mktemp("here") / "c"
    run(source, collection, how=HERE)
    return content(collection)


def test_parts_done_in_any_order_give_the_collection_of_a_run_here(
    source: Path, expected: object, tmp_path: Path, use: Callable
) -> None:
    def backwards(job: Job) -> None:
        assert len(job.missing()) == 2
        for number in reversed(job.missing()):
            embed(job, [number])

    use(backwards)
    done = run(source, tmp_path / "c", how=ON)
    assert (done.duplicates, done.failed, done.done) == (3, 2, done.total)
    assert content(tmp_path / "c") == expected
    assert verify(tmp_path / "c") == []
    assert not (tmp_path / "c" / PARTS).exists()


def test_two_workers_of_one_part_at_once_are_as_one(
    source: Path, expected: object, tmp_path: Path, use: Callable
) -> None:
    def both(job: Job) -> None:
        start = threading.Barrier(2)

        def work() -> None:
            start.wait()
            all_of(job)

        threads = [threading.Thread(target=work) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert not [*job.folder.glob(".*.tmp")]

    use(both)
    run(source, tmp_path / "c", how=ON)
    assert content(tmp_path / "c") == expected


def test_many_writers_of_one_file_at_once_leave_it_whole(tmp_path: Path) -> None:
    content = bytes(range(256)) * 2_000

    def write(_: int) -> None:
        put(tmp_path / "a.part", content)
        assert (tmp_path / "a.part").read_bytes() == content

    with ThreadPoolExecutor(8) as threads:
        list(threads.map(write, range(200)))
    assert [*tmp_path.iterdir()] == [tmp_path / "a.part"]


def test_a_worker_embeds_a_content_once_a_part(tmp_path: Path, use: Callable) -> None:
    for number in range(9):
        write_picture(tmp_path / "p" / f"{number}.png", "red")

    def counted(job: Job) -> None:
        assert embed(job, job.missing()).images_encoded == 1

    use(counted)
    done = run(tmp_path / "p", tmp_path / "c", how=How(batch_size=4, on="in-turn"))
    assert (done.embedded, done.duplicates) == (1, 8)


def test_a_part_embedded_again_is_the_same_file(
    source: Path, tmp_path: Path, use: Callable
) -> None:
    def twice(job: Job) -> None:
        all_of(job)
        before = {path: path.read_bytes() for path in job.folder.glob("*.part")}
        for path in before:
            path.unlink()
        all_of(job)
        assert {path: path.read_bytes() for path in before} == before
        assert embed(job, [0, 1]).images_encoded == 0  # they are there

    use(twice)
    run(source, tmp_path / "c", how=ON)


def stopped_after_one_part(source: Path, collection: Path, use: Callable) -> list[Path]:
    """Leave a collection as a driver does that dies after its first part."""
    use(all_of)
    driver = index_source(source, collection, ColourEncoder(), how=ON)
    assert next(driver).done == 0
    assert next(driver).done == PER_PART
    driver.close()
    return parts_of(collection)


def test_a_driver_that_died_leaves_parts_to_the_next(
    source: Path, expected: object, tmp_path: Path, use: Callable
) -> None:
    assert len(stopped_after_one_part(source, tmp_path / "c", use)) == 2
    keep_catalog(tmp_path / "c")  # another writer leaves them alone
    use(lambda job: pytest.fail("all parts are there"))
    done = run(source, tmp_path / "c", how=ON)
    assert done.done == done.total
    assert content(tmp_path / "c") == expected
    assert not (tmp_path / "c" / PARTS).exists()


def test_a_run_here_goes_on_where_one_elsewhere_stopped_and_clears_its_parts(
    source: Path, expected: object, tmp_path: Path, use: Callable
) -> None:
    stopped_after_one_part(source, tmp_path / "c", use)
    run(source, tmp_path / "c", how=HERE)
    assert content(tmp_path / "c") == expected
    assert not (tmp_path / "c" / PARTS).exists()


def test_parts_that_cannot_be_used_any_more_are_swept(
    source: Path, tmp_path: Path, use: Callable
) -> None:
    stopped_after_one_part(source, tmp_path / "c", use)
    (ours,) = (tmp_path / "c" / PARTS).iterdir()
    other = ours.rename(ours.with_name(f"{'0' * 12}-{ours.name[13:]}"))  # of another encoder
    keep_catalog(tmp_path / "c")
    assert not other.exists()


@pytest.mark.parametrize("place", [5, 40, 3_000, -9])
def test_a_damaged_part_is_embedded_again(
    source: Path, expected: object, tmp_path: Path, use: Callable, place: int
) -> None:
    rounds = []

    def damaging(job: Job) -> None:
        rounds.append(job.missing())
        all_of(job)
        if len(rounds) == 1:
            path = job.folder / f"{job.parts[1]}.part"
            content = bytearray(path.read_bytes())
            content[place] ^= 4
            path.write_bytes(content)

    use(damaging)
    run(source, tmp_path / "c", how=ON)
    assert rounds == [[0, 1], [1]]
    assert content(tmp_path / "c") == expected


class Bomb:
    """Runs code where it is unpickled."""

    def __reduce__(self) -> tuple[object, tuple[str]]:
        return (pytest.fail, ("code of a worker ran in the driver",))


def test_a_part_that_stays_damaged_is_a_sentence_and_runs_no_code(
    source: Path, tmp_path: Path, use: Callable
) -> None:
    def hostile(job: Job) -> None:
        for name in job.parts:
            (job.folder / f"{name}.part").write_bytes(seal(pickle.dumps(Bomb())))

    use(hostile)
    with pytest.raises(CollectionError, match="came damaged 3 times"):
        run(source, tmp_path / "c", how=ON)


def rewritten(path: Path, change: Callable[[dict], object], cell: tuple | None = None) -> None:
    """Change what a part says of itself, or a cell of it, and seal it again."""
    with pa.ipc.open_stream(io.BytesIO(bytes(unseal(path.read_bytes())))) as stream:
        table = stream.read_all()
    about = json.loads(table.schema.metadata[ABOUT])
    change(about)
    rows = table.to_pylist()
    if cell:
        rows[0][cell[0]] = cell[1]
    schema = table.schema.with_metadata({ABOUT: json.dumps(about)})
    sink = pa.BufferOutputStream()
    with pa.ipc.new_stream(sink, schema) as written:
        written.write_table(pa.Table.from_pylist(rows, schema))
    path.write_bytes(seal(sink.getvalue().to_pybytes()))


@pytest.mark.parametrize(
    "cell",
    [
        ("vector", b"12"),
        ("vector", np.ones(49, np.float16).tobytes()),
        ("vector", np.full(49, np.nan, np.float16).tobytes()),
        ("sha256", "../../etc"),
        ("sha256", ""),
        ("note", None),
        ("width", None),
    ],
)
def test_what_no_worker_writes_never_reaches_the_collection(
    source: Path, tmp_path: Path, use: Callable, cell: tuple
) -> None:
    def lying(job: Job) -> None:
        all_of(job)
        for name in job.parts:
            rewritten(job.folder / f"{name}.part", lambda about: None, cell)

    use(lying)
    with pytest.raises(CollectionError, match="came damaged"):
        run(source, tmp_path / "c", how=ON)


def test_workers_with_another_encoder_or_other_versions_are_refused(
    source: Path, tmp_path: Path, use: Callable
) -> None:
    use(lambda job: embed(job, job.missing(), version="2"))
    with pytest.raises(EncoderMismatch, match="embeds with another version of colours-1"):
        run(source, tmp_path / "a", how=ON)

    def older(job: Job) -> None:
        all_of(job)
        for path in job.folder.glob("*.part"):
            rewritten(path, lambda about: about["versions"].update(pillow="1.0"))

    use(older)
    with pytest.raises(CollectionError, match=r"has pillow 1\.0, and .*: install the same"):
        run(source, tmp_path / "b", how=ON)
    with pytest.raises(CollectionError, match="The run has taxalens 9"):
        check_versions({"taxalens": "9"}, "The run")


def test_inputs_that_a_worker_could_not_read_are_read_again_by_the_next_run(
    tmp_path: Path, use: Callable
) -> None:
    paths = [write_picture(tmp_path / "p" / f"{number}.png", "red") for number in range(3)]
    write_picture(tmp_path / "p" / "3.png", "blue")
    away = tmp_path / "away.png"

    def without_one(job: Job) -> None:
        paths[0].rename(away)
        all_of(job)
        away.rename(paths[0])

        raise KeyboardInterrupt  # and the driver ends before it has the part

    use(without_one)
    with pytest.raises(KeyboardInterrupt):
        run(tmp_path / "p", tmp_path / "c", how=ON)
    assert len(parts_of(tmp_path / "c")) == 1
    use(all_of)
    done = run(tmp_path / "p", tmp_path / "c", how=ON)
    assert (done.failed, done.done) == (0, 4)


def test_workers_that_do_not_see_the_pictures_end_the_run(tmp_path: Path, use: Callable) -> None:
    for number in range(3):
        write_picture(tmp_path / "p" / f"{number}.png", f"#0000{number}0")

    def elsewhere(job: Job) -> None:
        (tmp_path / "p").rename(tmp_path / "q")
        (tmp_path / "p").mkdir()  # as a mount point is on a machine without the mount
        all_of(job)
        (tmp_path / "p").rmdir()
        (tmp_path / "q").rename(tmp_path / "p")

    use(elsewhere)
    with pytest.raises(BadInput, match=r"p/0.png cannot be read: .* must lie on a file system"):
        run(tmp_path / "p", tmp_path / "c", how=ON)
    use(all_of)  # and what that worker left does not count
    assert run(tmp_path / "p", tmp_path / "c", how=ON).embedded == 3

    def unmounted(job: Job) -> None:
        (tmp_path / "p").rename(tmp_path / "q")
        all_of(job)

    write_picture(tmp_path / "p" / "new.png", "lime")
    use(unmounted)
    with pytest.raises(BadInput, match=r"p is not to be seen on .*: pictures must lie"):
        run(tmp_path / "p", tmp_path / "c", how=ON)


def test_a_source_that_changes_during_the_run_is_no_success(
    source: Path, tmp_path: Path, use: Callable
) -> None:
    folder = shutil.copytree(source, tmp_path / "p")

    def changing(job: Job) -> None:
        all_of(job)
        write_picture(folder / "Genus speciesc" / "999.png", "white", (9, 8))  # in the last part

    use(changing)
    with pytest.raises(BadInput, match="changed during the run; what was done is kept"):
        run(folder, tmp_path / "c", how=ON)
    use(all_of)
    run(folder, tmp_path / "c", how=ON)
    run(folder, tmp_path / "here", how=HERE)
    assert content(tmp_path / "c") == content(tmp_path / "here")


def a_tar(folder: Path) -> Path:
    with tarfile.open(folder / "s.tar", "w") as tar:
        for path in sorted((folder / "p").rglob("*.png")):
            tar.add(path, path.name)
    return folder / "s.tar"


def a_parquet(folder: Path) -> Path:
    pictures = [path.read_bytes() for path in sorted((folder / "p").rglob("*.png"))]
    pictures[7] = b""
    pq.write_table(pa.table({"image": pictures}), folder / "s.parquet", row_group_size=40)
    return folder / "s.parquet"


def detections(folder: Path) -> Path:
    found = [{"conf": 0.9, "bbox": [0.1 * n, 0, 1 / 3, 0.7]} for n in range(4)]
    images = [
        {"file": path.name, "detections": found} for path in sorted((folder / "p").glob("*.png"))
    ]
    path = folder / "p" / "detections.json"
    path.write_text(json.dumps({"detection_categories": {}, "images": images}))
    return path


@pytest.mark.parametrize("kind", [a_tar, a_parquet, detections])
def test_pictures_that_are_no_files_come_out_alike(
    tmp_path: Path, use: Callable, kind: Callable[[Path], Path]
) -> None:
    (tmp_path / "p").mkdir()
    dots = np.random.default_rng(3)
    for number in range(PER_PART // 2 if kind is detections else PER_PART + 9):
        pixels = dots.integers(0, 255, (12, 18, 3), np.uint8)
        Image.fromarray(pixels).save(tmp_path / "p" / f"{number:03d}.png")
    given = kind(tmp_path)
    use(all_of)
    run(given, tmp_path / "there", how=ON)
    run(given, tmp_path / "here", how=HERE)
    assert content(tmp_path / "there") == content(tmp_path / "here")


@given(st.integers(0, 10**9), st.integers(1, 5_000))
def test_commits_are_of_whole_parts_so_that_a_new_driver_cuts_alike(rows: int, batch: int) -> None:
    part = How(batch_size=batch).part
    assert part % batch == 0
    assert segment_inputs(rows, part) % part == 0
    assert segment_inputs(0, part) == part >= 256


def test_vectors_need_no_workers(tmp_path: Path, use: Callable) -> None:
    table = pa.table({"uuid": ["a"], "emb": [[1.0] + [0.0] * 48]})
    pq.write_table(table, tmp_path / "v.parquet")
    with pytest.raises(BadInput, match="holds vectors, which nobody needs to embed"):
        list(index_source(tmp_path / "v.parquet", tmp_path / "c", "colours-1", how=ON))


def test_the_log_of_a_run_tells_what_computed_elsewhere(tmp_path: Path, use: Callable) -> None:
    write_picture(tmp_path / "p" / "a.png", "red")

    def elsewhere(job: Job) -> None:
        all_of(job)
        (path,) = job.folder.glob("*.part")
        rewritten(path, lambda about: about.update(runtime="torch fp16"))

    use(elsewhere)
    run(tmp_path / "p", tmp_path / "c", how=ON)
    (log,) = read_runs(tmp_path / "c", read_manifest(tmp_path / "c"))
    assert log["runtime"] == "torch fp16"


def test_an_executor_that_is_none_is_refused_before_anything_is_made(
    source: Path, tmp_path: Path
) -> None:
    with pytest.raises(UnknownName, match=r"no executor 'slurmm'.*Did you mean slurm"):
        run(source, tmp_path / "c", how=How(on="slurmm"))
    with pytest.raises(BadInput, match="takes no address"):
        run(source, tmp_path / "c", how=How(on="here:9"))
    with pytest.raises(BadInput, match="no number of tasks"):
        run(source, tmp_path / "c", how=How(on="slurm:0"))
    with pytest.raises(BadInput, match="no address of Ray"):
        run(source, tmp_path / "c", how=How(on="ray:6379"))
    assert not (tmp_path / "c").exists()


def test_a_run_without_a_sign_of_life_ends(source: Path, tmp_path: Path, use: Callable) -> None:
    def patient(job: Job) -> None:
        silent = Watchdog(job, patience=0.0)
        silent.look()
        silent.look(is_waiting=True)  # in a queue nobody works
        embed(job, [0])
        silent.look()
        with pytest.raises(CollectionError, match="1 of 2 parts are missing: look at the workers"):
            silent.look()
        embed(job, [1])

    use(patient)
    run(source, tmp_path / "c", how=ON)
