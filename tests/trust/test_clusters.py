"""Real clusters: pictures through Slurm and Ray come out as here, whoever is killed on the way.

TAXALENS_TRUST=long runs them: Slurm with two nodes on this machine (Debian's packages slurm-wlm and
munge, as root), Ray where it is installed. Workers, a node and the driver are killed by SIGKILL.
"""

import importlib.util
import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from towers import write_tower
from trust import slurm_cluster
from trust.slurm_cluster import SlurmCluster

import taxalens
from indexer.catalog.snapshot import open_snapshot
from indexer.ingest.verify import verify
from indexer.store.part_folders import PARTS

LONG = os.environ.get("TAXALENS_TRUST") == "long"
pytestmark = pytest.mark.skipif(not LONG, reason="runs clusters; set TAXALENS_TRUST=long")
PICTURES, BAD, TWICE = 20_000, 179, 60
ROOT = Path(taxalens.__file__).parent
PATIENCE = 420.0  # seconds


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with photographs, some damaged and some twice, and an encoder."""
    folder = tmp_path_factory.mktemp("desk")
    dots, fates = np.random.default_rng(0), random.Random(0)
    bad = set(fates.sample(range(PICTURES), BAD))
    written: list[bytes] = []
    for number in range(PICTURES):
        path = folder / "photos" / f"Genus species{'abcdefg'[number % 7]}" / f"{number:05d}.jpg"
        path.parent.mkdir(parents=True, exist_ok=True)
        if number in bad:
            path.write_bytes(
                written[-1][: number % 90] if number % 2 else b"<html>not found</html>"
            )
            continue
        pixels = dots.integers(0, 255, (9, 12, 3), np.uint8)
        Image.fromarray(pixels).resize((96, 72)).save(path)
        written.append(path.read_bytes())
    whole = [each for each in sorted((folder / "photos").rglob("*.jpg")) if _is_whole(each)]
    for path, other in zip(*(iter(fates.sample(whole, 2 * TWICE)),) * 2, strict=True):
        path.write_bytes(other.read_bytes())
    write_tower(folder / "tower")
    return folder


def _is_whole(path: Path) -> bool:
    return path.stat().st_size > 500


@pytest.fixture(scope="module")
def here(desk: Path) -> tuple[Path, float]:
    """A collection that was made here, and the seconds that it took."""
    index(desk, "warm-up", limit=64)  # the encoder is compiled once
    start = time.monotonic()
    finish(driver(desk, "here"))
    return desk / "here", time.monotonic() - start


@pytest.fixture(scope="module")
def slurm(desk: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[SlurmCluster]:
    """Two nodes of a processor each."""
    if lacking := slurm_cluster.missing():
        pytest.skip(f"{', '.join(lacking)}: apt-get install slurm-wlm munge")
    if os.geteuid():
        pytest.skip("Slurm's daemons want to be root")
    cluster = SlurmCluster(tmp_path_factory.mktemp("slurm"))
    yield cluster
    cluster.close()


def variables(desk: Path, more: Mapping[str, str] | None = None) -> dict[str, str]:
    paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
    own = {"PYTHONPATH": ":".join(paths), "XDG_CACHE_HOME": str(desk / "cache")}
    return {**os.environ, "OMP_NUM_THREADS": "1", "HOME": str(desk), **own, **(more or {})}


def driver(
    desk: Path, collection: str, *words: str, more: Mapping[str, str] | None = None
) -> "subprocess.Popen[str]":
    """Start `taxalens index photos`."""
    command = [sys.executable, "-m", "ui.cli", "index", "photos", "--encoder", "local-dir:tower"]
    return subprocess.Popen(
        [*command, "-c", collection, "--workers", "1", *words],
        cwd=desk,
        env=variables(desk, more),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def index(desk: Path, collection: str, limit: int) -> None:
    some = desk / "some"
    some.mkdir()
    for path in sorted((desk / "photos").rglob("*.jpg"))[:limit]:
        shutil.copy(path, some)
    command = [sys.executable, "-m", "ui.cli", "index", "some", "--encoder", "local-dir:tower"]
    subprocess.run([*command, "-c", collection], cwd=desk, env=variables(desk), check=True)


def finish(process: "subprocess.Popen[str]") -> str:
    """Wait for a driver that ends well."""
    output, errors = process.communicate(timeout=PATIENCE)
    assert process.returncode == 0, errors[-2000:]
    return output + errors


def wait_for(collection: Path, parts: int, process: "subprocess.Popen[str]") -> None:
    """Wait until workers have embedded so many parts."""
    while len([*collection.glob(f"{PARTS}/*/*.part")]) < parts:
        assert process.poll() is None, process.communicate()
        time.sleep(0.02)


def ours(desk: Path, words: str) -> list[int]:
    """Return the ids of the processes that run for this desk and whose command has words in it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = process.joinpath("cmdline").read_bytes().replace(b"\0", b" ")
            belongs = os.fsencode(desk) in process.joinpath("environ").read_bytes()
        except OSError:
            continue
        if words.encode() in command and belongs and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


def content(collection: Path) -> object:
    """Each image with its vector, and what became of each input."""
    with open_snapshot(collection) as snapshot:
        vectors = np.concatenate([np.asarray(part) for part in snapshot.vectors()])
        images = snapshot.query(
            'SELECT source_id, image_id, sha256, width, height, label FROM images ORDER BY "row"'
        )
        inputs = snapshot.query("SELECT source_id, status, reason FROM inputs ORDER BY source_id")
    return images, inputs, vectors.tobytes()


