"""One collection, asked by many threads: each gets the answer that it gets alone."""

import gc
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from threading import Barrier

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from pictures import run, write_picture
from PIL import Image

from model.encoder import load
from model.once import once
from search.collection import Collection, open_collection

THREADS, CALLS = 8, 50
SPECIES = ("Panthera leo", "Pica hudsonia", "Ursus arctos", "Vulpes vulpes")


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[Path]]:
    """A collection of 40 noisy pictures of four species, and pictures to ask with."""
    folder = tmp_path_factory.mktemp("shared")
    noise = np.random.default_rng(0)
    paths = []
    for number in range(40):
        path = folder / "photos" / SPECIES[number % 4] / f"{number}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        base = noise.integers(0, 256, 3) * 0.7 + noise.integers(0, 70, (30, 30, 3))
        Image.fromarray(base.astype(np.uint8)).save(path)
        paths.append(path)
    run(folder / "photos", folder / "c", load("starter"))
    return folder / "c", paths


def questions(paths: list[Path]) -> list[tuple[str, dict]]:
    """Mixed calls, hardly two of them alike."""
    asked: list[tuple[str, dict]] = []
    for number in range(THREADS * CALLS):
        picture = str(paths[number % len(paths)])
        match number % 8:
            case 0 | 4:
                asked.append(("search", {"text": f"a photo number {number}", "k": 5}))
            case 1 | 5:
                asked.append(("search", {"image": picture, "k": 5}))
            case 2:
                asked.append(("search", {"query": SPECIES[number % 4], "k": 7}))
            case 3:
                asked.append(("search", {"text": f"fox {number}", "where": f"width > {number}"}))
            case 6:
                words = [f"snow {number}", SPECIES[number % 4], f"night {number}"]
                asked.append(("search_each", {"asked": words, "k": 3}))
            case 7 if number in (7, 15):  # seconds each
                asked.append(("identify", {"images": [picture]}))
            case _:
                asked.append(("search", {"query": "Vulpes", "plus": "snow", "k": 3}))
    return asked


def answer(collection: Collection, question: tuple[str, dict]) -> object:
    name, asked = question
    found = getattr(collection, name)(**asked)
    if name == "search_each":
        return [each.to_arrow().to_pylist() for each in found]
    if name == "identify":
        return [(each.row(), each.confidences, each.neighbours) for each in found]
    return found.meaning, found.to_arrow().to_pylist()


def test_every_answer_is_the_one_that_its_asker_gets_alone(
    shared: tuple[Path, list[Path]],
) -> None:
    folder, paths = shared
    asked = questions(paths)
    alone = open_collection(folder)
    expected = [answer(alone, question) for question in asked]
    together = open_collection(folder)  # anew: what loads at first use is raced for, too
    with ThreadPoolExecutor(THREADS) as pool:
        found = list(pool.map(lambda question: answer(together, question), asked))
    assert found == expected


def test_what_threads_share_is_made_once() -> None:
    made: list[int] = []
    start = Barrier(THREADS)

    class Opened:
        @once
        def part(self) -> object:
            """It."""
            made.append(1)
            return object()

        @once
        def other(self) -> object:
            return self.part, object()

        @once
        def failing(self) -> object:
            made.append(1)
            if len(made) == 2:
                raise ValueError("not yet")
            return len(made)

    opened = Opened()

    def get(_: int) -> object:
        start.wait()
        return opened.other

    with ThreadPoolExecutor(THREADS) as pool:
        assert len(set(pool.map(get, range(THREADS)))) == 1
    assert len(made) == 1
    assert Opened().part is not opened.part
    made[:] = [1]
    with pytest.raises(ValueError, match="not yet"):
        _ = opened.failing
    assert opened.failing == opened.failing == 3
    assert isinstance(Opened.part, once)
    assert Opened.part.__doc__ == "It."


def test_compiled_networks_are_freed_with_their_last_user(shared: tuple[Path, list[Path]]) -> None:
    from model.runtimes import openvino

    gc.collect()
    before = set(openvino._OPEN)
    first, second = open_collection(shared[0]), open_collection(shared[0])
    for collection in (first, second):
        collection.search(text="a fox", k=1)
    assert any(path.endswith("texts.xml") for path in openvino._OPEN)
    assert (
        first.encoder.runtime._networks["texts.xml"]
        is second.encoder.runtime._networks["texts.xml"]
    )
    del first, second, collection
    gc.collect()
    assert set(openvino._OPEN) <= before


def test_vectors_that_came_alone_are_searched_without_torch(tmp_path: Path) -> None:
    vectors = load("starter").encode_texts(["lion", "a fox"]).astype(np.float32)
    pq.write_table(pa.table({"uuid": ["1", "2"], "emb": list(vectors)}), tmp_path / "v.parquet")
    run(tmp_path / "v.parquet", tmp_path / "c", "starter")
    code = f"""
import sys
from search.collection import open_collection
assert open_collection({str(tmp_path / "c")!r}).search(text="lion", k=1)[0].source_id.endswith("/1")
print([name for name in ("torch", "open_clip") if name in sys.modules])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


def test_a_spec_whose_files_have_changed_is_loaded_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from model.specs import fingerprint_of, remember

    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    checkpoint = write_picture(tmp_path / "w.png", "red")
    for spec in ("starter", f"local-dir:{tmp_path}", f"ViT-B-32:{checkpoint}", "hf-hub:a/b"):
        assert fingerprint_of(spec) == ""
        remember(spec, "f" * 64)
        assert fingerprint_of(spec) == "f" * 64
        assert fingerprint_of(f"{spec}x") == ""
    write_picture(checkpoint, "blue", (99, 99))
    assert fingerprint_of(f"ViT-B-32:{checkpoint}") == fingerprint_of(f"local-dir:{tmp_path}") == ""
    (record,) = [
        each for each in (tmp_path / "cache").rglob("*.json") if b"hf-hub" in each.read_bytes()
    ]
    record.write_bytes(record.read_bytes().replace(b"ffff", b"eeee", 1))
    assert fingerprint_of("hf-hub:a/b") == ""
