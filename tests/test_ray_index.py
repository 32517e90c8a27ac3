"""`taxalens index --on ray`, where Ray is installed: a cluster started for it, and one in use."""

import importlib.util
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from pictures import PICTURES
from test_slurm_index import vectors
from towers import write_tower

import taxalens
from indexer.ingest.indexing import index
from indexer.store.manifest import read_manifest
from indexer.store.part_folders import PARTS
from model.errors import BadInput

ROOT = Path(taxalens.__file__).parent
IS_THERE = importlib.util.find_spec("ray") is not None
needs_ray = pytest.mark.skipif(not IS_THERE, reason="Ray is not installed (pip install ray)")


@pytest.mark.skipif(IS_THERE, reason="Ray is installed")
def test_without_ray_nothing_is_made(photos: Path, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"pip install taxalens\[ray\]"):
        index(photos, tmp_path / "c", on="ray")
    assert not (tmp_path / "c").exists()


@pytest.fixture
def desk(photos: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder with photos and an encoder, and a home of its own, where Ray keeps its token."""
    monkeypatch.chdir(tmp_path)
    paths = [str(ROOT), *filter(None, os.environ.get("PYTHONPATH", "").split(":"))]
    monkeypatch.setenv("PYTHONPATH", ":".join(paths))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("RAY_ADDRESS", raising=False)
    write_tower(tmp_path / "tower")
    Path("photos/bad.jpg").write_text("no picture")
    index("photos", "here", encoder="local-dir:tower", workers=1)
    return "local-dir:tower"


@needs_ray
def test_a_cluster_that_is_started_for_the_run(desk: str) -> None:
    words = ["index", "photos", "-c", "c", "--encoder", desk, "--workers", "1", "--on", "ray"]
    done = subprocess.run(
        [sys.executable, "-m", "ui.cli", *words], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert f"c: {len(PICTURES)} embedded, 0 duplicates, 1 failed" in done.stdout
    assert "ray" not in done.stderr.lower()  # its remarks are not ours
    assert vectors("c") == vectors("here")
    assert not Path("c", PARTS).exists()
    manifest = read_manifest(Path("c"))
    (log,) = (json.loads(Path("c", path).read_text()) for path in manifest.paths("runs"))
    assert log["runtime"].startswith("openvino")


USED = """
import os, ray, taxalens
ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)

@ray.remote(num_cpus=2)
class Hog:
    def hold(self):
        return 1

hog = Hog.remote()
ray.get(hog.hold.remote())
try:
    taxalens.index("photos", "c", encoder="local-dir:tower", on="ray")
except taxalens.BadInput as error:
    print(error)
try:
    taxalens.index("photos", "c", workers=8, on="ray")
except taxalens.BadInput as error:
    print(error)
ray.kill(hog)
while ray.available_resources().get("CPU", 0) < 2:
    pass
print(taxalens.index("photos", "c", on="ray").embedded, ray.is_initialized())
print("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO" in os.environ)
ray.shutdown()
"""


@needs_ray
def test_a_cluster_in_use_is_not_waited_for_and_stays(desk: str) -> None:
    quiet = os.environ | {"RAY_USAGE_STATS_ENABLED": "0"}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", USED],
        capture_output=True,
        text=True,
        timeout=300,
        env=quiet,
    )
    assert done.returncode == 0, done.stderr
    busy, small, counts, leaked = done.stdout.splitlines()
    assert busy.startswith("Of 2 CPUs of the Ray cluster 0 are free, and a part needs 2: wait")
    assert small == "No node of the Ray cluster has 8 CPUs; ask for fewer --workers."
    assert (counts, leaked) == (f"{len(PICTURES)} True", "False")
    assert vectors("c") == vectors("here")


@needs_ray
@pytest.mark.skipif(
    os.environ.get("TAXALENS_TRUST") != "long", reason="Ray tries for 30 s; TAXALENS_TRUST=long"
)
def test_an_address_without_a_cluster_is_a_sentence(desk: str) -> None:
    code = (
        "import taxalens\ntry: taxalens.index('photos', 'c', encoder='local-dir:tower', "
        "on='ray://127.0.0.1:9')\nexcept taxalens.BadInput as error: print(error)"
    )
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=300
    )
    assert "The Ray cluster at ray://127.0.0.1:9 cannot be used" in done.stdout, done.stderr