def check(collection: Path, here: tuple[Path, float]) -> None:
    """Compare with the collection made here: nothing lost, nothing doubled, each bit the same."""
    assert content(collection) == content(here[0])
    with open_snapshot(collection) as snapshot:
        fates = dict(snapshot.query("SELECT status, count(*) FROM inputs GROUP BY 1"))
        assert snapshot.query("SELECT count(*), count(DISTINCT image_id) FROM images") == [
            (PICTURES - BAD, PICTURES - BAD)
        ]
    assert Counter(fates) == {"embedded": PICTURES - BAD - TWICE, "duplicate": TWICE, "failed": BAD}
    assert verify(collection) == []
    assert not (collection / PARTS).exists()


def report(capsys: pytest.CaptureFixture[str], name: str, seconds: float, here: float) -> None:
    with capsys.disabled():
        print(f"\n{name}: {PICTURES:,} pictures in {seconds:.1f} s, here {here:.1f} s")


def test_slurm(
    desk: Path, here: tuple[Path, float], slurm: SlurmCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    start = time.monotonic()
    finish(driver(desk, "slurm", "--on", "slurm:2", more=slurm.environment))
    report(capsys, "Slurm, two nodes", time.monotonic() - start, here[1])
    check(desk / "slurm", here)


def test_slurm_with_a_worker_a_node_and_the_driver_killed(
    desk: Path, here: tuple[Path, float], slurm: SlurmCluster, capsys: pytest.CaptureFixture[str]
) -> None:
    start, collection = time.monotonic(), desk / "slurm-killed"
    first = driver(desk, "slurm-killed", "--on", "slurm:2", more=slurm.environment)
    wait_for(collection, 5, first)
    os.kill(ours(desk, "indexer.ingest.worker")[0], signal.SIGKILL)
    wait_for(collection, 12, first)
    slurm.kill_node("n2")  # its task goes on beside the one that Slurm starts for it
    wait_for(collection, 20, first)
    first.kill()
    first.communicate()
    second = driver(desk, "slurm-killed", "--on", "slurm:2", more=slurm.environment)
    time.sleep(15)  # until Slurm has noticed the node's death
    slurm.start_node("n2")
    finish(second)
    report(capsys, "Slurm, killed", time.monotonic() - start, here[1])
    check(collection, here)


def test_slurm_stopped_by_ctrl_c(desk: Path, here: tuple[Path, float], slurm: SlurmCluster) -> None:
    before = signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's "&" ignores it
    try:
        first = driver(desk, "stopped", "--on", "slurm:2", more=slurm.environment)
    finally:
        signal.signal(signal.SIGINT, before)
    wait_for(desk / "stopped", 5, first)
    first.send_signal(signal.SIGINT)
    _, errors = first.communicate(timeout=PATIENCE)
    assert first.returncode == 130, errors
    end = time.monotonic() + 60
    while slurm.ask("squeue", "--noheader"):
        assert time.monotonic() < end, "the array goes on"
        time.sleep(0.5)
    finish(driver(desk, "stopped", "--on", "slurm:2", more=slurm.environment))
    check(desk / "stopped", here)


RAY = """
import sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
other = cluster.add_node(num_cpus=1)
cluster.wait_for_nodes()
print("at", cluster.address, flush=True)
for line in sys.stdin:
    cluster.remove_node(other, allow_graceful=False)
    print("removed", flush=True)
cluster.shutdown()
"""


@pytest.fixture
def ray(desk: Path) -> Iterator[tuple[Mapping[str, str], Callable[[], None]]]:
    """Two nodes of a processor each: the environment of a driver, and a way to kill the second."""
    if importlib.util.find_spec("ray") is None:
        pytest.skip("Ray is not installed")
    quiet = {"RAY_USAGE_STATS_ENABLED": "0"}
    process = subprocess.Popen(
        [sys.executable, "-W", "ignore", "-c", RAY],
        env=variables(desk, quiet),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin
    assert process.stdout

    def until(word: str) -> str:
        assert process.stdout
        while not (line := process.stdout.readline()).startswith(word):
            assert line, "Ray does not start"
        return line.split()[-1]

    def kill() -> None:
        assert process.stdin
        print("kill", file=process.stdin, flush=True)
        until("removed")

    yield {"RAY_ADDRESS": until("at ")}, kill
    process.stdin.close()
    process.wait(60)
    process.stdout.close()


def test_ray(
    desk: Path,
    here: tuple[Path, float],
    ray: tuple[Mapping[str, str], Callable[[], None]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    start = time.monotonic()
    finish(driver(desk, "ray", "--on", "ray", more=ray[0]))
    report(capsys, "Ray, two nodes", time.monotonic() - start, here[1])
    check(desk / "ray", here)


def test_ray_with_a_worker_a_node_and_the_driver_killed(
    desk: Path,
    here: tuple[Path, float],
    ray: tuple[Mapping[str, str], Callable[[], None]],
    capsys: pytest.CaptureFixture[str],
) -> None:
    (address, kill_node), collection = ray, desk / "ray-killed"
    start = time.monotonic()
    first = driver(desk, "ray-killed", "--on", "ray", more=address)
    wait_for(collection, 5, first)
    while not (workers := ours(desk, "ray::_embed")):
        assert first.poll() is None, first.communicate()
    os.kill(workers[0], signal.SIGKILL)
    wait_for(collection, 12, first)
    kill_node()
    wait_for(collection, 20, first)
    first.kill()
    first.communicate()
    finish(driver(desk, "ray-killed", "--on", "ray", more=address))
    report(capsys, "Ray, killed", time.monotonic() - start, here[1])
    check(collection, here)
